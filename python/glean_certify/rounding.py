"""Upper bounds in plain float64: one step outwards follows every operation (docs/soundness.md, section 2).

The same operations in the same order as the npm package, so that both give the same bits. Numbers are ≥ 0.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Float64s: TypeAlias = npt.NDArray[np.float64]

_STEP = 2.0**-52
_LEAST = 5e-324


def up(x: Float64s) -> Float64s:
    """At least the next float64 above x."""
    return x + (x * _STEP + _LEAST)


def down(x: Float64s) -> Float64s:
    """At most the next float64 below x, and never below 0."""
    return np.maximum(0.0, x - (x * _STEP + _LEAST))


def add_up(a: Float64s, b: Float64s) -> Float64s:
    return np.where(a == 0, b, np.where(b == 0, a, up(a + b)))


def mul_up(a: Float64s, b: Float64s) -> Float64s:
    product = np.where(a == 1, b, np.where(b == 1, a, up(a * b)))
    return np.where((a == 0) | (b == 0), 0.0, product)


def div_up(a: Float64s, b: Float64s) -> Float64s:
    return np.where(a == 0, 0.0, np.where(b == 1, a, up(a / b)))


def sqrt_up(x: Float64s) -> Float64s:
    return np.where((x == 0) | (x == 1), x, up(np.sqrt(x)))


def number(x: float) -> Float64s:
    """A number as an array without dimensions, which the functions above take."""
    return np.asarray(x, dtype=np.float64)


def gamma64(n: int) -> Float64s:
    """γ_n = nu/(1 − nu) of float64."""
    unit = number(n * 2.0**-53)
    return div_up(unit, down(1 - unit))


def vector_norms_upper(rows: npt.NDArray[np.float64]) -> Float64s:
    """‖v‖₂ of each row, rounded up (docs/soundness.md, Lemma 9)."""
    length = rows.shape[1]
    magnitude = np.max(np.abs(rows), axis=1, initial=0.0)
    # The power of two with 1 ≤ magnitude·scale < 2; a product with it is exact.
    scale = np.ldexp(1.0, 1 - np.frexp(np.where(magnitude == 0, 1.0, magnitude))[1])
    scaled = rows * scale[:, None]
    # Sums of this kind add one term after the other, as JavaScript's loop does.
    squares = np.add.accumulate(scaled * scaled, axis=1)[:, -1]
    largest = mul_up(squares, up(1 + gamma64(length + 2)))
    norms = div_up(sqrt_up(add_up(largest, number(length * 2.0**-1000))), scale)
    return np.where(magnitude == 0, 0.0, norms)


def subnormals_are_kept() -> bool:
    """Whether this thread computes with subnormal numbers, as assumption A6 of docs/soundness.md says.

    It stops doing so after a session of ONNX Runtime was made with `session.set_denormal_as_zero`.
    """
    wide, narrow = np.array([5e-324]), np.array([2.0**-149], dtype=np.float32)
    return bool((wide * 1 > 0)[0] and (narrow.astype(np.float64) > 0)[0] and (narrow * np.float32(1) > 0)[0])
