"""What runs in a worker of Spark: the certifier of its process, and the answers to a batch of Arrow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..certifier import Certifier, Radius
from ..columns import Content, images_of
from ..images import Shape

ANSWERS = ("label", "class", "radius", "certified", "model_sha256", "error")
# Bytes of pixels that a worker takes at once: few enough for a processor's cache.
_AT_ONCE = 2**22


@dataclass(frozen=True)
class Settings:
    """What a worker needs beside the bytes of the model."""

    sha256: str
    public_key: str | None
    signature: str | None
    radius: Radius
    batch_size: int
    image: str
    content: Content
    kept: tuple[str, ...]
    min_radius: float


# One process of Python works for one core, and is used again: it keeps what it has loaded.
_LOADED: dict[Settings, Certifier] = {}


def certifier_here(source: Callable[[], bytes], settings: Settings) -> Certifier:
    """The certifier of this process, which has run every check of Certifier.load in it."""
    found = _LOADED.get(settings)
    if found is None:
        found = Certifier.load(
            source(),
            settings.public_key,
            signature=settings.signature,
            sha256=settings.sha256,
            batch_size=settings.batch_size,
            radius=settings.radius,
            threads=1,
        )
        _LOADED.clear()
        _LOADED[settings] = found
    return found


def rows_at_once(shape: Shape, batch_size: int) -> int:
    """How many images a worker reads at once: whole batches."""
    return batch_size * max(1, _AT_ONCE // (batch_size * shape[0] * shape[1] * shape[2]))


def answered(batch: pa.RecordBatch, certifier: Certifier, settings: Settings, names: Sequence[str]) -> pa.RecordBatch:
    """The columns that are kept of these rows, and their answers under these names."""
    pixels, errors = images_of(batch.column(settings.image), certifier.certificate.shape, settings.content)
    wrong = np.array([error is not None for error in errors], dtype=np.bool_)
    label = np.zeros(len(errors), dtype=np.int32)
    radius = np.zeros(len(errors), dtype=np.float32)
    label[~wrong], radius[~wrong] = _predicted(certifier, pixels, settings.batch_size)
    certified = ~wrong & (radius > 0) & (radius.astype(np.float64) >= settings.min_radius)
    labels = pa.array(label, mask=wrong)
    answers = [
        labels,
        pa.array(certifier.classes, type=pa.string()).take(labels),
        pa.array(radius, mask=wrong),
        pa.array(certified),
        pa.array([certifier.sha256] * len(errors), type=pa.string()),
        pa.array(errors, type=pa.string()),
    ]
    return pa.RecordBatch.from_arrays(
        [*(batch.column(name) for name in settings.kept), *answers], names=[*settings.kept, *names]
    )


def _predicted(
    certifier: Certifier, pixels: npt.NDArray[Any], batch_size: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Labels and radii, batch by batch; the last one is filled up with black, so that no kernel sees another size."""
    n = len(pixels)
    label = np.empty(n, dtype=np.int32)
    radius = np.empty(n, dtype=np.float32)
    for begin in range(0, n, batch_size):
        part = pixels[begin : begin + batch_size]
        there = len(part)
        if there < batch_size:
            part = np.concatenate([part, np.zeros((batch_size - there, *part.shape[1:]), dtype=part.dtype)])
        predictions = certifier.predict(part)
        label[begin : begin + there] = predictions.label[:there]
        radius[begin : begin + there] = predictions.radius[:there]
    return label, radius
