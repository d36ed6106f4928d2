"""Certifies Parquet files whose row groups the workers read themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from ..certifier import Radius
from ..columns import Content
from ..errors import InputError
from .plan import make_plan, quoted
from .tally import Tally
from .worker import rows_at_once

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


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
    tally: Tally | None = None,
) -> DataFrame:
    """What certify gives for the Parquet files at this path; each worker reads its own row groups of them.

    So no image passes through Java. The workers must be able to open the files: in a shared folder, or wherever pyarrow
    can open them.

    Raises InputError in addition if a column is not in the files but in the names of their folders.
    """
    images = spark.read.parquet(path)
    plan = make_plan(
        images,
        model,
        public_key,
        signature=signature,
        sha256=sha256,
        image=image,
        content=content,
        keep=keep,
        prefix=prefix,
        min_radius=min_radius,
        radius=radius,
        batch_size=batch_size,
        tally=tally,
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
    types = images.select(*map(quoted, plan.columns)).limit(0).toArrow().schema
    rows = rows_at_once(plan.shape, batch_size)

    def read(tasks: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for task in tasks:
            for file, group in zip(*(column.to_pylist() for column in task.columns), strict=True):
                for batch in read_rows(file, group, plan.columns, rows):
                    columns = [batch.column(name).cast(types.field(name).type) for name in plan.columns]
                    yield pa.RecordBatch.from_arrays(columns, names=list(plan.columns))

    tasks = spark.sparkContext.parallelize(groups, max(1, len(groups)))
    return spark.createDataFrame(tasks, "file string, row_group int").mapInArrow(
        lambda tasks: plan.answers(read(tasks)), plan.schema
    )


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


def read_rows(file: str, group: int, columns: Sequence[str], count: int) -> Iterator[pa.RecordBatch]:
    """The rows of a row group, some at a time."""
    from pyarrow import parquet

    with _opened(file) as opened:
        yield from parquet.ParquetFile(opened).iter_batches(count, row_groups=[group], columns=list(columns))
