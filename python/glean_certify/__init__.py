"""Label and certified radius of a sealed glean model, in Python.

Importing this package switches ONNX Runtime's telemetry off, unless the environment sets ORT_DISABLE_TELEMETRY.
"""

from .certifier import Certifier
from .command import Verification, verify
from .errors import (
    CertificateError,
    ContradictionError,
    GleanError,
    InputError,
    OnnxFormatError,
    ProviderError,
    SignatureError,
    UnprovableError,
    UnprovenWarning,
)
from .file.certificate import AffineBound, Certificate, KnownVector
from .run.known_vectors import Predictions
from .run.telemetry import onnx_runtime as _onnx_runtime

_onnx_runtime()

__version__ = "0.1.0"

__all__ = [
    "AffineBound",
    "Certificate",
    "CertificateError",
    "Certifier",
    "ContradictionError",
    "GleanError",
    "InputError",
    "KnownVector",
    "OnnxFormatError",
    "Predictions",
    "ProviderError",
    "SignatureError",
    "UnprovableError",
    "UnprovenWarning",
    "Verification",
    "verify",
]
