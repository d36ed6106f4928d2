"""Checks how a provider computes Sigmoid, Tanh and their like (assumption A7 of docs/soundness.md).

Their values depend on the provider's own approximation. functions.json has the forms in which a network may contain
them, each as a small ONNX file with what A7 allows; `node --import tsx pipeline/oracle.ts functions` prints it, and a
test compares. The exact values are computed here, in float64.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
import json
import math

import numpy as np
import numpy.typing as npt

from ..errors import ProviderError
from .runtime import FUNCTIONS, Session

Values = npt.NDArray[np.float64]

# All values of a network are below 2 to this, so that none overflows on the way to its function.
_LARGEST_EXPONENT = 124


def _each(function: Callable[[float], float]) -> Callable[[Values], Values]:
    return lambda x: np.array([function(float(v)) for v in x])


def _sigmoid(x: Values) -> Values:
    return np.asarray(np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x))))


def _softplus(x: Values) -> Values:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _exponential(alpha: float, gamma: float = 1, c: float = 1) -> Callable[[Values], Values]:
    return lambda x: gamma * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / c))


def _hard(alpha: float, beta: float = 0.5) -> Callable[[Values], Values]:
    return lambda x: np.clip(alpha * x + beta, 0, 1)


def _gated(gate: Callable[[Values], Values]) -> Callable[[Values], Values]:
    return lambda x: x * gate(x)


def _single(value: float) -> float:
    return float(np.float32(value))


def _gelu(k: float) -> Callable[[Values], Values]:
    """x·Φ(kx√2)"""
    return _gated(_each(lambda v: math.erfc(-k * v) / 2))


_QUICK = _single(1.702)
_ROOT_2, _HALF_ROOT_2 = _single(math.sqrt(2)), _single(math.sqrt(0.5))

_EXACT: Mapping[str, Callable[[Values], Values]] = {
    "Sigmoid(x)": _sigmoid,
    "Tanh(x)": np.tanh,
    "Erf(x)": _each(math.erf),
    "Softplus(x)": _softplus,
    "Softsign(x)": lambda x: x / (1 + np.abs(x)),
    "Mish(x)": _gated(lambda x: np.tanh(_softplus(x))),
    "Elu(x)": _exponential(1),
    "Elu(x; alpha = 3)": _exponential(3),
    "Selu(x)": _exponential(_single(1.6732632), _single(1.050701)),
    "Celu(x)": _exponential(1),
    "Celu(x; alpha = 0.25)": _exponential(0.25, 1, 0.25),
    "HardSigmoid(x)": _hard(_single(0.2)),
    f"HardSigmoid(x; alpha = {1 / 6})": _hard(_single(1 / 6)),
    "HardSwish(x)": _gated(_hard(1 / 6)),
    "x·HardSigmoid(x; alpha = 1/6)": _gated(_hard(_single(1 / 6))),
    "x·Tanh(Softplus(x))": _gated(lambda x: np.tanh(_softplus(x))),
    "x·Sigmoid(x)": _gated(_sigmoid),
    "x·Sigmoid(1.702·x)": _gated(lambda x: _sigmoid(_QUICK * x)),
    "0.5·(x·(1 + Erf(x/√2)))": _gelu(1 / _ROOT_2),
    "(0.5·x)·(1 + Erf(x/√2))": _gelu(1 / _ROOT_2),
    "0.5·(x·(1 + Erf(x·√½)))": _gelu(_HALF_ROOT_2),
}


@dataclass(frozen=True)
class Form:
    """A function as a network may have it, from x [1, 1, n] to y."""

    name: str
    # A network that has all of these may have it.
    operators: frozenset[str]
    low: float
    high: float
    # |f̂(v) − f(v)| ≤ absolute + relative·|v|, and at most limit, flushes to zero left aside.
    absolute: float
    relative: float
    limit: float | None
    model: bytes

    def exact(self, x: Values) -> Values:
        with np.errstate(all="ignore"):
            return _EXACT[self.name](x)

    def allowed(self, x: Values) -> Values:
        flush = 4 * 2.0**-126 * max(1, -self.low, self.high)
        return np.minimum(self.absolute + self.relative * np.abs(x), self.limit or math.inf) + flush


def forms() -> list[Form]:
    """All forms that functions.json has."""
    data = json.loads(resources.files(__package__).joinpath("functions.json").read_text(encoding="utf-8"))
    return [
        Form(**{**form, "operators": frozenset(form["operators"].split()), "model": base64.b64decode(form["model"])})
        for form in data["forms"]
    ]


def probe_inputs() -> npt.NDArray[np.float32]:
    """Float32 values of every magnitude and sign, and more where functions bend. Their number is odd."""
    powers = 2.0 ** np.arange(-128, _LARGEST_EXPONENT)
    steps = np.arange(16)
    up, down = np.outer(powers, 1 + steps / 16), -np.outer(powers, 1 + steps / 15.7)
    i = np.arange(-4096, 4097)
    near = np.stack([i / 40 + (i % 7) * 1e-4, i / 700], axis=1)
    ends = np.array([0, -0.0, 2.0**-149, -(2.0**-149), 2.0**_LARGEST_EXPONENT])
    with np.errstate(all="ignore"):
        return np.concatenate([ends, up.ravel(), down.ravel(), near.ravel()]).astype(np.float32)


def check_functions(open_session: Callable[[bytes], Session], operators: frozenset[str]) -> None:
    """Compares a provider's values with float64, for the functions that a network of these operators may have.

    Raises ProviderError if one of them is further off than A7 says, or if this package does not know one.
    """
    if not operators & FUNCTIONS:
        return
    known = forms()
    unknown = sorted((operators & FUNCTIONS) - {op for form in known for op in form.operators})
    if unknown:
        raise ProviderError(f"this package does not know what a provider may make of {unknown[0]}; use the npm package")
    for form in known:
        if form.operators <= operators:
            check_form(form, open_session(form.model))


def check_form(form: Form, session: Session) -> None:
    """Compares the values that a session of this form gives with float64. Raises ProviderError as above."""
    x = probe_inputs()
    wide = x.astype(np.float64)
    (y,) = session.run(["y"], {"x": x.reshape(1, 1, -1)})
    found, exact = y.reshape(-1).astype(np.float64), form.exact(wide)
    if found.shape != exact.shape:
        raise ProviderError(f"the provider gave {y.shape} values of {form.name} for {len(x)}")
    wrong = np.flatnonzero(~(np.abs(found - exact) <= form.allowed(wide)))
    if len(wrong) > 0:
        i = wrong[0]
        raise ProviderError(
            f"the provider computes {form.name} of {x[i]} as {found[i]}, expected {exact[i]}: further off than "
            "a radius allows for (fast math, or an approximation)",
            {"function": form.name, "input": float(x[i]), "found": float(found[i]), "expected": float(exact[i])},
        )
