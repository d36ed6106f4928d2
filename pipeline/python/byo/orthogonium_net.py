"""Makes test/fixtures/byo/orthogonium.onnx: a PyTorch network with orthogonium's convolutions.

Not part of the project's own toolchain. Made with Python 3.11.7 and

    pip install torch==2.9.1 onnx==1.19.1 orthogonium==0.0.4 einops==0.8.2   # numpy 2.4.6
    python pipeline/python/byo/orthogonium_net.py test/fixtures/byo

(pytorch.py has a note on torch.)
"""

import sys
from pathlib import Path

import torch
from digits import digits
from orthogonium.layers import AdaptiveOrthoConv2d, MaxMin, OrthoLinear
from torch import nn

torch.manual_seed(1)
model = nn.Sequential(
    AdaptiveOrthoConv2d(1, 8, 3, padding=1, padding_mode="zeros"),
    MaxMin(),
    AdaptiveOrthoConv2d(8, 16, 3, stride=2, padding=1, padding_mode="zeros"),
    MaxMin(),
    nn.Flatten(),
    OrthoLinear(784, 32),
    MaxMin(),
    OrthoLinear(32, 10),
)
pixels, labels = digits(300)
x, y = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(labels)
held = len(x) // 6
optimizer = torch.optim.Adam(model.parameters(), 5e-3)
for _ in range(3):
    model.train()
    for batch in torch.randperm(len(x) - held).split(64):
        optimizer.zero_grad()
        nn.functional.multi_margin_loss(model(x[held:][batch]), y[held:][batch], margin=1.0).backward()
        optimizer.step()
    model.eval()
    print(f"accuracy {(model(x[:held]).argmax(1) == y[:held]).float().mean():.3f}")



def condensed(layer: nn.Module) -> nn.Module:
    """Plain layers with the orthogonal weights that the parametrised ones compute."""
    if isinstance(layer, nn.Conv2d):
        weight = layer.weight.detach().clone()
        plain = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2:], layer.stride, padding=1)
    elif isinstance(layer, nn.Linear):
        weight = layer.weight.detach().clone()
        plain = nn.Linear(weight.shape[1], weight.shape[0])
    else:
        return layer
    plain.load_state_dict({"weight": weight, "bias": layer.bias.detach().clone()})
    return plain


plain = nn.Sequential(*map(condensed, model))
print(f"condensing changes logits by {(plain(x[:50]) - model(x[:50])).abs().max():.1e}")
torch.onnx.export(
    plain, torch.rand(1, 1, 14, 14), Path(sys.argv[1]) / "orthogonium.onnx", dynamo=False,
    input_names=["input"], output_names=["logits"], dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}},
)  # fmt: skip
