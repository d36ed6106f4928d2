"""Checks that a provider's matrix product is computed in the precision of its type.

Not in TF32, bfloat16 or float16 instead of float32, and not in float32 instead of float64.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ..errors import ProviderError
from ..file.certificate import Precision
from ..file.model import encode_info, encode_node
from ..file.wire import field
from .runtime import Session

_INNER, _COLUMNS = 256, 128
# Of one image and of a batch, because providers have kernels for each.
_ROWS = (1, 64)
_MOST_ROWS = 4096


def probe_model(precision: Precision = "float32") -> bytes:
    """y = a·b, where both inputs have free dimensions.

    Known vectors alone would not be enough: TF32's error on a small network can hide within the proven slack.
    """
    graph = b"".join(
        [
            field(1, encode_node("MatMul", "product", ["a", "b"], ["y"])),
            field(2, "probe"),
            field(11, encode_info("a", precision, ["M", "K"])),
            field(11, encode_info("b", precision, ["K", "N"])),
            field(12, encode_info("y", precision, ["M", "N"])),
        ]
    )
    opset = field(1, "") + field(2, 18)
    return b"".join([field(1, 8), field(2, "glean"), field(3, "0"), field(7, graph), field(8, opset)])


def integer_factors(rows: int, precision: Precision = "float32") -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Factors of a product that this precision computes exactly, and a narrower one does not.

    For float32, a has odd integers of 12 bits and b has −1, 0 and 1, so every partial sum is an integer below 2²⁰, in
    any order, with or without fused multiply-add. TF32 and float16 keep 11 bits of a factor and bfloat16 keeps 8: an
    odd integer of 12 bits is rounded, and most sums come out wrong. For float64, a's integers are of 51 bits, of which
    float32 keeps 24 and a pair of float32 keeps 48, and b has one entry in 64 that is not 0: every partial sum is
    below 2⁵³.
    """
    i = np.arange(rows * _INNER, dtype=np.int64)
    j = np.arange(_INNER * _COLUMNS, dtype=np.int64)
    a = (2**50 + 1 if precision == "float64" else 2049) + 2 * ((i * 7919) % 1023)
    row = j // _COLUMNS
    b = (j * 31 + row) % 3 - 1
    if precision == "float64":
        b = np.where((row + j) % 64 == 0, b, 0)
    return a.reshape(rows, _INNER), b.reshape(_INNER, _COLUMNS)


def check_arithmetic(session: Session, rows: Iterable[int] = (), precision: Precision = "float32") -> None:
    """Multiplies integers and compares every entry, for 1, 64 and these rows. Raises ProviderError if one is wrong."""
    kind = np.dtype(precision)
    for m in sorted({*_ROWS, *(min(count, _MOST_ROWS) for count in rows)}):
        a, b = integer_factors(m, precision)
        (y,) = session.run(["y"], {"a": a.astype(kind), "b": b.astype(kind)})
        # float64 holds every partial sum.
        exact = a.astype(np.float64) @ b.astype(np.float64)
        wrong = np.argwhere(y != exact) if y.shape == exact.shape and y.dtype == kind else np.zeros((1, 2), int)
        if len(wrong) > 0:
            found, expected = y[tuple(wrong[0])], exact[tuple(wrong[0])]
            raise ProviderError(
                f"the provider does not compute in {precision}: of {m} rows, a sum of integers is {found}, "
                f"expected {expected} (a narrower type such as TF32 or bfloat16, or a fault)",
                {"found": float(found), "expected": int(expected), "rows": m, "precision": precision},
            )
