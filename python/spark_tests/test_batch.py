"""Whole jobs: `glean batch` killed and run again, too many errors, and what a checkpoint refuses."""

from __future__ import annotations

from collections.abc import Callable
import json
import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
import time
from typing import Any

from glean_certify import Certifier
from glean_certify.batch import main
import numpy as np
import pyarrow.parquet as pq
from pyspark.sql import SparkSession
import pytest

from tests.conftest import DIGITS, ROOT

from .conftest import SHA256, Table, check, rows_by_id

# The status of main, its answer or its error, and how far it said it was.
Run = Callable[..., tuple[int, dict[str, Any], list[dict[str, Any]]]]


@pytest.fixture
def run(spark: SparkSession, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """A job in the session of these tests, which goes on."""
    monkeypatch.setattr(spark, "stop", lambda: None)
    monkeypatch.setattr("glean_certify.batch.spark_session", lambda _: spark)

    def run(*words: str | Path) -> tuple[int, dict[str, Any], list[dict[str, Any]]]:
        capsys.readouterr()
        status = main([str(DIGITS), "--sha256", SHA256, "--events", *map(str, words)])
        events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return status, events[-1], [event["progress"] for event in events[:-1]]

    return run


def glean_batch(*words: str) -> subprocess.Popen[str]:
    command = ["node", "bin/glean.mjs", "batch", str(DIGITS), "--python", sys.executable, "--master", "local[2]"]
    return subprocess.Popen(
        [*command, *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def test_a_killed_glean_batch_goes_on_and_every_image_is_answered_once(
    spark: SparkSession, digits: Table, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ["--in", str(digits.folder), "--out", str(out), "--content", "pixels", "--label-column", "truth", "--json"]
    words += ["--resume", str(tmp_path / "checkpoint"), "--files-per-step", "3"]
    first = glean_batch(*words)
    commits = tmp_path / "checkpoint/commits"
    while first.poll() is None and not (commits / "0").exists():
        time.sleep(0.01)
    # Java too, in the middle of whatever it does: the driver leads a group of processes.
    (driver,) = Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text().split()
    os.killpg(int(driver), signal.SIGKILL)
    stdout, _ = first.communicate()
    error = json.loads(stdout)["error"]
    assert (first.returncode, error["code"]) == (1, "SPARK")
    assert "ended with SIGKILL" in error["message"]
    shutil.rmtree(Path(error["log"]).parent)
    done = len([name for name in os.listdir(commits) if name.isdigit()])
    assert 1 <= done < digits.files / 3

    second = glean_batch(*words)
    stdout, stderr = second.communicate()
    assert second.returncode == 0, stderr
    assert f"proven: {DIGITS}: L ≤ 1.0000" in stderr
    answer = json.loads(stdout)
    assert (answer["n"], answer["errors"], answer["modelSha256"]) == (1500, 0, SHA256)
    assert answer["accuracy"] == pytest.approx(np.mean(digits.expected.label == digits.truth))
    check(rows_by_id(spark.read.parquet(str(out))), digits)
    # A reader that knows nothing of Spark finds the same rows.
    assert pq.read_table(out, columns=["id"]).num_rows == 1500


def test_unreadable_files_are_rows_up_to_a_limit(run: Run, spark: SparkSession, tmp_path: Path) -> None:
    folder = tmp_path / "in/deeper"
    folder.mkdir(parents=True)
    picture = (ROOT / "docs/images/digit-red.png").read_bytes()
    for i in range(4):
        (folder / f"{i}.png").write_bytes(picture[: 60 if i == 0 else None])
    words = ["--in", tmp_path / "in", "--files"]
    status, event, progress = run(*words, "--out", tmp_path / "a", "--max-errors", "1", "--prefix", "glean_")
    counts = {"n": 4, "errors": 1, "certified": 3, "modelSha256": SHA256}
    assert (status, event) == (0, {"answer": counts})
    assert progress[-1] == {"images": 4, "total": 4, "errors": 1}
    rows = spark.read.parquet(str(tmp_path / "a")).where("glean_error is not null").collect()
    assert [Path(row["path"]).name for row in rows] == ["0.png"]

    status, event, _ = run(*words, "--out", tmp_path / "b", "--max-errors", "0")
    assert (status, event["error"]["code"]) == (1, "TOO_MANY_ERRORS")
    assert "images cannot be read, and 0 are allowed: stopped" in event["error"]["message"]
    # Nothing is there of a job that did not end well, nor beside it.
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a", "in"]


def test_what_is_wrong_is_said_before_anything_is_written(run: Run, digits: Table, tmp_path: Path) -> None:
    out = tmp_path / "out"
    table: list[str | Path] = ["--in", digits.folder, "--content", "pixels"]
    cases: list[tuple[list[str | Path], str, str]] = [
        ([*table, "--out", digits.folder], "INPUT", "is there already; remove it"),
        ([*table, "--out", digits.folder / "out"], "INPUT", "lies in --in"),
        ([*table, "--out", out, "--label-column", "none"], "INPUT", "no column 'none', found id, truth, image"),
        ([*table, "--out", out, "--label-column", "image"], "INPUT", "'image' is binary, expected the index"),
        ([*table, "--out", out, "--image-column", "picture"], "INPUT", "no column 'picture'"),
        ([*table, "--out", out, "--direct", "--resume", tmp_path / "c"], "INPUT", "goes neither with --files"),
        (["--in", tmp_path / "none", "--out", out], "SPARK", "Path does not exist"),
        ([*table, "--out", out, "--sha256", "0" * 64], "CERTIFICATE", "refused: "),
    ]
    for words, code, message in cases:
        status, event, _ = run(*words)
        assert status == (2 if code == "INPUT" else 1)
        assert event["error"]["code"] == code
        assert message in event["error"]["message"]
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_goes_on_as_what_it_was_or_not_at_all(
    run: Run, spark: SparkSession, digits: Table, tmp_path: Path
) -> None:
    source, out, checkpoint = tmp_path / "in", tmp_path / "out", tmp_path / "checkpoint"
    source.mkdir()
    files = sorted(digits.folder.glob("*.parquet"))
    names = Certifier.load(DIGITS, sha256=SHA256).classes

    def add(file: Path) -> int:
        table = pq.read_table(file)
        classes = [names[label] for label in table["truth"].to_pylist()]
        pq.write_table(table.set_column(1, "truth", [classes]), source / file.name)
        return int(table.num_rows)

    words = ["--in", source, "--out", out, "--content", "pixels", "--resume", checkpoint, "--label-column", "truth"]
    first = add(files[0])
    status, event, _ = run(*words)
    assert (status, event["answer"]["n"]) == (0, first)
    # Of the names of classes as of their indices: every seventh answer is called wrong.
    assert event["answer"]["accuracy"] == pytest.approx(6 / 7, abs=0.02)
    # What a run that was killed left, which counts for nobody.
    shutil.copy(next(out.glob("part-*.parquet")), out / "part-00000-left.parquet")
    second = add(files[1])
    status, event, progress = run(*words)
    assert (status, event["answer"]["n"]) == (0, first + second)
    assert progress[0]["images"] >= first
    assert progress[-1] == {"images": first + second, "total": first + second, "errors": 0}
    assert pq.read_table(out, columns=["id"]).num_rows == first + second

    for more, message in (
        (["--min-radius", "0.5"], "was begun with --min-radius 0.0, and now it is 0.5; give another --resume"),
        (["--out", tmp_path / "other"], "was begun with --out"),
    ):
        status, event, _ = run(*words, *more)
        assert status == 2
        assert message in event["error"]["message"]
    status, event, _ = run(*words[:-4], "--resume", tmp_path / "new")
    assert status == 2
    assert "--out" in event["error"]["message"]
    assert "not from a run with --resume" in event["error"]["message"]
    shutil.rmtree(out)
    status, event, _ = run(*words)
    assert status == 2
    assert "the answers that were there are gone" in event["error"]["message"]
    assert spark.sparkContext.statusTracker().getActiveJobsIds() == []
