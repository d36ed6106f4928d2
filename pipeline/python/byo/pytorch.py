"""Makes the PyTorch fixtures of test/fixtures/byo, as PyTorch's two exporters write them.

Not part of the project's own toolchain. Made with Python 3.11.7 and

    pip install torch==2.9.1 onnx==1.19.1 onnxscript==0.5.6 onnx_ir==0.1.12 deel-torchlip==1.0.5   # numpy 2.4.6
    python pipeline/python/byo/pytorch.py test/fixtures/byo

(PyPI's torch needs CUDA's libraries at import, although nothing here runs on a GPU. These files were made with empty
stand-ins for them.)
"""

import sys
from pathlib import Path

import onnx
import torch
from deel import torchlip
from digits import digits
from torch import nn

OUT = Path(sys.argv[1])


def train(model: nn.Module, loss, epochs: int, rate: float = 2e-3) -> None:
    pixels, labels = digits(600)
    x, y = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(labels)
    held = len(x) // 6
    optimizer = torch.optim.Adam(model.parameters(), rate)
    for _ in range(epochs):
        model.train()
        for batch in torch.randperm(len(x) - held).split(64):
            optimizer.zero_grad()
            loss(model(x[held:][batch]), y[held:][batch]).backward()
            optimizer.step()
        model.eval()
        print(f"accuracy {(model(x[:held]).argmax(1) == y[:held]).float().mean():.3f}")


def legacy(model: nn.Module, name: str, shape=(1, 1, 14, 14), **options) -> None:
    """Uses the TorchScript exporter, with the batch freed as its own documentation shows."""
    axes = {"input": {0: "batch"}, "logits": {0: "batch"}}
    torch.onnx.export(
        model, torch.rand(shape), OUT / name, dynamo=False,
        input_names=["input"], output_names=["logits"], dynamic_axes=axes, **options,
    )  # fmt: skip


def dynamo(model: nn.Module, name: str, shape=(1, 1, 14, 14), **options) -> None:
    """
    Uses the exporter of torch.export, whose default puts weights into a second file and fixes the batch. Its notes hold
    paths of the machine that exported; those are left out.
    """
    torch.onnx.export(model, (torch.rand(shape),), OUT / name, dynamo=True, external_data=False, **options)
    without_paths(OUT / name)


def without_paths(path: Path) -> None:
    exported = onnx.load(path)
    for node in exported.graph.node:
        kept = [note for note in node.metadata_props if note.key != "pkg.torch.onnx.stack_trace"]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
    onnx.save(exported, path)


def plain() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.1),
        nn.Flatten(),
        nn.Linear(144, 32),
        nn.ReLU(),
        nn.Linear(32, 10),
    )


class BatchNormFirst(nn.Module):
    """Has a BatchNorm that no Conv can absorb, a view that uses the batch's own size, and a Softmax at the end."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(1)
        self.layers = layers

    def forward(self, x):
        x = self.layers[:-1](self.norm(x))
        return torch.softmax(self.layers[-1](x.view(x.size(0), -1)), 1)


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(14, 2, batch_first=True)
        self.last = nn.Linear(196, 10)

    def forward(self, x):
        rows = x.squeeze(1)
        return self.last(self.attention(rows, rows, rows, need_weights=False)[0].flatten(1))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(14, 8, batch_first=True)
        self.last = nn.Linear(8, 10)

    def forward(self, x):
        return self.last(self.lstm(x.squeeze(1))[0][:, -1])


torch.manual_seed(1)
model = plain()
train(model, nn.CrossEntropyLoss(), 4)
legacy(model, "pytorch-cnn.onnx")
dynamo(model, "pytorch-cnn-dynamo.onnx")

model = BatchNormFirst(plain())
train(model, lambda p, y: nn.functional.nll_loss(p.log(), y), 2)
legacy(model, "pytorch-softmax.onnx", opset_version=13)

model = torchlip.Sequential(
    torchlip.SpectralConv2d(1, 8, 3, padding=1),
    torchlip.GroupSort2(),
    torchlip.ScaledAvgPool2d(2),
    torchlip.SpectralConv2d(8, 16, 3, padding=1),
    torchlip.GroupSort2(),
    torchlip.ScaledAvgPool2d(2),
    nn.Flatten(),
    torchlip.SpectralLinear(144, 32),
    torchlip.FullSort(),
    torchlip.SpectralLinear(32, 10),
)
train(model, lambda p, y: nn.functional.multi_margin_loss(p, y, margin=1.0), 4, 1e-2)
legacy(model.vanilla_export(), "torchlip.onnx")

legacy(Attention().eval(), "refused-attention.onnx")
legacy(Recurrent().eval(), "refused-lstm.onnx")
