"""ONNX Runtime, doctored: sessions that compute with fewer bits, or give other answers, as a faulty provider would."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from glean_certify.run.runtime import OnnxRuntime, Provider, Session
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

PRODUCTS = ("MatMul", "Gemm", "Conv")
Answers = dict[str, npt.NDArray[Any]]


def rounded(model: bytes, precision: str) -> bytes:
    """The model with the factors of every product rounded: to bfloat16's 8 bits, or to TF32's 11."""
    proto = onnx.load_model_from_string(model)
    nodes = []
    for n, node in enumerate(proto.graph.node):
        if node.op_type in PRODUCTS and not node.name.startswith("glean/"):
            for i in range(2):
                name = f"rounded_{n}_{i}"
                nodes += _rounding(node.input[i], name, precision)
                node.input[i] = name
        nodes.append(node)
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
    if precision == "tf32":
        # x·(2¹³ + 1): what is left of it without its low part are the 11 highest bits of x.
        proto.graph.initializer.append(helper.make_tensor("splitter", TensorProto.FLOAT, [], [8193.0]))
    data: bytes = proto.SerializeToString()
    return data


def _rounding(source: str, name: str, precision: str) -> list[Any]:
    if precision == "bfloat16":
        return [
            helper.make_node("Cast", [source], [f"{name}_low"], to=TensorProto.BFLOAT16),
            helper.make_node("Cast", [f"{name}_low"], [name], to=TensorProto.FLOAT),
        ]
    return [
        helper.make_node("Mul", [source, "splitter"], [f"{name}_c"]),
        helper.make_node("Sub", [f"{name}_c", source], [f"{name}_d"]),
        helper.make_node("Sub", [f"{name}_c", f"{name}_d"], [name]),
    ]


def rows_of(feeds: Mapping[str, npt.NDArray[Any]]) -> int:
    return len(next(iter(feeds.values())))


@dataclass
class Doctored:
    """A runtime whose products have fewer bits where `where` says so, and whose answers `change` may change.

    `where` is asked with whether it is the arithmetic probe, and with the number of rows.
    """

    precision: str = "bfloat16"
    where: Callable[[bool, int], bool] = lambda _probe, _rows: False
    change: Callable[[Answers], None] = lambda _: None
    # The rows of every run, in order.
    runs: list[int] = field(default_factory=list)

    def open(self, model: bytes, provider: Provider, threads: int | None) -> Session:
        real = OnnxRuntime()
        exact = real.open(model, provider, threads)
        low = real.open(rounded(model, self.precision), provider, threads)
        probe = b"product" in model and len(model) < 1000
        return _DoctoredSession(self, probe, exact, low)


@dataclass
class _DoctoredSession:
    runtime: Doctored
    probe: bool
    exact: Session
    low: Session

    def run(self, outputs: Sequence[str], feeds: Mapping[str, npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        rows = rows_of(feeds)
        self.runtime.runs.append(rows)
        session = self.low if self.runtime.where(self.probe, rows) else self.exact
        answers = dict(zip(outputs, session.run(outputs, feeds), strict=True))
        if not self.probe:
            self.runtime.change(answers)
        return [answers[name] for name in outputs]
