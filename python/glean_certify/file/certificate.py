"""What the certificate in a file's metadata claims, and how it is read. Nothing here proves what it claims."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
import math
import re
from typing import Any, Literal, NoReturn

import numpy as np
import numpy.typing as npt

from ..errors import CertificateError
from .json_form import parse, stringify

CERTIFICATE_KEY = "glean.certificate"
# Versions of the proof that accepted false claims (docs/soundness.md, "What was broken").
BROKEN_PROVERS = frozenset({1, 2, 3, 4})

MAX_TEXT = 2**24
MAX_DEPTH = 32
MAX_LATENT_ERRORS = 8
MAX_VECTORS = 256

Precision = Literal["float32", "float64"]


@dataclass(frozen=True)
class AffineBound:
    """constant + l2·‖x‖₂ + l1·‖x‖₁"""

    constant: float
    l2: float
    l1: float


@dataclass(frozen=True)
class KnownVector:
    """An input and the answer that the model gave for it when it was sealed."""

    # The pixels as bytes, H·W·C; a model sees byte/255.
    image: npt.NDArray[np.uint8]
    logits: tuple[float, ...]
    label: int
    radius: float


@dataclass(frozen=True)
class Certificate:
    """The claims of a sealed file. docs/soundness.md says what the constants mean."""

    format: int
    prover: int
    # What the network computes in; image, latent and logits are float32 in any case.
    precision: Precision
    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    sigma: float | None
    # L, the upper bound of the Lipschitz constant of image ↦ latent.
    lipschitz: float
    latent_error: tuple[AffineBound, ...]
    logit_error: AffineBound
    latent_error_slope: float
    logit_error_slope: float
    max_image_norm: float
    weights_sha256: str
    file_sha256: str
    vectors: tuple[KnownVector, ...]
    # The whole certificate as the file has it.
    fields: Mapping[str, Any]


def fail(path: str, expected: str, found: object) -> NoReturn:
    shown = stringify(found)[:82] if isinstance(found, (str, int, float, list, dict)) or found is None else repr(found)
    raise CertificateError(
        f"certificate: {path}: expected {expected}, found {shown}", {"path": path, "expected": expected}
    )


Form = Callable[[Any, str], None]


def _form(expected: str, holds: Callable[[Any], bool]) -> Form:
    def check(value: Any, path: str) -> None:
        if not holds(value):
            fail(path, expected, value)

    return check


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def _is_float32(value: Any) -> bool:
    return _is_number(value) and abs(value) < 2**128 and float(np.float32(value)) == value


_object = _form("an object", lambda value: isinstance(value, dict))
_string = _form("a string", lambda value: isinstance(value, str))
_bound = _form("a number ≥ 0", lambda value: _is_number(value) and value >= 0)
_integer = _form("an integer ≥ 0", _is_integer)
_float32 = _form("a finite float32", _is_float32)
_radius = _form("a finite float32 ≥ 0", lambda value: _is_float32(value) and value >= 0)
_digest = _form(
    "64 hexadecimal digits", lambda value: isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None
)
_sigma = _form("null or a number > 0", lambda value: value is None or (_is_number(value) and value > 0))


def _exactly(expected: object) -> Form:
    text = stringify(expected)
    return _form(text, lambda value: stringify(value) == text)


def _fields(fields: Mapping[str, Form]) -> Form:
    """Demands an object with exactly these fields."""

    def check(value: Any, path: str) -> None:
        _object(value, path)
        prefix = f"{path}." if path else ""
        for key in value:
            if key not in fields:
                fail(prefix + key, "no such field", value[key])
        for key, form in fields.items():
            if key not in value:
                fail(prefix + key, "a value", None)
            form(value[key], prefix + key)

    return check


def _list(item: Form, least: int = 0, most: float = math.inf) -> Form:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, list) or not least <= len(value) <= most:
            fail(path, f"a list of {least} to {most} entries", value)
        for i, entry in enumerate(value):
            item(entry, f"{path}[{i}]")

    return check


def _names(value: Any, path: str) -> None:
    # They differ and none is empty, because answers are told apart by them.
    _list(_string, 2)(value, path)
    if len(set(value)) != len(value) or "" in value:
        fail(path, "different names", value)


_affine = _fields({"constant": _bound, "l2": _bound, "l1": _bound})

# The constants of the slack.
_CONSTANTS = _fields(
    {
        "latentError": _list(_affine, 1, MAX_LATENT_ERRORS),
        "logitError": _affine,
        "latentErrorSlope": _bound,
        "logitErrorSlope": _bound,
        "maxImageNorm": _bound,
    }
)

_COMMON: Mapping[str, Form] = {
    "norm": _exactly("l2"),
    "input": _fields(
        {"shape": _list(_integer, 3, 3), "range": _exactly([0, 1]), "layout": _exactly("NHWC")},
    ),
    "classes": _names,
    "sigma": _sigma,
    "lipschitz": _fields(
        {"upper": _bound, "layers": _list(_fields({"op": _string, "name": _string, "upper": _bound}))}
    ),
    "weightsSha256": _digest,
    "fileSha256": _digest,
    "vectors": _list(
        _fields({"image": _string, "logits": _list(_float32), "label": _integer, "radius": _radius}), 1, MAX_VECTORS
    ),
    "training": _object,
}

_LATEST = {"format": _exactly(3), "prover": _integer, **_COMMON}
_NARROW = _fields({**_LATEST, "precision": _exactly("float32"), "float32": _CONSTANTS})
_WIDE = _fields({**_LATEST, "precision": _exactly("float64"), "float64": _CONSTANTS})


def _latest(value: Any, path: str) -> None:
    (_WIDE if isinstance(value, dict) and value.get("precision") == "float64" else _NARROW)(value, path)


# Formats 1 and 2 are of float32, and format 1 has no prover: it was prover 1.
FORMATS: Mapping[int, Form] = {
    1: _fields({"format": _exactly(1), **_COMMON, "float32": _CONSTANTS}),
    2: _fields({"format": _exactly(2), "prover": _integer, **_COMMON, "float32": _CONSTANTS}),
    3: _latest,
}


def _depth(value: object, depth: int = 0) -> None:
    if not isinstance(value, (dict, list)):
        return
    if depth > MAX_DEPTH:
        fail("text", f"at most {MAX_DEPTH} levels", "more")
    for entry in value.values() if isinstance(value, dict) else value:
        _depth(entry, depth + 1)


def _pixels(text: str, size: int) -> npt.NDArray[np.uint8]:
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        data = b""
    # The decoder forgives left-over bits, which other decoders do not.
    if len(data) != size or base64.b64encode(data).decode() != text:
        raise CertificateError(f"certificate: a known vector's image is not base64 of {size} bytes")
    return np.frombuffer(data, dtype=np.uint8)


def parse_certificate(text: str) -> Certificate:
    """The certificate in this text. Raises CertificateError that names the field, what was found and what expected."""
    if len(text) > MAX_TEXT:
        fail("text", f"at most {MAX_TEXT} characters", len(text))
    try:
        json = parse(text)
    except ValueError as error:
        raise CertificateError(f"certificate: text: {error}", {"path": "text"}) from error
    _depth(json)
    version = json.get("format") if isinstance(json, dict) else None
    if not isinstance(json, dict) or not isinstance(version, int) or version is True or version not in FORMATS:
        fail("format", ", ".join(map(str, FORMATS)), version)
    FORMATS[version](json, "")
    height, width, channels = json["input"]["shape"]
    precision: Precision = json.get("precision", "float32")
    constants = json[precision]
    return Certificate(
        format=version,
        prover=json.get("prover", 1),
        precision=precision,
        shape=(height, width, channels),
        classes=tuple(json["classes"]),
        sigma=json["sigma"],
        lipschitz=float(json["lipschitz"]["upper"]),
        latent_error=tuple(_affine_bound(bound) for bound in constants["latentError"]),
        logit_error=_affine_bound(constants["logitError"]),
        latent_error_slope=float(constants["latentErrorSlope"]),
        logit_error_slope=float(constants["logitErrorSlope"]),
        max_image_norm=float(constants["maxImageNorm"]),
        weights_sha256=json["weightsSha256"],
        file_sha256=json["fileSha256"],
        vectors=_vectors(json["vectors"], height * width * channels, len(json["classes"])),
        fields=json,
    )


def _affine_bound(bound: Mapping[str, float]) -> AffineBound:
    return AffineBound(float(bound["constant"]), float(bound["l2"]), float(bound["l1"]))


def _vectors(vectors: Sequence[Mapping[str, Any]], size: int, classes: int) -> tuple[KnownVector, ...]:
    for i, vector in enumerate(vectors):
        if len(vector["logits"]) != classes or vector["label"] >= classes:
            fail(f"vectors[{i}]", f"{classes} logits and the index of one", vector["logits"])
    return tuple(
        KnownVector(_pixels(v["image"], size), tuple(map(float, v["logits"])), v["label"], float(v["radius"]))
        for v in vectors
    )
