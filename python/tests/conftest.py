"""The shipped models, and what the certifier in Node answers for their test images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
import subprocess

import glean_certify  # noqa: F401
import numpy as np
import numpy.typing as npt
import pytest

ROOT = Path(__file__).resolve().parents[2]
GLEAN = ["node", str(ROOT / "bin/glean.mjs")]
DIGITS = ROOT / "models/cmnist/model.onnx"
FACES = ROOT / "models/avatars/model.onnx"
# So that both divide the test images into the same batches: kernels may sum in another order for another size.
BATCH = 64


def node(*words: str) -> str:
    """What a program of the clone prints."""
    done = subprocess.run(["node", "--import", "tsx", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass(frozen=True)
class Answers:
    """What Node's certifier answers for the test images of a data set."""

    model: Path
    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int32]
    radii: npt.NDArray[np.float32]
    logits: npt.NDArray[np.float32]
    network: bytes


def answers_of(model: Path, data: str, folder: Path) -> Answers:
    node("pipeline/oracle.ts", "answers", str(model), data, str(BATCH), str(folder))
    images, labels, radii, logits = (
        np.load(folder / f"{name}.npy") for name in ("images", "labels", "radii", "logits")
    )
    return Answers(model, images, labels, radii, logits, (folder / "network.onnx").read_bytes())


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    return answers_of(DIGITS, "cmnist", tmp_path_factory.mktemp("digits"))


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    return answers_of(FACES, "avatars", tmp_path_factory.mktemp("faces"))


@pytest.fixture(scope="session")
def both(digits: Answers, faces: Answers) -> dict[str, Answers]:
    return {"digits": digits, "faces": faces}
