"""The small networks, one or more for each published layer: what is in them, from which paper, and how exported."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from kernels import Rng, aoc, bcop, cayley, circular, inverse_root, reflector, reflectors, skew
from modules import (
    Circular,
    Conv,
    Cpl,
    Dense,
    GroupSort,
    Householder,
    LinearResidual,
    MaxMin,
    Pad,
    RawAol,
    RawSll,
    Residual,
    Sandwich,
    Soc,
)
from torch import nn


class Network(NamedTuple):
    name: str
    family: str
    paper: str
    shape: tuple[int, int, int]
    """Channels, height and width of the image."""
    exporter: str
    """legacy, dynamo, or either with -fixed for a batch of one."""
    build: Callable[[Rng], list[nn.Module]]


CAYLEY = "Trockman & Kolter 2021, Orthogonalizing Convolutional Layers with the Cayley Transform"
BCOP = "Li et al. 2019, Preventing Gradient Attenuation in Lipschitz Constrained Convolutional Networks"
AOC = "Boissin et al. 2025, An Adaptive Orthogonal Convolution Scheme for Efficient and Flexible CNN Architectures"
SOC = "Singla & Feizi 2021, Skew Orthogonal Convolutions"
LOT = "Xu, Li & Li 2022, LOT: Layer-wise Orthogonal Training on Improving l2 Certified Robustness"
AOL = "Prach & Lampert 2022, Almost-Orthogonal Layers for Efficient General-Purpose Lipschitz Networks"
CPL = "Meunier et al. 2022, A Dynamical System Perspective for Lipschitz Neural Networks"
SLL = "Araujo et al. 2023, A Unified Algebraic Perspective on Lipschitz Neural Networks"
SANDWICH = "Wang & Manchester 2023, Direct Parameterization of Lipschitz-Bounded Deep Networks"
BRO = "Lai et al. 2025, Enhancing Certified Robustness via Block Reflector Orthogonal Layers and Logit Annealing Loss"
LIRESNET = "Hu et al. 2023, Unlocking Deterministic Robustness Certification on ImageNet"
HOUSEHOLDER = "Singla, Singla & Feizi 2021, Improved deterministic l2 robustness on CIFAR-10 and CIFAR-100"


def normal(rng: Rng, *shape: int) -> np.ndarray:
    return rng.normal(size=shape) / np.sqrt(np.prod(shape[1:]))


def gram_of_kernel(kernel: np.ndarray) -> np.ndarray:
    """[c, d] = sum over shifts of |sum over o and taps of K[o, c] K[o, d] shifted|."""
    size = 2 * kernel.shape[2] - 1
    spectrum = np.fft.fft2(kernel, (size, size))
    return abs(np.fft.ifft2(np.einsum("ocij,odij->cdij", spectrum.conj(), spectrum)).real).sum((2, 3))


def gram(weight: np.ndarray) -> np.ndarray:
    """|W^T W| of a matrix [out, in], or the same of a kernel."""
    return abs(weight.T @ weight) if weight.ndim == 2 else gram_of_kernel(weight)


def near_identity(rng: Rng, *shape: int) -> np.ndarray:
    weight = normal(rng, *shape) / 64
    weight[(slice(None), slice(None), *[size // 2 for size in shape[2:]])] += np.eye(*shape[:2])
    return weight


def aol(rng: Rng, *shape: int) -> np.ndarray:
    """W diag(d), d = (sum over j of |W^T W|_ij)^-1/2: AOL's theorems 1 and 2; near the identity, as it starts."""
    weight = near_identity(rng, *shape)
    d = gram(weight).sum(1) ** -0.5
    return weight * d.reshape(1, -1, *[1] * (weight.ndim - 2))


def sll(rng: Rng, *shape: int) -> Residual:
    """c = 2 / sum over j of |W W^T|_ij q_j/q_i: SLL's theorem 3, with W in the order of a Linear layer."""
    weight = normal(rng, *shape)
    q = np.exp(rng.normal(size=shape[0]) / 4)
    pairs = gram(weight.T if weight.ndim == 2 else weight.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1])
    return Residual(weight, 2 / (pairs * q[None, :] / q[:, None]).sum(1))


def cpl(rng: Rng, *shape: int) -> Cpl:
    """The norm as power iteration finds it; for a kernel, over all frequencies of a grid."""
    weight = normal(rng, *shape)
    if weight.ndim == 2:
        return Cpl(weight, np.linalg.norm(weight, 2))
    spectrum = np.fft.fft2(weight, (32, 32)).transpose(2, 3, 0, 1)
    return Cpl(weight, np.linalg.norm(spectrum, 2, (2, 3)).max())


def sandwich(rng: Rng, out: int, into: int) -> Sandwich:
    both = cayley(normal(rng, out + into, out)).T
    return Sandwich(both[:, :out], both[:, out:], rng.normal(size=out) / 4)


def lires(rng: Rng, channels: int) -> LinearResidual:
    return LinearResidual(0.5 * normal(rng, channels, channels, 3, 3))


def orthogonal(rng: Rng, out: int, into: int) -> Dense:
    return Dense(cayley(rng.normal(size=(out, into))))


def rectangle(rng: Rng, out: int, into: int) -> Dense:
    tall = np.linalg.qr(rng.normal(size=(max(out, into), min(out, into))))[0]
    return Dense(tall if out >= into else tall.T)


def circular_layers(of: Callable[[np.ndarray], np.ndarray], rng: Rng, size: int) -> list[nn.Module]:
    return [Circular(circular(of, rng, 6, 3, size)), MaxMin(), Circular(circular(of, rng, 6, 6, size)), MaxMin()]


DENSE, CONV = (1, 6, 8), (3, 6, 6)

NETWORKS = [
    Network("cayley-dense", "Cayley", CAYLEY, DENSE, "legacy", lambda r: [
        nn.Flatten(), orthogonal(r, 48, 48), MaxMin(), orthogonal(r, 32, 48), GroupSort(), orthogonal(r, 32, 32),
        MaxMin()]),
    Network("cayley-conv", "Cayley", CAYLEY, CONV, "dynamo", lambda r: [
        *circular_layers(cayley, r, 6), nn.Flatten(), orthogonal(r, 24, 216), MaxMin()]),
    Network("cayley-conv-legacy", "Cayley", CAYLEY, CONV, "legacy", lambda r: circular_layers(cayley, r, 6)),
    Network("bcop", "BCOP", BCOP, CONV, "legacy", lambda r: [
        Conv(bcop(r, 8, 3, 3)), MaxMin(), Conv(bcop(r, 8, 8, 3)), MaxMin(), nn.PixelUnshuffle(2),
        Conv(bcop(r, 8, 32, 1)), MaxMin()]),
    Network("aoc", "AOC", AOC, (3, 8, 8), "dynamo", lambda r: [
        Conv(bcop(r, 8, 3, 3)), MaxMin(), Conv(aoc(r, 16, 8, 4, 2), 2, 1), MaxMin(), Conv(aoc(r, 16, 16, 4, 2), 2, 1),
        GroupSort()]),
    Network("soc", "SOC", SOC, CONV, "legacy", lambda r: [Soc(skew(r, 6, 3)), MaxMin(), Soc(skew(r, 6, 3)), MaxMin()]),
    Network("soc-dynamo", "SOC", SOC, CONV, "dynamo", lambda r: [
        Soc(skew(r, 6, 3), 6), Householder(6, r, 2), nn.PixelUnshuffle(2), Soc(skew(r, 24, 3), 6), MaxMin()]),
    Network("lot", "LOT", LOT, (3, 5, 5), "dynamo", lambda r: [
        Conv(circular(inverse_root, r, 6, 3, 5), 1, 2, "circular"), MaxMin(),
        Conv(circular(inverse_root, r, 6, 6, 5), 1, 2, "circular"), MaxMin()]),
    Network("aol-dense", "AOL", AOL, DENSE, "dynamo", lambda r: [
        nn.Flatten(), Dense(aol(r, 64, 48)), MaxMin(), Dense(aol(r, 32, 64)), MaxMin()]),
    Network("aol-conv", "AOL", AOL, CONV, "legacy", lambda r: [
        Conv(aol(r, 8, 3, 3, 3)), MaxMin(), Conv(aol(r, 8, 8, 3, 3)), MaxMin(), nn.PixelUnshuffle(2),
        Conv(aol(r, 16, 32, 1, 1)), MaxMin()]),
    Network("aol-dense-raw", "AOL", AOL, DENSE, "legacy", lambda r: [
        nn.Flatten(), RawAol(near_identity(r, 64, 48)), MaxMin(), RawAol(near_identity(r, 32, 64)), MaxMin()]),
    Network("cpl-dense", "CPL", CPL, DENSE, "legacy", lambda r: [
        nn.Flatten(), cpl(r, 64, 48), cpl(r, 32, 48), cpl(r, 48, 48)]),
    Network("cpl-conv", "CPL", CPL, CONV, "dynamo", lambda r: [Pad(8), cpl(r, 8, 8, 3, 3), cpl(r, 8, 8, 3, 3)]),
    Network("cpl-conv-legacy", "CPL", CPL, CONV, "legacy", lambda r: [
        Pad(8), cpl(r, 12, 8, 3, 3), nn.AvgPool2d(2), nn.Flatten(), cpl(r, 40, 72)]),
    Network("sll-dense", "SLL", SLL, DENSE, "dynamo", lambda r: [
        nn.Flatten(), sll(r, 64, 48), sll(r, 32, 48), sll(r, 48, 48)]),
    Network("sll-dense-raw", "SLL", SLL, DENSE, "dynamo", lambda r: [
        nn.Flatten(), *[RawSll(normal(r, width, 48), r.normal(size=width) / 4) for width in (64, 32)]]),
    Network("sll-conv", "SLL", SLL, CONV, "legacy", lambda r: [Pad(8), sll(r, 8, 8, 3, 3), sll(r, 8, 8, 3, 3)]),
    Network("sll-conv-dynamo", "SLL", SLL, CONV, "dynamo", lambda r: [
        Pad(8), sll(r, 12, 8, 3, 3), nn.PixelUnshuffle(2), sll(r, 16, 32, 1, 1), nn.Flatten(), sll(r, 24, 288)]),
    Network("sandwich", "Sandwich", SANDWICH, DENSE, "legacy", lambda r: [
        nn.Flatten(), sandwich(r, 64, 48), sandwich(r, 48, 64), sandwich(r, 32, 48)]),
    Network("sandwich-dynamo", "Sandwich", SANDWICH, DENSE, "dynamo-fixed", lambda r: [
        nn.Flatten(), sandwich(r, 64, 48), sandwich(r, 32, 64)]),
    Network("bro-dense", "BRO", BRO, DENSE, "legacy-fixed", lambda r: [
        nn.Flatten(), Dense(reflector(r.normal(size=(48, 24)))), MaxMin(),
        Dense(reflector(r.normal(size=(48, 12)))[:32]), MaxMin()]),
    Network("bro-conv", "BRO", BRO, CONV, "dynamo", lambda r: [
        Circular(reflectors(r, 6, 3, 6)[:, :3]), MaxMin(), Circular(reflectors(r, 6, 3, 6)), MaxMin()]),
    Network("liresnet", "LiResNet", LIRESNET, CONV, "legacy", lambda r: [
        Conv(bcop(r, 8, 3, 1)), MaxMin(), lires(r, 8), MaxMin(), lires(r, 8), MaxMin()]),
    Network("liresnet-dynamo", "LiResNet", LIRESNET, CONV, "dynamo", lambda r: [
        Conv(bcop(r, 6, 3, 1)), GroupSort(), lires(r, 6), GroupSort(), lires(r, 6), GroupSort(), nn.Flatten(),
        rectangle(r, 32, 216)]),
    Network("householder-dense", "Householder", HOUSEHOLDER, DENSE, "dynamo", lambda r: [
        nn.Flatten(), rectangle(r, 64, 48), Householder(64, r), orthogonal(r, 32, 64), Householder(32, r)]),
    Network("householder-conv", "Householder", HOUSEHOLDER, CONV, "legacy", lambda r: [
        Conv(bcop(r, 8, 3, 3)), Householder(8, r, 2), Conv(bcop(r, 8, 8, 3)), Householder(8, r, 2)]),
]  # fmt: skip
