"""Imports ONNX Runtime with its telemetry off. Nothing else in the package imports it."""

from __future__ import annotations

import os
import sys
from types import ModuleType

from ..errors import ProviderError

SWITCH = "ORT_DISABLE_TELEMETRY"


def onnx_runtime() -> ModuleType:
    """ONNX Runtime, with telemetry switched off unless the environment already sets the variable.

    Its library reads the variable when it is imported. Otherwise the prebuilt library for Linux and macOS writes a
    device identifier to the user's cache folder and posts events to its vendor (docs/providers.md).

    Raises ProviderError if ONNX Runtime was imported before, without the variable.
    """
    if not os.environ.get(SWITCH):
        if "onnxruntime" in sys.modules:
            raise ProviderError(
                f"onnxruntime was imported with its telemetry on: set {SWITCH}=1 for the process, "
                "or import glean_certify before it",
                {"variable": SWITCH},
            )
        os.environ[SWITCH] = "1"
    import onnxruntime

    module: ModuleType = onnxruntime
    return module
