"""Spark answers what one machine answers, whatever happens to its executors; a bad image is a row and not the end."""

from __future__ import annotations

import os
from pathlib import Path
import signal
import threading
import time
from typing import Any

from glean_certify import CertificateError, Certifier, InputError
from glean_certify.spark import certified_accuracy, certify, certify_parquet
from glean_certify.spark.worker import Settings, certifier_here
import numpy as np
from pyspark.sql import SparkSession
from pyspark.sql.types import ArrayType, FloatType, IntegerType, StructField, StructType
import pytest

from tests.conftest import DIGITS, ROOT
from tests.files import weights_at, with_bit_flipped

from .conftest import SHA256, Table, check, rows_by_id


def test_all_digits_get_the_answers_of_one_machine(spark: SparkSession, digits: Table) -> None:
    table = spark.read.parquet(str(digits.folder))
    answers = certify(table, DIGITS, sha256=SHA256, content="pixels", min_radius=0.3).cache()
    assert answers.columns == ["id", "truth", "label", "class", "radius", "certified", "model_sha256", "error"]
    rows = rows_by_id(answers)
    check(rows, digits)
    classes = Certifier.load(DIGITS, sha256=SHA256).classes
    assert all(row["class"] == classes[row["label"]] for row in rows)
    assert all(row["certified"] == (row["radius"] >= 0.3) for row in rows)
    assert {row["certified"] for row in rows} == {True, False}

    right = digits.expected.label == digits.truth
    radius = digits.expected.radius.astype(np.float64)
    found = certified_accuracy(answers, "truth", (0, 0.25))
    assert (found["n"], found["errors"]) == (1500, 0)
    assert found["accuracy"] == pytest.approx(np.mean(right))
    assert found["acr"] == pytest.approx(np.mean(right * radius))
    assert found["certifiedAccuracy"]["0.00"] == pytest.approx(np.mean(right))
    assert found["certifiedAccuracy"]["0.25"] == pytest.approx(np.mean(right & (radius >= 0.25)))


def test_workers_that_read_the_files_themselves_give_the_same_answers(
    spark: SparkSession, digits: Table, tmp_path: Path
) -> None:
    table = spark.read.parquet(str(digits.folder))
    folder = tmp_path / "with blank"
    # Other row groups, and columns of types that Parquet, Arrow and Spark spell differently.
    more = table.selectExpr("*", "current_timestamp() as at", "cast(id as string) as name", "id % 3 as part")
    more.repartition(3).write.option("parquet.block.size", 2**20).parquet(str(folder))
    answers = certify_parquet(spark, str(folder), DIGITS, sha256=SHA256, content="pixels")
    rows = rows_by_id(answers)
    check(rows, digits)
    assert all(row["name"] == str(row["id"]) and row["at"] is not None for row in rows)
    assert [field.simpleString() for field in answers.schema.fields[:2]] == ["id:bigint", "truth:bigint"]
    more.limit(20).write.partitionBy("part").parquet(str(tmp_path / "parts"))
    with pytest.raises(InputError, match="no column 'part' in the file itself"):
        certify_parquet(spark, str(tmp_path / "parts"), DIGITS, sha256=SHA256, content="pixels")
    setting = "spark.sql.files.maxPartitionBytes"
    spark.conf.set(setting, "-1")
    try:
        with pytest.raises(InputError, match=f"{setting}: found -1"):
            certify_parquet(spark, str(folder), DIGITS, sha256=SHA256, content="pixels")
    finally:
        spark.conf.unset(setting)


def test_five_unreadable_images_are_five_rows_with_an_error(spark: SparkSession) -> None:
    good = [(ROOT / f"docs/images/digit-{colour}.png").read_bytes() for colour in ("red", "green")]
    bad = [None, b"", b"no picture", good[0][:-40], (ROOT / "docs/images/digit-red.png").read_bytes()[:100]]
    images = [(i, bad[i // 4] if i % 4 == 3 else good[i % 2]) for i in range(20)]
    table = spark.createDataFrame(images, "id int, image binary").repartition(3)
    rows = rows_by_id(certify(table, DIGITS, sha256=SHA256))
    expected = Certifier.load(DIGITS, sha256=SHA256).predict(good)
    assert [row["id"] for row in rows] == list(range(20))
    for i, row in enumerate(rows):
        if i % 4 == 3:
            assert (row["label"], row["class"], row["radius"], row["certified"]) == (None, None, None, False)
            assert row["error"].startswith("image: found")
        else:
            assert (row["label"], row["error"]) == (expected.label[i % 2], None)
            assert row["radius"] == pytest.approx(float(expected.radius[i % 2]), abs=1e-5)


def test_arrays_of_integers_and_of_floats(spark: SparkSession, digits: Table) -> None:
    levels = digits.images[:3].reshape(3, -1)
    pixels = (levels.astype(np.float32) / np.float32(255)).tolist()
    integers = [*levels.tolist(), [256] * 2352, [0] * 2351, [None] * 2352, None]
    floats = [*pixels, [1.5] * 2352, [float("nan")] * 2352, [], None]
    for kind, values in ((IntegerType(), integers), (FloatType(), floats)):
        schema = StructType([StructField("id", IntegerType()), StructField("image", ArrayType(kind))])
        table = spark.createDataFrame(list(enumerate(values)), schema)
        rows = rows_by_id(certify(table, DIGITS, sha256=SHA256, content="pixels", prefix="glean_"))
        assert [row["glean_label"] for row in rows] == [*digits.expected.label[:3].tolist(), None, None, None, None]
        assert [row["glean_error"] is None for row in rows] == [True] * 3 + [False] * 4


def test_what_is_wrong_is_refused_before_anything_runs(spark: SparkSession, digits: Table) -> None:
    table = spark.read.parquet(str(digits.folder))
    flipped = with_bit_flipped(DIGITS.read_bytes(), weights_at(DIGITS.read_bytes())[9], 1)
    with pytest.raises(CertificateError, match="the file has been changed"):
        certify(table, flipped, sha256=SHA256)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"image": "picture"}, "no column 'picture'"),
        ({"image": "truth"}, "the column 'truth' of encoded is bigint"),
        ({"image": "truth", "content": "pixels"}, "the column 'truth' of pixels is bigint"),
        ({"keep": ["none"]}, "no column 'none' to keep"),
    ]
    for options, problem in cases:
        with pytest.raises(InputError, match=problem):
            certify(table, DIGITS, sha256=SHA256, **options)
    with pytest.raises(InputError, match="'label' is there already"):
        certify(table.withColumnRenamed("truth", "label"), DIGITS, sha256=SHA256)


def test_a_worker_refuses_other_bytes_than_the_driver_loaded() -> None:
    settings = Settings(SHA256, None, None, "graph", 64, "image", "pixels", (), 0.0)
    other = (ROOT / "models/cmnist-erm/model.onnx").read_bytes()
    with pytest.raises(CertificateError, match="the file's SHA-256 is"):
        certifier_here(lambda: other, settings)
    assert certifier_here(DIGITS.read_bytes, settings) is certifier_here(DIGITS.read_bytes, settings)


def executors(spark: SparkSession) -> list[int]:
    """The processes of this cluster's executors."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        here = spark.sparkContext.applicationId.encode()
        if here in words and any(word.endswith(b"CoarseGrainedExecutorBackend") for word in words):
            found.append(int(entry.name))
    return found


def test_an_executor_killed_in_the_middle_loses_no_row_and_doubles_none(
    spark: SparkSession, digits: Table, tmp_path: Path
) -> None:
    answers = certify(spark.read.parquet(str(digits.folder)), DIGITS, sha256=SHA256, content="pixels")
    before = executors(spark)
    assert len(before) == 2
    out = str(tmp_path / "out")
    writing = threading.Thread(target=lambda: answers.write.parquet(out))
    writing.start()
    done = 0
    while writing.is_alive() and done == 0:
        tracker = spark.sparkContext.statusTracker()
        stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
        done = sum(stage.numCompletedTasks for stage in stages if stage is not None and stage.numTasks > 1)
        time.sleep(0.002)
    os.kill(before[0], signal.SIGKILL)
    assert 0 < done < digits.files
    writing.join()
    rows = rows_by_id(spark.read.parquet(out))
    assert before[0] not in executors(spark)
    check(rows, digits)
