"""The layers as PyTorch modules, each with weights from numpy and its own norm where a singular value decides it."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


def parameter(values: np.ndarray) -> nn.Parameter:
    return nn.Parameter(torch.from_numpy(np.ascontiguousarray(values)).double(), requires_grad=False)


class Dense(nn.Linear):
    def __init__(self, weight: np.ndarray, bias: np.ndarray | None = None):
        super().__init__(weight.shape[1], weight.shape[0])
        self.weight = parameter(weight)
        self.bias = parameter(np.linspace(-0.1, 0.1, len(weight)) if bias is None else bias)


class Conv(nn.Conv2d):
    def __init__(self, weight: np.ndarray, stride: int = 1, padding: int | str = "same", mode: str = "zeros"):
        out, into, *size = weight.shape
        super().__init__(into, out, tuple(size), stride, padding, padding_mode=mode)
        self.weight = parameter(weight)
        self.bias = parameter(np.linspace(-0.1, 0.1, out))


class Circular(nn.Module):
    """A convolution that wraps around, with a kernel as large as the image."""

    def __init__(self, weight: np.ndarray):
        super().__init__()
        self.weight = parameter(weight)
        self.bias = parameter(np.linspace(-0.1, 0.1, len(weight)))

    def forward(self, x):
        before = (self.weight.shape[2] - 1) // 2
        after = self.weight.shape[2] - 1 - before
        return F.conv2d(F.pad(x, (before, after, before, after), mode="circular"), self.weight, self.bias)


class MaxMin(nn.Module):
    """The larger and the smaller of two halves of the channels: Anil, Lucas & Grosse 2019."""

    def forward(self, x):
        a, b = x.chunk(2, 1)
        return torch.cat([torch.maximum(a, b), torch.minimum(a, b)], 1)


class GroupSort(nn.Module):
    """Pairs of neighbours, sorted."""

    def forward(self, x):
        pairs = x.reshape(x.shape[0], x.shape[1] // 2, 2, *x.shape[2:])
        return pairs.sort(2).values.reshape(x.shape)


class Householder(nn.Module):
    """A pair on the wrong side of the line at theta/2 is reflected in it: Singla, Singla & Feizi 2021, section 4."""

    def __init__(self, channels: int, rng: np.random.Generator, trailing: int = 0):
        super().__init__()
        self.theta = parameter(rng.uniform(-np.pi, np.pi, (1, channels // 2, *[1] * trailing)))

    def forward(self, x):
        a, b = x.chunk(2, 1)
        wrong = a * torch.sin(self.theta / 2) - b * torch.cos(self.theta / 2) > 0
        cos, sin = torch.cos(self.theta), torch.sin(self.theta)
        return torch.cat([torch.where(wrong, a * cos + b * sin, a), torch.where(wrong, a * sin - b * cos, b)], 1)


class Soc(nn.Module):
    """exp(L) x = sum of L^i x / i! for a skew convolution L: Singla & Feizi 2021; channels are padded with zeros."""

    def __init__(self, kernel: np.ndarray, terms: int = 12):
        super().__init__()
        self.weight, self.terms = parameter(kernel), terms
        self.bias = parameter(np.linspace(-0.1, 0.1, len(kernel)))

    def forward(self, x):
        x = F.pad(x, (0, 0, 0, 0, 0, len(self.weight) - x.shape[1])) if x.shape[1] < len(self.weight) else x
        term = total = x
        for i in range(1, self.terms + 1):
            term = F.conv2d(term, self.weight, padding="same") / i
            total = total + term
        return total + self.bias.view(1, -1, 1, 1)


class Residual(nn.Module):
    """x - W^T diag(c) relu(W x + b), dense (W is [hidden, in]) or convolutional (W is a kernel, zero padding)."""

    def __init__(self, weight: np.ndarray, c: np.ndarray):
        super().__init__()
        self.weight, self.c = parameter(weight), parameter(c)
        self.bias = parameter(np.linspace(-0.2, 0.2, len(weight)))

    def forward(self, x):
        if self.weight.dim() == 2:
            return x - F.linear(torch.relu(F.linear(x, self.weight, self.bias)) * self.c, self.weight.t())
        half = self.weight.shape[2] // 2
        hidden = torch.relu(F.conv2d(x, self.weight, self.bias, padding=half)) * self.c.view(1, -1, 1, 1)
        return x - F.conv_transpose2d(hidden, self.weight, padding=half)

    def hidden(self, x):
        """sqrt(c) W x, whose norm decides the layer's: max(1, norm^2 - 1)."""
        root = self.c.sqrt()
        if self.weight.dim() == 2:
            return F.linear(x, self.weight) * root
        return F.conv2d(x, self.weight, padding=self.weight.shape[2] // 2) * root.view(1, -1, 1, 1)


class RawSll(nn.Module):
    """SLL's layer with c computed from W and q whenever it runs, as the paper's code has it."""

    def __init__(self, weight: np.ndarray, q: np.ndarray):
        super().__init__()
        self.weight, self.q = parameter(weight), parameter(q)
        self.bias = parameter(np.linspace(-0.2, 0.2, len(weight)))

    def c(self):
        q = torch.exp(self.q)
        return 2 / (torch.abs(self.weight @ self.weight.t()) * q[None, :] / q[:, None]).sum(1)

    def forward(self, x):
        hidden = torch.relu(F.linear(x, self.weight, self.bias))
        return x - F.linear(self.c() * hidden, self.weight.t())

    def hidden(self, x):
        return F.linear(x, self.weight) * self.c().sqrt()


class RawAol(nn.Module):
    """AOL's dense layer with its scales computed from P whenever it runs."""

    def __init__(self, weight: np.ndarray):
        super().__init__()
        self.weight = parameter(weight)
        self.bias = parameter(np.linspace(-0.1, 0.1, len(weight)))

    def forward(self, x):
        scales = torch.rsqrt(torch.abs(self.weight.t() @ self.weight).sum(1))
        return F.linear(x * scales, self.weight, self.bias)


class Cpl(Residual):
    """c = 2/||W||^2: the convex potential layer of Meunier et al. 2022, equation 7. It multiplies after W^T."""

    def __init__(self, weight: np.ndarray, norm: float):
        super().__init__(weight, np.full(len(weight), 2 / norm**2))
        self.step = 2 / norm**2

    def forward(self, x):
        if self.weight.dim() == 2:
            inner = F.linear(torch.relu(F.linear(x, self.weight, self.bias)), self.weight.t())
        else:
            half = self.weight.shape[2] // 2
            hidden = torch.relu(F.conv2d(x, self.weight, self.bias, padding=half))
            inner = F.conv_transpose2d(hidden, self.weight, padding=half)
        return x - self.step * inner


class Sandwich(nn.Module):
    """sqrt2 A^T Psi relu(sqrt2 Psi^-1 B x + b) with A A^T + B B^T = I: Wang & Manchester 2023, equation 10."""

    def __init__(self, a: np.ndarray, b: np.ndarray, d: np.ndarray):
        super().__init__()
        self.a, self.b, self.psi = parameter(a), parameter(b), parameter(np.exp(d))
        self.bias = parameter(np.linspace(-0.2, 0.2, len(a)))

    def forward(self, x):
        inner = 2**0.5 * F.linear(x, self.b) / self.psi + self.bias
        return F.linear(2**0.5 * self.psi * torch.relu(inner), self.a.t())


class LinearResidual(nn.Module):
    """(x + Conv(x)) / norm: the linear residual block of Hu et al. 2023, whose norm is that of I + C."""

    def __init__(self, weight: np.ndarray, norm: float = 1.0):
        super().__init__()
        self.conv, self.norm = Conv(weight), norm

    def forward(self, x):
        return (x + self.conv(x)) / self.norm


class Pad(nn.Module):
    """Channels of zeros behind the image's."""

    def __init__(self, channels: int):
        super().__init__()
        self.channels = channels

    def forward(self, x):
        return F.pad(x, (0, 0, 0, 0, 0, self.channels - x.shape[1]))
