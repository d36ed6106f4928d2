"""Sealed files opened with OpenVINO instead of ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino
from openvino.properties import hint

from tests.conftest import DIGITS, FACES, ROOT

MODELS = [DIGITS, FACES, ROOT / "models/cmnist-erm/model.onnx"]
FLOAT32 = {hint.inference_precision(): openvino.Type.f32}
BFLOAT16 = {hint.inference_precision(): openvino.Type.bf16}
# Asks for the types that the file has.
ACCURACY = {hint.execution_mode(): hint.ExecutionMode.ACCURACY}
Settings = Mapping[str, Any]


class OpenVino:
    """A model compiled for the CPU, as a session of this package."""

    def __init__(self, model: bytes, settings: Settings) -> None:
        core = openvino.Core()
        self._compiled = core.compile_model(core.read_model(model, b""), "CPU", dict(settings))

    @property
    def narrow(self) -> bool:
        """Whether it says that it computes in fewer bits than float32."""
        precision = self._compiled.get_property(hint.inference_precision())
        return precision in (openvino.Type.bf16, openvino.Type.f16)

    def run(self, outputs: Sequence[str], feeds: Mapping[str, npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        found = self._compiled(dict(feeds))
        return [np.asarray(found[name]) for name in outputs]
