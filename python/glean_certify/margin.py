"""The margin certificate: from logits and image norms to a radius that float32 execution cannot break.

The npm package's trusted/margin.ts in numpy; docs/soundness.md, section "The radius" (Theorem 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .errors import InputError, UnprovableError
from .file.certificate import AffineBound, Certificate
from .file.head import MAX_CLASSES, MAX_DISTANCE_WORK, LinearHead, pairwise_distances
from .rounding import Float64s, add_up, down, mul_up, number, sqrt_up, up, vector_norms_upper

# Keeps the slack above 0 whatever the constants are, so that the radius is strictly inside.
_TINY = 2.0**-100
# Squares of pixels below 2⁻⁷⁴ vanish in float32; all of them together hide less than this from ‖x‖₂ (Lemma 18).
_HIDDEN = 2.0**-50
_MAX_PIXELS = 2**22
# Underflow is part of the arithmetic, whatever the caller has set numpy to do about it.
_QUIET = np.errstate(all="ignore")


@dataclass(frozen=True)
class MarginTerms:
    # 1/(s_cj(L + δ′) + 2ρ′), rounded down, K×K; 0 on the diagonal.
    inverse: Float64s
    # 2δ(x)·max s_cj·inverse_cj, the smallest of which is subtracted from every radius.
    latent_slack: tuple[AffineBound, ...]
    # 4ρ(x), which is subtracted from every difference of logits.
    logit_slack: AffineBound
    # No radius is above this, and no image with a larger norm is certified.
    cap: float


@dataclass(frozen=True)
class Norms:
    """Upper bounds of the norms of images, one for each."""

    l2: Float64s
    l1: Float64s


@_QUIET
def margin_terms(certificate: Certificate, head: LinearHead) -> MarginTerms:
    classes, latent_size = head.classes, head.latent_size
    if classes > MAX_CLASSES or classes * classes * latent_size > 2 * MAX_DISTANCE_WORK:
        raise UnprovableError(f"a head of {classes} classes on {latent_size} latents is more than the certifier takes")
    distances = pairwise_distances(head)
    growth = add_up(number(certificate.lipschitz), number(certificate.latent_error_slope))
    least = add_up(number(_TINY), mul_up(number(2), number(certificate.logit_error_slope)))
    inverse = down(1 / add_up(mul_up(distances, growth), least))
    np.fill_diagonal(inverse, 0)
    factor = mul_up(number(2), np.asarray(np.max(mul_up(distances, inverse))))
    return MarginTerms(
        inverse=inverse,
        latent_slack=tuple(_raised(_scaled(factor, error)) for error in certificate.latent_error),
        logit_slack=_scaled(number(4), certificate.logit_error),
        cap=certificate.max_image_norm / 4,
    )


def _scaled(k: Float64s, bound: AffineBound) -> AffineBound:
    parts = (bound.constant, bound.l2, bound.l1)
    return AffineBound(*(float(mul_up(k, number(part))) for part in parts))


def _raised(bound: AffineBound) -> AffineBound:
    return AffineBound(float(add_up(number(_TINY), number(bound.constant))), bound.l2, bound.l1)


def smallest_bound(bounds: Sequence[AffineBound], norms: Norms) -> Float64s:
    """The smallest of the bounds for each image, rounded up."""
    values = [
        add_up(
            number(bound.constant),
            add_up(mul_up(number(bound.l2), norms.l2), mul_up(number(bound.l1), norms.l1)),
        )
        for bound in bounds
    ]
    return np.asarray(np.minimum.reduce(values))


@_QUIET
def image_norms(pixels: npt.NDArray[np.float32]) -> Norms:
    """Upper bounds of ‖x‖₂ and ‖x‖₁ of images [N, size], from sums in float64: they are the tightest."""
    wide = pixels.astype(np.float64)
    inflation = 1 + (pixels.shape[1] + 4) * 2.0**-52
    squares = np.add.accumulate(wide * wide, axis=1)[:, -1]
    sums = np.add.accumulate(np.abs(wide), axis=1)[:, -1]
    return Norms(l2=sqrt_up(squares * inflation), l1=up(sums * inflation))


@_QUIET
def float32_norms(pixels: npt.NDArray[np.float32]) -> Norms:
    """Upper bounds of ‖x‖₂ and ‖x‖₁ of images [N, size] on [0, 1], from sums in float32 (docs/providers.md, Lemma 18).

    The terms are added in the order of the npm package's WebAssembly, so that both find the same bits; the bound
    itself holds in any order.
    """
    size = pixels.shape[1]
    if size > _MAX_PIXELS:
        raise InputError(f"images of {size} pixels, more than {_MAX_PIXELS}")
    inflation = 1 + (size + 8) * 2.0**-23
    sums = _sum_in_sixteen(pixels).astype(np.float64)
    squares = _sum_in_sixteen(pixels * pixels).astype(np.float64)
    return Norms(l2=sqrt_up(squares * inflation) + _HIDDEN, l1=up(sums * inflation))


def _sum_in_sixteen(terms: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Σ of each row: sixteen sums of every sixteenth term, added in pairs, then the rest one after the other."""
    n, size = terms.shape
    wide = size // 16 * 16
    blocks = terms[:, :wide].reshape(n, -1, 4, 4)
    lanes = np.zeros((n, 4, 4), dtype=np.float32)
    for b in range(blocks.shape[1]):
        lanes += blocks[:, b]
    four = (lanes[:, 0] + lanes[:, 1]) + (lanes[:, 2] + lanes[:, 3])
    total: npt.NDArray[np.float32] = (four[:, 0] + four[:, 1]) + (four[:, 2] + four[:, 3])
    for i in range(wide, size):
        total = total + terms[:, i]
    return total


@_QUIET
def margin_radius(
    logits: npt.NDArray[np.float32], label: npt.NDArray[np.int64], norms: Norms, terms: MarginTerms
) -> npt.NDArray[np.float32]:
    """r = min_j (ŷ_c − ŷ_j − 4ρ(x))/(s_cj(L + δ′) + 2ρ′) − 2δ(x)·max s/(s(L + δ′) + 2ρ′), at least 0, rounded down.

    For finite logits [N, K] that float32 execution gave for images with these norms.
    """
    wide = logits.astype(np.float64)
    rows = np.arange(len(label))
    doubt = smallest_bound([terms.logit_slack], norms)
    margins = down(down(wide[rows, label][:, None] - wide) - doubt[:, None])
    reach = down(margins * terms.inverse[label])
    reach[rows, label] = np.inf
    certified = down(np.min(reach, axis=1) - smallest_bound(terms.latent_slack, norms))
    certified = np.where(norms.l2 <= terms.cap, np.minimum(certified, terms.cap), 0.0)
    return _floor_to_float32(certified)


def _floor_to_float32(x: Float64s) -> npt.NDArray[np.float32]:
    nearest = x.astype(np.float32)
    return np.where(nearest.astype(np.float64) > x, np.nextafter(nearest, np.float32(0)), nearest)


@_QUIET
def allowed_deviation(norms: Norms, certificate: Certificate, head: LinearHead) -> Float64s:
    """How far two allowed executions of the network may be apart in one logit: 2(maxⱼ ‖w_j‖₂·δ(x) + ρ(x))."""
    row = np.max(vector_norms_upper(head.weights))
    delta = smallest_bound(certificate.latent_error, norms)
    return 2 * (row * delta + smallest_bound([certificate.logit_error], norms))
