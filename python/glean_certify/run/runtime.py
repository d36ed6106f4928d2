"""ONNX Runtime and its execution providers: what each may be used for, and how a session is opened.

The providers' numerical contracts are in docs/providers.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
import os
from typing import Any, Protocol

import numpy.typing as npt

from ..errors import ProviderError
from ..file.certificate import Precision
from .telemetry import onnx_runtime

# Versions for which the package's tests were run, from this one on and below that one.
TESTED = ((1, 20), (1, 33))
TF32_SWITCH = "NVIDIA_TF32_OVERRIDE"


class Session(Protocol):
    """A model opened on a provider."""

    def run(self, outputs: Sequence[str], feeds: Mapping[str, npt.NDArray[Any]]) -> list[npt.NDArray[Any]]: ...


@dataclass(frozen=True)
class Provider:
    # ONNX Runtime's name for it, and the providers that a session on it consists of: nothing else may run a node.
    name: str
    consists_of: tuple[str, ...]
    options: Mapping[str, str] = field(default_factory=dict)
    # Whether a radius is sound for float64 networks, too.
    float64: bool = False
    # Operators that it may compute by a scheme outside of docs/soundness.md, section 1.
    refused_operators: frozenset[str] = frozenset()


# Operators whose values depend on the provider's own approximation (assumption A7 of docs/soundness.md).
FUNCTIONS = frozenset(
    ("Celu", "Elu", "Erf", "HardSigmoid", "HardSwish", "Mish", "Selu", "Sigmoid", "Softplus", "Softsign", "Tanh")
)

# The providers on which a radius is sound.
PROVIDERS: Mapping[str, Provider] = {
    "cpu": Provider("CPUExecutionProvider", ("CPUExecutionProvider",), float64=True),
    "cuda": Provider(
        "CUDAExecutionProvider",
        ("CUDAExecutionProvider", "CPUExecutionProvider"),
        options={"use_tf32": "0"},
        # cuDNN chooses an algorithm by itself, Winograd and FFT among them. Functions were only measured on CPUs.
        refused_operators=frozenset({"Conv", "ConvTranspose"}) | FUNCTIONS,
    ),
}


def provider_named(name: str, operators: frozenset[str], precision: Precision = "float32") -> Provider:
    """The provider with this name, ours or ONNX Runtime's. Raises ProviderError if no radius holds on it."""
    found = next((p for short, p in PROVIDERS.items() if name in (short, p.name)), None)
    if found is None:
        raise ProviderError(
            f"no radius is proven for provider '{name}'; use one of {', '.join(PROVIDERS)}", {"provider": name}
        )
    if precision == "float64" and not found.float64:
        raise ProviderError(
            f"no radius is proven for a float64 network on provider '{name}'; use 'cpu', or a float32 file",
            {"provider": name, "precision": precision},
        )
    refused = sorted(found.refused_operators & operators)
    if refused:
        raise ProviderError(
            f"provider '{name}' may compute {refused[0]} in a way that nothing is proven about (Winograd, FFT, or "
            "functions that nobody has measured); use 'cpu'",
            {"provider": name, "operator": refused[0]},
        )
    if found.name == "CUDAExecutionProvider":
        value = os.environ.get(TF32_SWITCH, "0")
        if value != "0":
            raise ProviderError(f"{TF32_SWITCH}={value} is set; a radius on CUDA needs {TF32_SWITCH}=0")
        # This is read when CUDA starts; if CUDA has already started, the probe tells whether TF32 is on.
        os.environ[TF32_SWITCH] = "0"
    return found


class Runtime(Protocol):
    """What opens sessions."""

    def open(self, model: bytes, provider: Provider, threads: int | None) -> Session: ...


class OnnxRuntime:
    """ONNX Runtime with telemetry off, of a tested version, with options that leave its arithmetic as it is."""

    def __init__(self) -> None:
        """Raises ProviderError if this version has not been tested."""
        self._ort = onnx_runtime()
        version = str(self._ort.__version__)
        number = tuple(int(part) for part in version.split(".")[:2])
        least, below = TESTED
        if not least <= number < below:
            raise ProviderError(
                f"onnxruntime {version} has not been tested; use {least[0]}.{least[1]} or later, "
                f"below {below[0]}.{below[1]}",
                {"version": version},
            )

    def open(self, model: bytes, provider: Provider, threads: int | None) -> Session:
        """A session of this model on this provider and no other. Raises ProviderError if there is none."""
        ort = self._ort
        if provider.name not in ort.get_available_providers():
            raise ProviderError(f"provider '{provider.name}' is not available here", {"provider": provider.name})
        # Nothing else is set: set_denormal_as_zero and the fast-math switches of the CPU stay off.
        options = ort.SessionOptions()
        options.log_severity_level = 3
        if threads is not None:
            options.intra_op_num_threads = threads
            options.inter_op_num_threads = threads
        try:
            session = ort.InferenceSession(
                model, options, providers=[provider.name], provider_options=[dict(provider.options)]
            )
        except Exception as error:
            raise ProviderError(
                f"provider '{provider.name}' cannot load the model: {error}", {"provider": provider.name}
            ) from error
        # ONNX Runtime's Python falls back to other providers by itself, when a session is made and when it fails.
        session.disable_fallback()
        found = tuple(session.get_providers())
        if found != provider.consists_of:
            raise ProviderError(
                f"a session on '{provider.name}' runs on {', '.join(found)}, "
                f"expected {', '.join(provider.consists_of)}",
                {"found": found, "expected": provider.consists_of},
            )
        return _OpenSession(session)


class _OpenSession:
    def __init__(self, session: Any) -> None:
        self._session = session

    def run(self, outputs: Sequence[str], feeds: Mapping[str, npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        try:
            answers: list[npt.NDArray[Any]] = self._session.run(list(outputs), dict(feeds))
        except Exception as error:
            raise ProviderError(f"the provider failed: {error}") from error
        return answers
