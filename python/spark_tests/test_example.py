"""The example of docs/spark.md, as it stands there."""

from __future__ import annotations

from pathlib import Path
import re
import shutil

from glean_certify import Certifier
from pyspark.sql import SparkSession
import pytest

from tests.conftest import DIGITS, ROOT

from .conftest import SHA256


def test_the_example_of_the_page(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs/spark.md").read_text(encoding="utf-8")
    example = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert example is not None
    # What a reader has: the command, a model, and pictures in a folder for each class, one of which is cut off.
    command = tmp_path / "bin/glean"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec node "{ROOT}/bin/glean.mjs" "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(command.parent), prepend=":")
    monkeypatch.chdir(tmp_path)
    shutil.copy(DIGITS, "model.onnx")
    # The first picture's true class is what the model says, and the second one's is not.
    classes = Certifier.load(DIGITS, sha256=SHA256).classes
    pictures = [(ROOT / f"docs/images/digit-{colour}.png").read_bytes() for colour in ("red", "green")]
    label = [int(label) for label in Certifier.load(DIGITS, sha256=SHA256).predict(pictures).label]
    for name, index, content in (
        ("right", label[0], pictures[0]),
        ("wrong", 1 - label[1], pictures[1]),
        ("cut", 0, pictures[0][:60]),
    ):
        folder = Path("pictures", classes[index])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.png").write_bytes(content)

    # The session's Java was started elsewhere, and takes no path for one in this folder.
    code = re.sub(r'"(pictures|answers)"', lambda name: repr(str(tmp_path / name[1])), example[1])
    exec(compile(code, "docs/spark.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "'n': 3, 'errors': 1, 'accuracy': 0.33" in printed
    assert "cut.png" in printed
    rows = {Path(row["path"]).stem: row for row in spark.read.parquet(str(tmp_path / "answers")).collect()}
    assert set(rows) == {"right", "wrong", "cut"}
    assert rows["right"]["class"] == rows["right"]["truth"] != rows["cut"]["class"]
    assert rows["wrong"]["class"] != rows["wrong"]["truth"]
    assert {row["model_sha256"] for row in rows.values()} == {SHA256}
