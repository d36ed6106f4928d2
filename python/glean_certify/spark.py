"""Certifies a Spark DataFrame of images: one session for each core of an executor, each checked where it runs.

It needs pyspark and pyarrow: pip install 'glean-certify[spark]', on the driver and on the workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .certifier import Certifier, Radius
from .columns import Content, images_of
from .errors import InputError
from .run.known_vectors import Predictions

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ANSWERS = ("label", "class", "radius", "certified", "model_sha256", "error")


@dataclass(frozen=True)
class _Settings:
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


def certify(
    images: DataFrame,
    model: str | os.PathLike[str] | bytes,
    public_key: str | Path | None = None,
    *,
    signature: str | None = None,
    sha256: str | None = None,
    image: str = "image",
    content: Content = "encoded",
    keep: Sequence[str] | None = None,
    prefix: str = "",
    min_radius: float = 0.0,
    radius: Radius = "graph",
    batch_size: int = 64,
) -> DataFrame:
    """The DataFrame with an answer for each image, in six columns, whose names get this prefix.

    `label` (int), `class`, `radius` (float), `certified` (the radius is above 0 and at least `min_radius`),
    `model_sha256`, and `error`: what is wrong with an image that cannot be read. Such a row has no label, class and
    radius, and is not certified; it does not end the job. A model or a provider that is refused does.

    `image` names a column of encoded files (`content` "encoded": binary, as Spark's `binaryFile` reads them), or of
    pixels ("pixels": binary of H·W·C bytes, an array of integers from 0 to 255, or an array of float on [0, 1]). Of the
    other columns, those in `keep` stay; by default all of them.

    The model is checked here as Certifier.load does it, with the same `public_key`, `signature` and `sha256`, sent to
    the executors once, and checked again by every process that runs it. Every batch has the same size, so that an
    answer does not depend on how the images are divided.

    Raises what Certifier.load raises, and InputError if a column is not there, or not of such a type.
    """
    plan = _plan(
        images, model, public_key, signature, sha256, image, content, keep, prefix, min_radius, radius, batch_size
    )

    def answer(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        certifier = _certifier_here(plan.source, plan.settings)
        for batch in batches:
            yield _answered(batch, certifier, plan.settings, plan.names)

    return images.select(*map(_quoted, plan.columns)).mapInArrow(answer, plan.schema)


def certify_parquet(
    spark: SparkSession,
    path: str,
    model: str | os.PathLike[str] | bytes,
    public_key: str | Path | None = None,
    *,
    signature: str | None = None,
    sha256: str | None = None,
    image: str = "image",
    content: Content = "encoded",
    keep: Sequence[str] | None = None,
    prefix: str = "",
    min_radius: float = 0.0,
    radius: Radius = "graph",
    batch_size: int = 64,
) -> DataFrame:
    """What certify gives for the Parquet files at this path; each worker reads its own row groups of them.

    So no image passes through Java. The workers must be able to open the files: in a shared folder, or wherever pyarrow
    can open them.

    Raises InputError in addition if a column is not in the files but in the names of their folders.
    """
    images = spark.read.parquet(path)
    plan = _plan(
        images, model, public_key, signature, sha256, image, content, keep, prefix, min_radius, radius, batch_size
    )
    with ThreadPoolExecutor(16) as pool:
        footers = list(pool.map(lambda file: (file, *_footer(file)), images.inputFiles()))
    groups = []
    for file, columns, count in footers:
        missing = set(plan.columns) - columns
        if missing:
            raise InputError(f"{file}: no column '{min(missing)}' in the file itself; use certify for it")
        groups += [(file, group) for group in range(count)]
    # The types in which Spark wants the columns back.
    types = images.select(*map(_quoted, plan.columns)).limit(0).toArrow().schema

    def answer(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        certifier = _certifier_here(plan.source, plan.settings)
        for batch in batches:
            for file, group in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                for rows in _rows(file, group, plan.columns, 64 * batch_size):
                    columns = [rows.column(name).cast(types.field(name).type) for name in plan.columns]
                    whole = pa.RecordBatch.from_arrays(columns, names=list(plan.columns))
                    yield _answered(whole, certifier, plan.settings, plan.names)

    tasks = spark.sparkContext.parallelize(groups, max(1, len(groups)))
    return spark.createDataFrame(tasks, "file string, row_group int").mapInArrow(answer, plan.schema)


def _opened(file: str) -> Any:
    """The file at an address that Spark gives."""
    from pyarrow import fs

    address = urlsplit(file)
    if address.scheme in ("", "file"):
        return fs.LocalFileSystem().open_input_file(unquote(address.path))
    system, path = fs.FileSystem.from_uri(file.replace("s3a://", "s3://", 1))
    return system.open_input_file(path)


def _footer(file: str) -> tuple[set[str], int]:
    """The names of a Parquet file's columns, and how many row groups it has."""
    from pyarrow import parquet

    with _opened(file) as opened:
        read = parquet.ParquetFile(opened)
        return set(read.schema_arrow.names), read.num_row_groups


def _rows(file: str, group: int, columns: Sequence[str], count: int) -> Iterator[pa.RecordBatch]:
    """The rows of a row group, some at a time."""
    from pyarrow import parquet

    with _opened(file) as opened:
        yield from parquet.ParquetFile(opened).iter_batches(count, row_groups=[group], columns=list(columns))


@dataclass(frozen=True)
class _Plan:
    """What is the same for all workers."""

    settings: _Settings
    # Gives the model's bytes where it is called.
    source: Callable[[], bytes]
    # The columns to read, and those of the answers.
    columns: tuple[str, ...]
    names: tuple[str, ...]
    # Of the result, as Spark writes it.
    schema: str


def _plan(
    images: DataFrame,
    model: str | os.PathLike[str] | bytes,
    public_key: str | Path | None,
    signature: str | None,
    sha256: str | None,
    image: str,
    content: Content,
    keep: Sequence[str] | None,
    prefix: str,
    min_radius: float,
    radius: Radius,
    batch_size: int,
) -> _Plan:
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
            raise InputError(f"the column '{name}' is there already: give a prefix for the answers, or leave it out")
    settings = _Settings(
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
    fields = [*(f"{_quoted(name)} {images.schema[name].dataType.simpleString()}" for name in kept)]
    fields += [f"{_quoted(name)} {kind}" for name, kind in zip(names, types, strict=True)]
    return _Plan(
        settings,
        _broadcast(images, checked.data),
        tuple(dict.fromkeys([*kept, image])),
        tuple(names),
        ", ".join(fields),
    )


def certified_accuracy(
    answers: DataFrame, truth: str, radii: Sequence[float] = (0.0, 0.25, 0.5, 0.75, 1.0), *, prefix: str = ""
) -> dict[str, Any]:
    """Certified accuracy and average certified radius of answers beside a column of true labels (index of the class).

    {"n", "errors", "accuracy", "acr", "certifiedAccuracy": {"0.00": …}}, fractions of 1. An image counts as certified
    at r if its label is right and its radius is at least r, and above 0 (at r = 0: if its label is right). An error
    counts as wrong.
    """
    from pyspark.sql import functions

    label, radius = functions.col(_quoted(f"{prefix}label")), functions.col(_quoted(f"{prefix}radius")).cast("double")
    right = functions.coalesce(label == functions.col(_quoted(truth)), functions.lit(False))
    one = functions.lit(1.0)

    def share(condition: Any) -> Any:
        return functions.avg(functions.when(condition, one).otherwise(0.0))

    found = answers.agg(
        functions.count(functions.lit(1)).alias("n"),
        functions.count(functions.col(_quoted(f"{prefix}error"))).alias("errors"),
        share(right).alias("accuracy"),
        functions.avg(functions.when(right, radius).otherwise(0.0)).alias("acr"),
        *(share(right & (radius >= r)).alias(f"r{i}") for i, r in enumerate(radii)),
    ).first()
    return {
        **{key: found[key] for key in ("n", "errors", "accuracy", "acr")},
        "certifiedAccuracy": {f"{r:.2f}": found[f"r{i}"] for i, r in enumerate(radii)},
    }


def _quoted(name: str) -> str:
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


# One process of Python works for one core, and is used again: it keeps what it has loaded.
_LOADED: dict[_Settings, Certifier] = {}


def _certifier_here(source: Callable[[], bytes], settings: _Settings) -> Certifier:
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


def _answered(batch: pa.RecordBatch, certifier: Certifier, settings: _Settings, names: Sequence[str]) -> pa.RecordBatch:
    pixels, errors = images_of(batch.column(settings.image), certifier.certificate.shape, settings.content)
    wrong = np.array([error is not None for error in errors], dtype=np.bool_)
    label = np.zeros(len(errors), dtype=np.int32)
    radius = np.zeros(len(errors), dtype=np.float32)
    if len(pixels) > 0:
        predictions = _predict(certifier, pixels, settings.batch_size)
        label[~wrong] = predictions.label
        radius[~wrong] = predictions.radius
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


def _predict(certifier: Certifier, pixels: npt.NDArray[Any], batch_size: int) -> Predictions:
    """The answers for images that are filled up to whole batches, so that no kernel sees another size."""
    n = len(pixels)
    missing = -n % batch_size
    if missing > 0:
        pixels = np.concatenate([pixels, np.zeros((missing, *pixels.shape[1:]), dtype=pixels.dtype)])
    label, radius, logits = certifier.predict(pixels)
    return Predictions(label[:n], radius[:n], logits[:n])
