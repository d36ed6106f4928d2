"""Weights of orthogonal layers in float64, written from their papers: matrices [out, in] and kernels [out, in, h, w].

A circular convolution is one matrix for each frequency; `circular` turns these matrices into the kernel that covers
the whole image. A kernel on the infinite grid (`bcop`, `aoc`) keeps lengths there, so zero padding only loses some.
"""

import numpy as np

Rng = np.random.Generator


def cayley(x: np.ndarray) -> np.ndarray:
    """(I + A)^-1 (I - A) of a square or tall [n, m]: Trockman & Kolter 2021, equations 3 and 9; wide: transposed."""
    n, m = x.shape
    if n < m:
        return cayley(x.conj().T).conj().T
    u, v = x[:m], x[m:]
    a = u - u.conj().T + v.conj().T @ v
    inverse = np.linalg.inv(np.eye(m) + a)
    return np.concatenate([inverse @ (np.eye(m) - a), -2 * v @ inverse])


def inverse_root(x: np.ndarray) -> np.ndarray:
    """(X X^T)^-1/2 X by Newton's iteration, as LOT trains it: Xu, Li & Li 2022, equation 4; tall ones transposed."""
    if x.shape[0] > x.shape[1]:
        return inverse_root(x.conj().T).conj().T
    gram = x @ x.conj().T
    scale = np.linalg.norm(gram)
    y, z, eye = gram / scale, np.eye(len(gram)), np.eye(len(gram))
    for _ in range(60):
        step = (3 * eye - z @ y) / 2
        y, z = y @ step, step @ z
    return z / np.sqrt(scale) @ x


def reflector(v: np.ndarray) -> np.ndarray:
    """I - 2 V (V^T V)^-1 V^T of [n, r]: the block reflector of Lai et al. 2025, equation 3."""
    return np.eye(len(v)) - 2 * v @ np.linalg.inv(v.conj().T @ v) @ v.conj().T


def circular(of, rng: Rng, out: int, into: int, size: int) -> np.ndarray:
    """The full-size kernel [out, into, size, size] with `of` of a random kernel's matrix at each frequency."""
    spectrum = np.fft.fft2(rng.normal(size=(out, into, size, size)) / size)
    made = np.empty_like(spectrum)
    for k in np.ndindex(size, size):
        made[(..., *k)] = of(spectrum[(..., *k)])
    kernel = np.fft.ifft2(made)
    assert abs(kernel.imag).max() < 1e-12
    return kernel.real


def reflectors(rng: Rng, channels: int, rank: int, size: int) -> np.ndarray:
    """The kernel of BRO's convolution, whose matrix at each frequency is a block reflector."""
    spectrum = np.fft.fft2(rng.normal(size=(channels, rank, size, size)) / size)
    made = np.empty((channels, channels, size, size), complex)
    for k in np.ndindex(size, size):
        made[(..., *k)] = reflector(spectrum[(..., *k)])
    return np.fft.ifft2(made).real


def compose(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The kernel of a after b, in the order of taps that Conv has; b acts first and has stride 1."""
    h, w = a.shape[2] + b.shape[2] - 1, a.shape[3] + b.shape[3] - 1
    made = np.zeros((a.shape[0], b.shape[1], h, w))
    for i, j in np.ndindex(*a.shape[2:]):
        for k, m in np.ndindex(*b.shape[2:]):
            made[:, :, i + k, j + m] += a[:, :, i, j] @ b[:, :, k, m]
    return made


def projector(rng: Rng, n: int) -> np.ndarray:
    """A symmetric projector of rank n/2."""
    q, _ = np.linalg.qr(rng.normal(size=(n, n // 2)))
    return q @ q.T


def bcop(rng: Rng, out: int, into: int, size: int) -> np.ndarray:
    """Li et al. 2019, algorithm 1: an orthogonal matrix, then size - 1 kernels of 2x2 taps made of two projectors."""
    n = max(out, into)
    kernel = np.linalg.qr(rng.normal(size=(n, n)))[0][:, :, None, None]
    for _ in range(size - 1):
        p, q, one = projector(rng, n), projector(rng, n), np.eye(n)
        taps = np.array([[p @ q, p @ (one - q)], [(one - p) @ q, (one - p) @ (one - q)]])
        kernel = compose(kernel, taps.transpose(2, 3, 0, 1))
    return kernel[:out, :into]


def aoc(rng: Rng, out: int, into: int, size: int, stride: int) -> np.ndarray:
    """Boissin et al. 2025: a kernel as large as the stride (rows orthonormal) after BCOP of size - stride + 1."""
    rows = np.linalg.qr(rng.normal(size=(into * stride**2, out)))[0].T
    return compose(rows.reshape(out, into, stride, stride), bcop(rng, into, into, size - stride + 1))


def skew(rng: Rng, channels: int, size: int) -> np.ndarray:
    """M - M^T as a convolution, of norm about 1 at most: Singla & Feizi 2021, section 4."""
    m = rng.normal(size=(channels, channels, size, size))
    kernel = m - m.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1]
    spectrum = np.fft.fft2(kernel, (32, 32)).transpose(2, 3, 0, 1)
    return kernel / np.linalg.norm(spectrum, 2, (2, 3)).max()
