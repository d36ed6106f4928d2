"""The errors of the certifier: one base class with a stable code, one class per failure, as in the npm package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class GleanError(Exception):
    """The base of the deliberate errors: `code` is stable, `details` are for programs."""

    code: ClassVar[str]

    def __init__(self, message: str, details: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.details: Mapping[str, object] = dict(details or {})

    # Without this, an error that crosses a process (Spark, multiprocessing) would lose its details.
    def __reduce__(self) -> tuple[type[GleanError], tuple[str, Mapping[str, object]]]:
        return type(self), (str(self), self.details)


class OnnxFormatError(GleanError):
    """The bytes are not an ONNX file that glean writes: cut off, malformed, or ambiguous to other readers."""

    code = "ONNX_FORMAT"


class UnprovableError(GleanError):
    """`glean verify` proves nothing about the file, or its last layer is not linear."""

    code = "UNPROVABLE"


class CertificateError(GleanError):
    """The file's certificate is absent, malformed, or not of this file."""

    code = "CERTIFICATE"


class ProviderError(GleanError):
    """The execution provider does not compute what was certified (TF32, bfloat16, a fault), or must not be used."""

    code = "PROVIDER"


class InputError(GleanError):
    """An input (image, pixels, option) is not what the model or the call takes."""

    code = "INPUT"


class SignatureError(GleanError):
    """The signature is absent, malformed, made with another key, or made for other bytes."""

    code = "SIGNATURE"


class ContradictionError(GleanError):
    """`glean verify` measured what contradicts the proof."""

    code = "CONTRADICTED"


BY_CODE: Mapping[str, type[GleanError]] = {
    error.code: error
    for error in (
        OnnxFormatError,
        UnprovableError,
        CertificateError,
        ProviderError,
        InputError,
        SignatureError,
        ContradictionError,
    )
}


class UnprovenWarning(UserWarning):
    """A file was loaded whose claims nobody vouched for: neither a signature nor the SHA-256 of a proven file."""
