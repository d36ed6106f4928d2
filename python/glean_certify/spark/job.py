"""A whole job: from a table or a folder of images to a table of answers, which is either complete or not there.

With a checkpoint, a job that was killed goes on where it was (stream.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ..columns import Content
from ..errors import InputError
from .accuracy import certified_accuracy
from .parquet import certify_parquet
from .plan import quoted
from .storage import Storage
from .stream import Stream
from .table import certify
from .tally import Tally
from .watch import watched

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# The jobs that are cancelled together.
_GROUP = "glean-certify"


class TooManyErrorsError(Exception):
    """More images cannot be read than are allowed."""


@dataclass(frozen=True)
class Job:
    """What to certify, and where to write it; the options of `python -m glean_certify.batch`."""

    model: str
    source: str
    out: str
    key: str | None = None
    sha256: str | None = None
    # The source is a folder of image files, at any depth; otherwise it is Parquet.
    files: bool = False
    # Workers read the Parquet files themselves.
    direct: bool = False
    image: str = "image"
    content: Content = "encoded"
    label: str | None = None
    prefix: str = ""
    min_radius: float = 0.0
    batch_size: int = 64
    checkpoint: str | None = None
    files_per_step: int = 100
    max_errors: int | None = None


@dataclass(frozen=True)
class Progress:
    """Images that have been answered, of all, and those among them that cannot be read."""

    images: int
    total: int
    errors: int


def run(spark: SparkSession, job: Job, show: Callable[[Progress], None]) -> dict[str, Any]:
    """Writes the answers and counts them: {"n", "errors", "certified", "modelSha256"}, and certified_accuracy's counts.

    `show` hears how far it is. Raises InputError, what Certifier.load raises, and TooManyErrorsError; then there is no
    output, or with a checkpoint one that another run completes.
    """
    storage = Storage(spark)
    _check_places(storage, job)
    table = _table(spark, job)
    _check_label(table, job)
    total = table.count()
    tally = Tally.of(spark)
    options: dict[str, Any] = {
        "public_key": None if job.key is None else Path(job.key),
        "sha256": job.sha256,
        "image": "content" if job.files else job.image,
        "content": "encoded" if job.files else job.content,
        "prefix": job.prefix,
        "min_radius": job.min_radius,
        "batch_size": job.batch_size,
        "tally": tally,
    }
    done, errors_done = 0, 0

    def look() -> None:
        answered, errors = done + tally.images.value, errors_done + tally.errors.value
        show(Progress(answered, total, errors))
        if job.max_errors is not None and errors > job.max_errors:
            again = "" if job.checkpoint is None else "; a run with a higher limit goes on from here"
            raise TooManyErrorsError(
                f"{errors} of {answered} images cannot be read, and {job.max_errors} are allowed: stopped{again}"
            )

    if job.checkpoint is not None:
        stream = Stream(spark, storage, job.checkpoint, job.out, _lasting(storage, job))
        stream.check()
        if stream.begun():
            counted = _counted(spark, job)
            done, errors_done = counted["n"], counted["errors"]
        images = stream.read(table.schema, job.source, job.files, job.files_per_step)
        stream.write(certify(_columns(images, job), job.model, **options), look)
    elif job.direct:
        _write(spark, storage, job.out, certify_parquet(spark, job.source, job.model, **options), look)
    else:
        _write(spark, storage, job.out, certify(_columns(table, job), job.model, **options), look)
    return _counted(spark, job)


def _check_places(storage: Storage, job: Job) -> None:
    if job.direct and (job.files or job.checkpoint is not None):
        raise InputError("--direct reads whole tables of Parquet, so it goes neither with --files nor with --resume")
    if job.checkpoint is None and storage.exists(job.out):
        raise InputError(f"--out {job.out}: is there already; remove it, or give another folder")
    source = storage.full(job.source)
    for name, path in (("--out", job.out), ("--resume", job.checkpoint)):
        if path is not None and f"{storage.full(path)}/".startswith(f"{source}/"):
            raise InputError(f"{name} {path}: lies in --in {job.source}, whose files are read; give a folder elsewhere")


def _table(spark: SparkSession, job: Job) -> DataFrame:
    if job.files:
        return spark.read.format("binaryFile").option("recursiveFileLookup", "true").load(job.source)
    return spark.read.parquet(job.source)


def _columns(table: DataFrame, job: Job) -> DataFrame:
    return table.select("path", "content") if job.files else table


def _check_label(table: DataFrame, job: Job) -> None:
    if job.label is None:
        return
    if job.files or job.label not in table.columns:
        there = ["path"] if job.files else table.columns
        raise InputError(f"--label-column: no column '{job.label}', found {', '.join(there)}")
    kind = table.schema[job.label].dataType.simpleString()
    if kind not in ("tinyint", "smallint", "int", "bigint", "string"):
        raise InputError(
            f"--label-column: '{job.label}' is {kind}, expected the index of a class, or its name as a string"
        )


def _lasting(storage: Storage, job: Job) -> dict[str, Any]:
    """What must stay the same when a job goes on."""
    return {
        "--in": storage.full(job.source),
        "--out": storage.full(job.out),
        "--sha256": job.sha256,
        "--files": job.files,
        "--image-column": job.image,
        "--content": job.content,
        "--prefix": job.prefix,
        "--min-radius": job.min_radius,
    }


def _write(spark: SparkSession, storage: Storage, out: str, answers: DataFrame, look: Callable[[], None]) -> None:
    """Writes a table beside its place, and moves it there when it is complete."""
    draft = f"{storage.full(out)}-{uuid4().hex[:8]}"
    context = spark.sparkContext

    def write() -> None:
        context.setJobGroup(_GROUP, "glean-certify")
        answers.write.parquet(draft)

    try:
        watched(write, lambda: context.cancelJobGroup(_GROUP), look)
        if not storage.move(draft, out):
            raise InputError(
                f"--out {out}: the answers could not be moved there; something has been put there meanwhile"
            )
    except BaseException:
        storage.remove(draft)
        raise


def _counted(spark: SparkSession, job: Job) -> dict[str, Any]:
    from pyspark.sql import functions

    answers = spark.read.parquet(job.out)
    column = {name: functions.col(quoted(job.prefix + name)) for name in ("error", "certified", "model_sha256")}
    found = answers.agg(
        functions.count(functions.lit(1)).alias("n"),
        functions.count(column["error"]).alias("errors"),
        functions.count_if(column["certified"]).alias("certified"),
        functions.max(column["model_sha256"]).alias("modelSha256"),
    ).first()
    counts = {key: found[key] for key in ("n", "errors", "certified", "modelSha256")}
    return counts if job.label is None else {**counts, **certified_accuracy(answers, job.label, prefix=job.prefix)}
