"""OpenVINO on sealed files: what docs/providers.md says of it, measured. No radius is claimed for it."""

from __future__ import annotations

import json
from pathlib import Path

from glean_certify import Certifier, ProviderError
from glean_certify.file.sealed import SealedModel, read_sealed
from glean_certify.run.functions import check_form, forms
from glean_certify.run.known_vectors import Predictions, check_answers
from glean_certify.run.probe import check_arithmetic, probe_model
import numpy as np
import pytest

from tests.conftest import DIGITS, FACES, ROOT
from tests.files import sha256_of

from .session import ACCURACY, BFLOAT16, FLOAT32, MODELS, OpenVino, Settings


def check_known_vectors(model: SealedModel, session: OpenVino) -> None:
    """As Certifier.load runs them: one by one, together, and in a batch of 64."""
    count = len(model.images)
    images = model.images.reshape(count, *model.certificate.shape)
    for vectors in (*np.arange(count)[:, None], np.arange(count), np.resize(np.arange(count), 64)):
        answers = session.run(["label", "radius", "logits"], {"image": images[vectors]})
        check_answers(Predictions(*answers), vectors, model)


@pytest.mark.parametrize("settings", [FLOAT32, ACCURACY], ids=["float32", "accuracy"])
def test_asked_for_float32_its_products_are_exact_and_the_known_vectors_hold(settings: Settings) -> None:
    check_arithmetic(OpenVino(probe_model(), settings), [2, 7, 48, 256])
    for path in MODELS:
        check_known_vectors(read_sealed(path.read_bytes()), OpenVino(path.read_bytes(), settings))


@pytest.mark.parametrize("path", [DIGITS, FACES], ids=["digits", "faces"])
def test_asked_for_float32_its_answers_are_near_those_of_onnx_runtime(path: Path) -> None:
    certifier = Certifier.load(path, sha256=sha256_of(path), threads=1)
    shape = certifier.certificate.shape
    images = np.random.default_rng(61).integers(0, 256, (256, *shape), dtype=np.uint8)
    expected = certifier.predict(images)
    pixels = images.astype(np.float32) / np.float32(255)
    label, radius, logits = OpenVino(path.read_bytes(), FLOAT32).run(["label", "radius", "logits"], {"image": pixels})
    np.testing.assert_array_equal(label, expected.label)
    np.testing.assert_allclose(radius, expected.radius, rtol=0, atol=2e-5)
    np.testing.assert_allclose(logits, expected.logits, rtol=0, atol=2e-5)


@pytest.mark.parametrize("settings", [{}, BFLOAT16], ids=["default", "bfloat16"])
def test_the_probe_finds_bfloat16_wherever_it_is_used(settings: Settings) -> None:
    # On processors with instructions for bfloat16, that is the default; others compute in float32 even if asked.
    session = OpenVino(probe_model(), settings)
    if not session.narrow:
        check_arithmetic(session)
        return
    with pytest.raises(ProviderError, match="does not compute in float32: of 1 rows"):
        check_arithmetic(session)
    for path in (DIGITS, FACES):
        model = read_sealed(path.read_bytes())
        with pytest.raises(ProviderError, match="logits deviate by"):
            check_known_vectors(model, OpenVino(model.data, settings))


@pytest.mark.parametrize("settings", [{}, FLOAT32, ACCURACY], ids=["default", "float32", "accuracy"])
def test_float64_is_computed_in_float32_without_a_word(settings: Settings) -> None:
    with pytest.raises(ProviderError, match="does not compute in float64: of 1 rows"):
        check_arithmetic(OpenVino(probe_model("float64"), settings), precision="float64")


def test_functions_are_within_what_is_allowed_or_named_in_the_documentation() -> None:
    outside = set()
    for form in forms():
        try:
            check_form(form, OpenVino(form.model, FLOAT32))
        except ProviderError:
            outside.add(form.name)
    page = (ROOT / "docs/providers.md").read_text()
    assert all(f"`{name}`" in page for name in outside), json.dumps(sorted(outside))
