"""ONNX's messages, as far as a sealed file has them. The field numbers are those of onnx.proto (ONNX 1.18 to 1.20)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import struct

import numpy as np
import numpy.typing as npt

from .wire import Message, field, refuse, varint

MAX_BYTES = 2**31 - 1
# Every node and initializer of the certificate head is named with this prefix, and nothing else is.
HEAD_PREFIX = "glean/"

ELEMENT_TYPES: Mapping[int, tuple[str, int]] = {
    1: ("float32", 4),
    6: ("int32", 4),
    7: ("int64", 8),
    9: ("bool", 1),
    11: ("float64", 8),
}


@dataclass(frozen=True)
class Tensor:
    name: str
    type: str
    dims: tuple[int, ...]
    raw: bytes

    def floats(self) -> npt.NDArray[np.float64]:
        """The values of a float32 or float64 tensor, which float64 holds exactly."""
        return np.frombuffer(self.raw, dtype="<f4" if self.type == "float32" else "<f8").astype(np.float64)


@dataclass(frozen=True)
class Node:
    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    # The value of a float or integer attribute; None for one of another kind.
    attributes: Mapping[str, float | int | None]

    def casts_to(self, kind: str) -> bool:
        """Whether this is a Cast of one tensor to this type, and nothing more."""
        number = next(number for number, (name, _) in ELEMENT_TYPES.items() if name == kind)
        whole = self.op == "Cast" and (len(self.inputs), len(self.outputs)) == (1, 1)
        return whole and dict(self.attributes) == {"to": number}


@dataclass(frozen=True)
class ValueInfo:
    name: str
    type: str
    # A number, or a name if the dimension is free, as the batch is.
    dims: tuple[int | str, ...]


@dataclass(frozen=True)
class Model:
    ir_version: int
    opset: int
    nodes: Sequence[Node]
    initializers: Mapping[str, Tensor]
    inputs: Sequence[ValueInfo]
    outputs: Sequence[ValueInfo]
    metadata: Sequence[tuple[str, str]]
    # The file without the certificate head, the outputs `label` and `radius`, and the metadata.
    network: bytes


def _tensor(message: Message) -> Tensor:
    name = message.text(8)
    number = message.integer(2)
    if number not in ELEMENT_TYPES:
        refuse(f"tensor {name!r}: element type {number} is not supported")
    kind, width = ELEMENT_TYPES[number]
    dims = tuple(message.ints(1))
    raw = next(iter(message.blobs(9)), b"")
    size = width
    for dim in dims:
        size *= dim
    if any(dim < 0 for dim in dims) or size != len(raw):
        refuse(f"tensor {name!r}: dims {list(dims[:8])} do not fit its {len(raw)} bytes of {kind}")
    return Tensor(name, kind, dims, raw)


def _attribute(message: Message) -> tuple[str, float | int | None]:
    kind = message.integer(20)
    if kind == 1 and message.all(2):
        return message.text(1), struct.unpack("<f", message.blobs(2)[0])[0]
    return message.text(1), message.integer(3) if kind == 2 else None


def _node(message: Message) -> Node:
    attributes = message.parts(5, once=(1, 2, 3, 4, 5, 20), repeated=(7, 8, 9))
    return Node(
        op=message.text(4),
        name=message.text(3),
        inputs=tuple(message.texts(1)),
        outputs=tuple(message.texts(2)),
        attributes=dict(map(_attribute, attributes)),
    )


def _info(message: Message) -> ValueInfo:
    kind, dims = 0, list[int | str]()
    for outer in message.parts(2, once=(1,)):
        for tensor in outer.parts(1, once=(1, 2)):
            kind = tensor.integer(1)
            for shape in tensor.parts(2, repeated=(1,)):
                for dim in shape.parts(1, once=(1, 2)):
                    dims.append(dim.integer(1) if dim.all(1) else dim.text(2))
    return ValueInfo(message.text(1), ELEMENT_TYPES.get(kind, ("unknown", 0))[0], tuple(dims))


def read_model(data: bytes) -> Model:
    """The model in these bytes. Raises OnnxFormatError if glean does not write such bytes."""
    if len(data) > MAX_BYTES:
        refuse(f"{len(data)} bytes, more than {MAX_BYTES}")
    # With this mark, ONNX Runtime takes the file for a flatbuffer in its own format: another model.
    if data[4:8] == b"ORTM":
        refuse("bytes 4 to 7 are 'ORTM'")
    model = Message(data, 0, len(data), once=(1, 2, 3, 7, 8), repeated=(14,))
    graphs = model.parts(7, once=(2,), repeated=(1, 5, 11, 12))
    opsets = model.parts(8, once=(1, 2))
    if len(graphs) != 1 or len(opsets) != 1 or opsets[0].text(1) != "":
        refuse("it must have one graph, and one operator set, which is ONNX's own")
    graph = graphs[0]
    nodes = graph.parts(1, once=(3, 4), repeated=(1, 2, 5))
    tensors = graph.parts(5, once=(2, 8, 9), repeated=(1,))
    infos = {number: graph.parts(number, once=(1, 2)) for number in (11, 12)}
    entries = model.parts(14, once=(1, 2))
    read = Model(
        ir_version=model.integer(1),
        opset=opsets[0].integer(2),
        nodes=[_node(node) for node in nodes],
        initializers={tensor.name: tensor for tensor in map(_tensor, tensors)},
        inputs=[_info(info) for info in infos[11]],
        outputs=[_info(info) for info in infos[12]],
        metadata=[(entry.text(1), entry.text(2)) for entry in entries],
        network=b"",
    )
    if len(read.initializers) != len(tensors):
        refuse("two initializers have one name")
    dropped = {
        *(f.begin for f, node in zip(graph.all(1), read.nodes, strict=True) if node.name.startswith(HEAD_PREFIX)),
        *(f.begin for f, name in zip(graph.all(5), read.initializers, strict=True) if name.startswith(HEAD_PREFIX)),
        *(f.begin for f, info in zip(graph.all(12), read.outputs, strict=True) if info.name in ("label", "radius")),
    }
    kept = b"".join(data[f.begin : f.end] for f in graph.fields if f.begin not in dropped)
    network = b"".join(
        varint(8 * 7 + 2) + varint(len(kept)) + kept if f.number == 7 else data[f.begin : f.end]
        for f in model.fields
        if f.number != 14
    )
    return Model(**{**vars(read), "network": network})


def encode_node(op: str, name: str, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
    return b"".join(
        [*(field(1, text) for text in inputs), *(field(2, text) for text in outputs), field(3, name), field(4, op)]
    )


def encode_info(name: str, kind: str, dims: Sequence[str]) -> bytes:
    """An input or output of this type with these free dimensions."""
    number = next(number for number, (other, _) in ELEMENT_TYPES.items() if other == kind)
    shape = b"".join(field(1, field(2, dim)) for dim in dims)
    return field(1, name) + field(2, field(1, field(1, number) + field(2, shape)))
