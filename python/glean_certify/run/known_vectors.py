"""Known vectors: inputs stored with their answers, run at every load to catch a provider that computes otherwise."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import ProviderError
from ..file.sealed import SealedModel
from ..margin import Norms, allowed_deviation, image_norms, margin_radius

_HINT = "the provider does not compute what was certified (TF32, bfloat16, float16, or a fault)"


class Predictions(NamedTuple):
    """The answers for N images, in their order."""

    # Index into the certificate's classes, [N].
    label: npt.NDArray[np.int64]
    # No float32 image within this ℓ2 distance, in pixels on [0, 1], gets another label, [N].
    radius: npt.NDArray[np.float32]
    # y, [N, K].
    logits: npt.NDArray[np.float32]


def check_answers(answers: Predictions, vectors: npt.NDArray[np.int64], model: SealedModel) -> None:
    """Compares a provider's answers to the known vectors of these numbers with the stored ones.

    Labels and radii would not be enough: the logits must be within twice the proven float32 error.

    Raises ProviderError with the measured and the allowed deviation if one is outside.
    """
    norms = image_norms(model.images)
    allowed = allowed_deviation(norms, model.certificate, model.head)[vectors]
    stored = np.array([vector.logits for vector in model.certificate.vectors])[vectors]
    deviation = np.max(np.abs(answers.logits.astype(np.float64) - stored), axis=1)
    _refuse_first(
        ~(deviation <= allowed),
        lambda i: (
            f"known vector {vectors[i]}: logits deviate by {deviation[i]:.3g}, allowed are {allowed[i]:.3g}: {_HINT}",
            {"vector": int(vectors[i]), "deviation": float(deviation[i]), "allowed": float(allowed[i])},
        ),
    )
    label = np.argmax(answers.logits, axis=1)
    radius = margin_radius(answers.logits, label, Norms(norms.l2[vectors], norms.l1[vectors]), model.terms)
    _refuse_first(
        (answers.label != label) | ~((answers.radius >= 0) & (answers.radius <= radius)),
        lambda i: (
            f"known vector {vectors[i]}: label {answers.label[i]} with radius {answers.radius[i]}, at most label "
            f"{label[i]} with {radius[i]} follows from its logits: {_HINT}",
            {"vector": int(vectors[i]), "label": int(answers.label[i]), "radius": float(answers.radius[i])},
        ),
    )


def _refuse_first(wrong: npt.NDArray[np.bool_], problem: Any) -> None:
    if wrong.any():
        message, details = problem(int(np.argmax(wrong)))
        raise ProviderError(message, details)
