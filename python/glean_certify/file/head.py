"""The linear head y = Wz + b as it stands in a graph, and the distances between its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from ..errors import UnprovableError
from ..rounding import Float64s, mul_up, number, vector_norms_upper
from .model import Model, Node

# Stops a hostile file before K×K numbers exist.
MAX_CLASSES = 2048
MAX_DISTANCE_WORK = 2**32

_GEMM: Mapping[str, tuple[float, ...]] = {"alpha": (1.0,), "beta": (1.0,), "transA": (0,), "transB": (0, 1)}


@dataclass(frozen=True)
class LinearHead:
    # K×d, float32 or float64 in the file.
    weights: npt.NDArray[np.float64]

    @property
    def classes(self) -> int:
        return int(self.weights.shape[0])

    @property
    def latent_size(self) -> int:
        return int(self.weights.shape[1])


def read_linear_head(model: Model) -> LinearHead:
    """W between the tensors `latent` and `logits`: one Gemm, or a MatMul and at most one Add.

    In float64 there is a Cast before and one behind. Raises UnprovableError that names the node if the head is
    anything else.
    """
    end = _producer(model, "logits")
    precision = "float64" if end.op == "Cast" else "float32"
    last = _producer(model, _cast_input(end, "float32")) if end.op == "Cast" else end
    layer = last
    if last.op == "Add":
        layer = next((n for n in model.nodes if n.op == "MatMul" and set(n.outputs) & set(last.inputs)), last)
    if layer.op not in ("Gemm", "MatMul"):
        _refuse(layer, "the head is not one linear layer (Gemm, or MatMul and Add)")
    first = layer.inputs[0] if len(layer.inputs) >= 2 else ""
    if precision == "float64" and first != "latent":
        first = _cast_input(_producer(model, first), "float64")
    if first != "latent":
        _refuse(layer, 'its first input must be "latent"')
    for node in (layer, last):
        if len(node.inputs) > (3 if node.op == "Gemm" else 2) or len(node.outputs) != 1:
            _refuse(node, "it has more than a linear layer needs")
        for name, value in node.attributes.items():
            if node.op != "Gemm" or value not in _GEMM.get(name, ()):
                _refuse(node, f"attribute {name} has no rule in a head")
    tensor = model.initializers.get(layer.inputs[1])
    # An initializer that is also an input is not constant, because the caller may replace it.
    constant = tensor is not None and all(info.name != tensor.name for info in model.inputs)
    if tensor is None or not constant or tensor.type != precision or len(tensor.dims) != 2 or not tensor.raw:
        _refuse(layer, f"its matrix must be a constant of {precision} and of rank 2")
    weights = tensor.floats().reshape(tensor.dims)
    if not (np.abs(weights) < 2.0**128).all():
        _refuse(layer, "its matrix has a value that is not finite in float32")
    stored = layer.op == "Gemm" and layer.attributes.get("transB") == 1
    return LinearHead(np.ascontiguousarray(weights if stored else weights.T))


def _producer(model: Model, name: str) -> Node:
    node = next((node for node in model.nodes if name in node.outputs), None)
    if node is None:
        raise UnprovableError(f"no node computes '{name}'", {"name": name})
    return node


def _cast_input(node: Node, kind: str) -> str:
    """What a Cast to this type takes."""
    if not node.casts_to(kind):
        _refuse(node, f"it must be a Cast to {kind}")
    return node.inputs[0]


def _refuse(node: Node, reason: str) -> NoReturn:
    raise UnprovableError(f'{node.op} "{node.name}": {reason}', {"op": node.op, "node": node.name})


def pairwise_distances(head: LinearHead) -> Float64s:
    """s_cj = ‖w_c − w_j‖₂ for every pair of classes, K×K, each rounded up; the diagonal is 0."""
    weights = head.weights
    distances = np.zeros((head.classes, head.classes))
    for c in range(1, head.classes):
        # The difference of two float32 or float64 is off by at most 2⁻⁵³ of itself in float64.
        norms = mul_up(vector_norms_upper(weights[c] - weights[:c]), number(1 + 2.0**-52))
        distances[c, :c] = norms
        distances[:c, c] = norms
    return distances
