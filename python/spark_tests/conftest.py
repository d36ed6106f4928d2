"""A cluster of two executors on this machine, and the test digits as a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import os
from pathlib import Path
import sys

# Before any Java starts: everything stays on the loopback interface, and workers run this Python.
os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
os.environ["PYSPARK_PYTHON"] = sys.executable

from glean_certify import Certifier, Predictions
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, Row, SparkSession
import pytest

from tests.conftest import DIGITS, node
from tests.files import sha256_of

SHA256 = sha256_of(DIGITS)


@dataclass(frozen=True)
class Table:
    """The digits, one after the other, and what one machine answers."""

    folder: Path
    images: npt.NDArray[np.uint8]
    truth: npt.NDArray[np.int64]
    expected: Predictions
    files: int


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    session = (
        SparkSession.builder.master("local-cluster[2,1,1024]")
        .appName("glean-certify-tests")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "2")
        # A file each.
        .config("spark.sql.files.openCostInBytes", str(2**27))
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Table:
    folder = tmp_path_factory.mktemp("digits")
    node("pipeline/oracle.ts", "answers", str(DIGITS), "cmnist", "64", str(folder))
    images = np.load(folder / "images.npy")
    expected = Certifier.load(DIGITS, sha256=SHA256, threads=1).predict(images)
    # What is true does not matter here: every seventh answer is called wrong.
    truth = np.where(np.arange(len(images)) % 7 == 0, 1 - expected.label, expected.label)
    (folder / "table").mkdir()
    files = 12
    for f in range(files):
        rows = np.arange(f, len(images), files)
        table = {
            "id": pa.array(rows),
            "truth": pa.array(truth[rows]),
            "image": pa.array([images[i].tobytes() for i in rows], type=pa.binary()),
        }
        pq.write_table(pa.table(table), folder / "table" / f"{f:02}.parquet")
    return Table(folder / "table", images, truth, expected, files)


def rows_by_id(answers: DataFrame) -> list[Row]:
    return sorted(answers.collect(), key=lambda row: row["id"])


def check(rows: list[Row], digits: Table) -> None:
    """Every row once, and each with the answer of one machine, bit by bit."""
    assert [row["id"] for row in rows] == list(range(len(digits.images)))
    np.testing.assert_array_equal([row["label"] for row in rows], digits.expected.label)
    np.testing.assert_array_equal(np.array([row["radius"] for row in rows], dtype=np.float32), digits.expected.radius)
    assert {row["error"] for row in rows} == {None}
    assert {row["model_sha256"] for row in rows} == {SHA256}
