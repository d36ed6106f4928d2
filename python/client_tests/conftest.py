"""A running `glean serve`, and pictures with the answers of `glean predict`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import json
from pathlib import Path
import subprocess

import numpy as np
import numpy.typing as npt
from PIL import Image
import pytest

ROOT = Path(__file__).resolve().parents[2]
GLEAN = ["node", str(ROOT / "bin/glean.mjs")]
MODEL = "cmnist"
SHAPE = (28, 28, 3)


@dataclass(frozen=True)
class Pictures:
    # uint8 [N, H, W, C].
    levels: npt.NDArray[np.uint8]
    # What `glean predict` answers for them.
    label: npt.NDArray[np.int64]
    radius: npt.NDArray[np.float32]

    @property
    def pixels(self) -> npt.NDArray[np.float32]:
        """The same images as float32 on [0, 1]."""
        pixels: npt.NDArray[np.float32] = self.levels.astype(np.float32) / np.float32(255)
        return pixels

    def check(self, label: object, radius: object) -> None:
        """Asserts that a client got these answers, to the bit, in the types of the protocol."""
        found_label, found_radius = np.asarray(label), np.asarray(radius)
        assert (str(found_label.dtype), str(found_radius.dtype)) == ("int64", "float32")
        np.testing.assert_array_equal(found_label, self.label)
        np.testing.assert_array_equal(found_radius, self.radius)


@pytest.fixture(scope="session")
def service() -> Iterator[str]:
    """The address of a service of the shipped models, HOST:PORT."""
    command = [*GLEAN, "serve", "--port", "0", "--workers", "2", "--drain", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            lines = (json.loads(line) for line in process.stdout)
            listening = next((line for line in lines if line["msg"] == "listening"), None)
            assert listening is not None, "the service ended before it listened"
            yield listening["url"].removeprefix("http://")
        finally:
            process.terminate()
            process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    folder = tmp_path_factory.mktemp("pictures")
    files = [ROOT / f"docs/images/digit-{colour}.png" for colour in ("red", "green")]
    for i, noise in enumerate(np.random.default_rng(16).integers(0, 256, (3, *SHAPE), dtype=np.uint8)):
        files.append(folder / f"{i}.png")
        Image.fromarray(noise).save(files[-1])
    command = [*GLEAN, "predict", str(ROOT / "models" / MODEL / "model.onnx"), "--json", *map(str, files)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    answers = [json.loads(line) for line in printed.splitlines()]
    assert len(answers) == len(files)
    return Pictures(
        levels=np.stack([np.asarray(Image.open(file)) for file in files]),
        label=np.array([answer["label"] for answer in answers]),
        radius=_floor_to_float32(np.array([answer["radius"] for answer in answers])),
    )


def _floor_to_float32(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    nearest = x.astype(np.float32)
    return np.where(nearest > x, np.nextafter(nearest, np.float32(0)), nearest)
