"""Certifies Parquet files whose row groups the workers read themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
import os
from pathlib import Path
import re
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
    for file, columns, sizes in footers:
        missing = set(plan.columns) - columns
        if missing:
            raise InputError(f"{file}: no column '{min(missing)}' in the file itself; use certify for it")
        groups += [(file, group, size) for group, size in enumerate(sizes)]
    tasks = _tasks(spark, groups)
    # The types in which Spark wants the columns back.
    types = images.select(*map(quoted, plan.columns)).limit(0).toArrow().schema
    rows = rows_at_once(plan.shape, batch_size)

    def read(numbers: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for number in (number for batch in numbers for number in batch.column(0).to_pylist()):
            for file, group in tasks[number]:
                for batch in read_rows(file, group, plan.columns, rows):
                    columns = [batch.column(name).cast(types.field(name).type) for name in plan.columns]
                    yield pa.RecordBatch.from_arrays(columns, names=list(plan.columns))

    # The row groups travel with the function: a table of them would cost each task a second process of Python.
    return spark.range(0, len(tasks), 1, max(1, len(tasks))).mapInArrow(
        lambda numbers: plan.answers(read(numbers)), plan.schema
    )


def _tasks(spark: SparkSession, groups: Sequence[tuple[str, int, int]]) -> list[list[tuple[str, int]]]:
    """Row groups (file, number, stored bytes) cut into tasks as Spark would cut them, but four for each core at least.

    Where Spark settles for one, the slowest core is waited for.
    """
    most = _bytes_in(spark, "spark.sql.files.maxPartitionBytes")
    opening = _bytes_in(spark, "spark.sql.files.openCostInBytes")
    costs = [size + (opening if group == 0 else 0) for _, group, size in groups]
    most = min(most, sum(costs) // (4 * spark.sparkContext.defaultParallelism))
    tasks: list[list[tuple[str, int]]] = []
    room = 0
    for (file, group, _), cost in zip(groups, costs, strict=True):
        if not tasks or cost > room:
            tasks.append([])
            room = most
        room -= cost
        tasks[-1].append((file, group))
    return tasks


def _bytes_in(spark: SparkSession, setting: str) -> int:
    """The value of a setting that is a size, as Spark has it: 134217728b, 128m, 128MB."""
    text = str(spark.conf.get(setting))
    found = re.fullmatch(r"(\d+)([bkmgtp]?)b?", text.strip().lower())
    if found is None:
        raise InputError(f"{setting}: found {text}, expected a size such as 128m")
    unit: int = 1024 ** "bkmgtp".index(found[2] or "b")
    return int(found[1]) * unit


def _opened(file: str) -> Any:
    """The file at an address that Spark gives."""
    from pyarrow import fs

    address = urlsplit(file)
    if address.scheme in ("", "file"):
        return fs.LocalFileSystem().open_input_file(unquote(address.path))
    system, path = fs.FileSystem.from_uri(file.replace("s3a://", "s3://", 1))
    return system.open_input_file(path)


def _footer(file: str) -> tuple[set[str], list[int]]:
    """The names of a Parquet file's columns, and the stored bytes of each of its row groups."""
    from pyarrow import parquet

    with _opened(file) as opened:
        read = parquet.ParquetFile(opened)
        groups = [read.metadata.row_group(i) for i in range(read.num_row_groups)]
        sizes = [sum(group.column(k).total_compressed_size for k in range(group.num_columns)) for group in groups]
        return set(read.schema_arrow.names), sizes


def read_rows(file: str, group: int, columns: Sequence[str], count: int) -> Iterator[pa.RecordBatch]:
    """The rows of a row group, some at a time."""
    from pyarrow import parquet

    with _opened(file) as opened:
        yield from parquet.ParquetFile(opened).iter_batches(count, row_groups=[group], columns=list(columns))
