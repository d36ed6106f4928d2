"""What is the same for all workers of a job: the checked model, and the columns that go in and come out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from ..certifier import Certifier, Radius
from ..columns import Content
from ..errors import InputError
from ..images import Shape
from .tally import Tally
from .worker import ANSWERS, Settings, answered, certifier_here

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Plan:
    settings: Settings
    # Gives the model's bytes where it is called.
    source: Callable[[], bytes]
    shape: Shape
    # The columns to read, and those of the answers.
    columns: tuple[str, ...]
    names: tuple[str, ...]
    # Of the result, as Spark writes it.
    schema: str
    tally: Tally | None

    def answers(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """What a worker makes of the rows that it gets."""
        certifier = certifier_here(self.source, self.settings)
        for batch in batches:
            answers = answered(batch, certifier, self.settings, self.names)
            if self.tally is not None:
                self.tally.images.add(len(answers))
                self.tally.errors.add(len(answers) - answers.column(self.names[-1]).null_count)
            yield answers


def make_plan(
    images: DataFrame,
    model: str | os.PathLike[str] | bytes,
    public_key: str | Path | None,
    *,
    signature: str | None,
    sha256: str | None,
    image: str,
    content: Content,
    keep: Sequence[str] | None,
    prefix: str,
    min_radius: float,
    radius: Radius,
    batch_size: int,
    tally: Tally | None,
) -> Plan:
    """See `certify`."""
    # On the driver first, so that a wrong file is refused before anything runs.
    checked = Certifier.load(
        model, public_key, signature=signature, sha256=sha256, batch_size=batch_size, radius=radius, threads=1
    )
    _check_column(images, image, content)
    kept = [name for name in images.columns if name != image] if keep is None else list(keep)
    names = [prefix + name for name in ANSWERS]
    for name in kept:
        if name not in images.columns:
            raise InputError(f"no column '{name}' to keep, found {', '.join(images.columns)}")
        if name in names:
            raise InputError(f"the column '{name}' is there already: give the answers' columns a prefix")
    settings = Settings(
        # These bytes and no others, whatever vouched for them.
        sha256=checked.sha256,
        public_key=checked.public_key,
        signature=checked.signature,
        radius=radius,
        batch_size=batch_size,
        image=image,
        content=content,
        kept=tuple(kept),
        min_radius=min_radius,
    )
    types = ("int", "string", "float", "boolean not null", "string not null", "string")
    fields = [*(f"{quoted(name)} {images.schema[name].dataType.simpleString()}" for name in kept)]
    fields += [f"{quoted(name)} {kind}" for name, kind in zip(names, types, strict=True)]
    return Plan(
        settings,
        _broadcast(images, checked.data),
        checked.certificate.shape,
        tuple(dict.fromkeys([*kept, image])),
        tuple(names),
        ", ".join(fields),
        tally,
    )


def quoted(name: str) -> str:
    """A column's name as Spark's expressions have it."""
    return "`" + name.replace("`", "``") + "`"


def _check_column(images: DataFrame, image: str, content: Content) -> None:
    if content not in ("encoded", "pixels"):
        raise InputError(f'content must be "encoded" or "pixels", got {content!r}')
    if image not in images.columns:
        raise InputError(f"no column '{image}' of images, found {', '.join(images.columns)}")
    found = images.schema[image].dataType.simpleString()
    pixels = ("binary", "array<float>", "array<tinyint>", "array<smallint>", "array<int>", "array<bigint>")
    allowed = pixels if content == "pixels" else ("binary",)
    if found not in allowed:
        raise InputError(f"the column '{image}' of {content} is {found}, expected one of {', '.join(allowed)}")


def _broadcast(images: DataFrame, data: bytes) -> Callable[[], bytes]:
    """A function that gives the bytes where it is called."""
    try:
        broadcast = images.sparkSession.sparkContext.broadcast(data)
    # Spark Connect has no broadcast; there the bytes travel with the function.
    except Exception:
        return lambda: data
    return lambda: bytes(broadcast.value)
