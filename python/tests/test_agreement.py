"""Python answers what Node answers, on all test images of the shipped models."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

from glean_certify import Certifier
from glean_certify.certifier import Radius
from glean_certify.file.sealed import read_sealed
from glean_certify.margin import float32_norms, image_norms
import numpy as np
import onnxruntime
import pytest

from .conftest import BATCH, ROOT, Answers
from .files import sha256_of


def load(answers: Answers, radius: Radius) -> Certifier:
    return Certifier.load(answers.model, sha256=sha256_of(answers.model), batch_size=BATCH, radius=radius, threads=1)


@pytest.mark.parametrize("name", ["digits", "faces"])
def test_label_logits_and_radius_in_float64_have_the_bits_of_the_npm_package(
    both: dict[str, Answers], name: str
) -> None:
    answers = both[name]
    assert len(answers.images) == {"digits": 1500, "faces": 1260}[name]
    label, radius, logits = load(answers, "float64").predict(answers.images)
    np.testing.assert_array_equal(label, answers.labels)
    np.testing.assert_array_equal(radius, answers.radii)
    assert radius.dtype == np.float32
    if _same_onnx_runtime():
        np.testing.assert_array_equal(logits, answers.logits)


def _same_onnx_runtime() -> bool:
    """Whether both run one version: kernels of another may add in another order."""
    text = (ROOT / "package.json").read_text()
    return f'"onnxruntime-node": "{onnxruntime.__version__}"' in text


@pytest.mark.parametrize("name", ["digits", "faces"])
def test_radius_of_the_graph_is_at_most_that_of_float64_and_little_below(both: dict[str, Answers], name: str) -> None:
    answers = both[name]
    label, radius, _ = load(answers, "graph").predict(answers.images)
    np.testing.assert_array_equal(label, answers.labels)
    assert (radius <= answers.radii).all()
    # The head of format 3 bounds the image's l1 norm by its l2 norm: docs/providers.md has the figures.
    assert np.max(answers.radii - radius) < {"digits": 1.2e-3, "faces": 4e-5}[name]
    assert np.mean(radius > 0) > 0.9


@pytest.mark.parametrize("name", ["digits", "faces"])
def test_network_without_its_head_has_the_bytes_that_node_runs(both: dict[str, Answers], name: str) -> None:
    assert read_sealed(both[name].model.read_bytes()).network == both[name].network


def test_pixels_as_bytes_and_as_float32_are_the_same_image(digits: Answers) -> None:
    certifier = load(digits, "graph")
    levels = digits.images[:70]
    # Divided in float64 and rounded, which is another way to the same numbers.
    pixels = (levels.astype(np.float64) / 255).astype(np.float32)
    for a, b in zip(certifier.predict(levels), certifier.predict(pixels), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(certifier.predict(levels), certifier.predict(list(levels)), strict=True):
        np.testing.assert_array_equal(a, b)
    single = certifier.predict(levels[3])
    assert single.label.shape == (1,)
    assert abs(float(single.radius[0] - certifier.predict(levels).radius[3])) < 1e-5


def test_threads_get_the_answers_of_one(digits: Answers) -> None:
    certifier = load(digits, "float64")
    parts = np.array_split(digits.images[:640], 5)
    with ThreadPoolExecutor(5) as pool:
        found = list(pool.map(certifier.predict, parts))
    np.testing.assert_array_equal(np.concatenate([part.radius for part in found]), digits.radii[:640])


def test_norms_are_upper_bounds_that_a_sum_of_fractions_confirms() -> None:
    rng = np.random.default_rng(7)
    for size in (1, 15, 16, 17, 300):
        images = rng.random((4, size), dtype=np.float32)
        images[0, 0] = 1e-45
        for norms in (float32_norms(images), image_norms(images)):
            for i, image in enumerate(images):
                exact = [Fraction(float(x)) for x in image]
                squares = sum(x * x for x in exact)
                assert Fraction(float(norms.l1[i])) >= sum(exact)
                assert Fraction(float(norms.l2[i])) ** 2 >= squares
                assert norms.l2[i] <= np.sqrt(float(squares)) * (1 + (size + 8) * 2.0**-22) + 2.0**-49
