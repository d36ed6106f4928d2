"""Makes test/fixtures/layers: a small classifier of each published 1-Lipschitz layer, and manifest.json.

Not part of the project's own toolchain. Made with Python 3.11.7 and

    pip install torch==2.15.0 onnx==1.23.2 onnxscript==0.7.2   # numpy 2.4.6
    python pipeline/python/layers/make.py test/fixtures/layers [NAME...]

The manifest has the true constants, found densely in float64 by numpy's SVD: `layers` of every layer that changes
lengths, `product` of them all (an upper bound of the encoder's), and `measured`, the largest norm of the encoder's
Jacobian at a few hundred points (a lower bound).
"""

import copy
import json
import logging
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from modules import LinearResidual, RawSll, Residual, Sandwich
from networks import NETWORKS, Network
from torch import nn

POINTS = 200
CLASSES = 10


def matrix_of(linear, shape: tuple[int, ...]) -> np.ndarray:
    """The matrix of a linear map of images of this shape, constants left out."""
    size = int(np.prod(shape))
    with torch.no_grad():
        rows = linear(torch.eye(size, dtype=torch.float64).reshape(size, *shape))
        rows = rows - linear(torch.zeros(1, *shape, dtype=torch.float64))
    return rows.reshape(size, -1).numpy().T


def norm(matrix: np.ndarray) -> float:
    return float(np.linalg.svd(matrix, compute_uv=False)[0])


def constant(layer: nn.Module, shape: tuple[int, ...]) -> float | None:
    """The Lipschitz constant of one layer on inputs of this shape; None of one that cannot add to the product."""
    if isinstance(layer, (Residual, RawSll)):
        return max(1.0, norm(matrix_of(layer.hidden, shape)) ** 2 - 1)
    if isinstance(layer, Sandwich):
        return norm(np.concatenate([layer.a.numpy(), layer.b.numpy()], 1)) ** 2
    if next(layer.parameters(), None) is None or hasattr(layer, "theta"):
        return None
    return norm(matrix_of(layer, shape))


def of_own_norm(layers: list[nn.Module], shape: tuple[int, ...]) -> None:
    """Divides the linear residual blocks by their norms, which need the size of the image."""
    x = torch.zeros(1, *shape, dtype=torch.float64)
    for layer in layers:
        if isinstance(layer, LinearResidual):
            layer.norm = norm(matrix_of(layer, x.shape[1:]))
        x = layer(x)


def measured(encoder: nn.Module, shape: tuple[int, ...], rng: np.random.Generator) -> float:
    def flat(x):
        return encoder(x[None]).flatten()

    largest = 0.0
    for _ in range(POINTS):
        point = torch.from_numpy(rng.uniform(0, 1, shape))
        jacobian = torch.func.jacrev(flat)(point).reshape(-1, int(np.prod(shape)))
        largest = max(largest, norm(jacobian.numpy()))
    return largest


def export(model: nn.Module, network: Network, path: Path) -> None:
    kind, _, fixed = network.exporter.partition("-")
    raw = network.name.endswith("-raw")
    x = torch.rand(1 if fixed else 2, *network.shape)
    names = {"input_names": ["input"], "output_names": ["logits"]}
    if kind == "legacy":
        free = {} if fixed else {"dynamic_axes": {"input": {0: "batch"}, "logits": {0: "batch"}}}
        settings = {"dynamo": False, "opset_version": 17, "do_constant_folding": not raw}
        torch.onnx.export(model, (x,), path, **settings, **names, **free)
    else:
        free = {} if fixed else {"dynamic_shapes": ({0: torch.export.Dim("batch")},)}
        torch.onnx.export(model, (x,), path, dynamo=True, external_data=False, verbose=False, **names, **free)
        without_stack_traces(path)


def without_stack_traces(path: Path) -> None:
    """Takes out what the exporter notes about each node: the paths of the machine that it ran on among it."""
    model = onnx.load(path)
    for node in model.graph.node:
        del node.metadata_props[:]
        node.ClearField("doc_string")
    onnx.save(model, path)


def make(network: Network, folder: Path) -> dict:
    seed = sum(map(ord, network.name))
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    layers = network.build(rng)
    with torch.no_grad():
        of_own_norm(layers, network.shape)
        encoder = nn.Sequential(*layers).double().eval()
        x, found = torch.zeros(1, *network.shape, dtype=torch.float64), []
        for layer in layers:
            value = constant(layer, tuple(x.shape[1:]))
            if value is not None:
                found.append({"layer": type(layer).__name__, "norm": value})
            x = layer(x)
    head = nn.Linear(x.numel(), CLASSES).double()
    model = nn.Sequential(*layers, nn.Flatten(), head) if x.dim() > 2 else nn.Sequential(*layers, head)
    export(copy.deepcopy(model).float().eval(), network, folder / f"{network.name}.onnx")
    return {
        "file": f"{network.name}.onnx",
        "family": network.family,
        "paper": network.paper,
        "exporter": network.exporter,
        "image": list(network.shape),
        "latent": x.numel(),
        "layers": found,
        "product": float(np.prod([each["norm"] for each in found])),
        "measured": measured(encoder, network.shape, rng),
    }


def main(folder: Path, names: list[str]) -> None:
    warnings.filterwarnings("ignore")
    logging.getLogger("torch").setLevel(logging.ERROR)
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / "manifest.json"
    known = {each["file"]: each for each in json.loads(manifest.read_text())} if manifest.exists() else {}
    for network in NETWORKS:
        if names and network.name not in names:
            continue
        entry = make(network, folder)
        known[entry["file"]] = entry
        size = (folder / entry["file"]).stat().st_size
        between = f"{entry['measured']:.6f} <= true <= {entry['product']:.6f}"
        print(f"{entry['file']:28} {size:7} bytes  {between}", flush=True)
    order = [f"{network.name}.onnx" for network in NETWORKS]
    manifest.write_text(json.dumps([known[file] for file in order if file in known], indent=2) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
