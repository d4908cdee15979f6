"""Turns a kernel's name into its numbers, a square matrix of weights for one channel."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Kernel = NDArray[np.float32]
"""(kh, kw) float32."""


def _kernel(rows: list[list[float]]) -> Kernel:
    return np.array(rows, np.float32)


def _gaussian(size: int) -> Kernel:
    """Weights that sum to 1; the standard deviation is a quarter of the size."""
    places = np.arange(size) - (size - 1) / 2
    bell = np.exp(-(places**2) / (2 * (size / 4) ** 2))
    kernel: Kernel = np.outer(bell, bell / bell.sum() ** 2).astype(np.float32)
    return kernel


def _gabor(degrees: float, size: int = 9, wavelength: float = 5.0) -> Kernel:
    """A wave under a bell: answers to edges and stripes across its direction; the weights sum to 0.

    Source: J. G. Daugman, "Uncertainty relation for resolution in space, spatial frequency, and orientation", 1985.
    """
    down, across = np.mgrid[:size, :size] - (size - 1) / 2
    angle = math.radians(degrees)
    along, beside = (
        across * math.cos(angle) + down * math.sin(angle),
        -across * math.sin(angle) + down * math.cos(angle),
    )
    spread = size / 4.5
    kernel = np.exp(-(along**2 + beside**2) / (2 * spread**2)) * np.cos(2 * math.pi * along / wavelength)
    balanced: Kernel = (kernel - kernel.mean()).astype(np.float32)
    return balanced


_SOBEL = [[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]

_NAMED: Mapping[str, Callable[[], Kernel]] = {
    "identity": lambda: _kernel([[0, 0, 0], [0, 1, 0], [0, 0, 0]]),
    "edge": lambda: _kernel([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]),
    "box-blur": lambda: np.full((3, 3), 1 / 9, np.float32),
    "blur": lambda: _gaussian(5),
    "sharpen": lambda: _kernel([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
    "emboss": lambda: _kernel([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]),
    "sobel-x": lambda: _kernel(_SOBEL),
    "sobel-y": _kernel(_SOBEL).T.copy,
    "laplace": lambda: _kernel([[0, 1, 0], [1, -4, 1], [0, 1, 0]]),
    "gabor-0": lambda: _gabor(0),
    "gabor-45": lambda: _gabor(45),
    "gabor-90": lambda: _gabor(90),
    "gabor-135": lambda: _gabor(135),
    # The long stroke of a tick: 1 on it, -1 beside it. On a picture of ±1, averaged, 1 is a complete match.
    "tick-stem": lambda: _kernel([[1.0 if row + column == 4 else -1.0 for column in range(5)] for row in range(5)]),
}  # fmt: skip

NAMES = tuple(_NAMED)
"""The kernels that have a name."""


def named_kernel(name: str) -> Kernel:
    """The kernel of one of `NAMES`: (kh, kw) float32."""
    return _NAMED[name]()


def random_kernels(filters: int, channels: int, size: Sequence[int], seed: int) -> NDArray[np.float32]:
    """Weights as an untrained network has them: normal, standard deviation 1/√(channels · height · width).

    Args:
        filters: how many.
        channels: that each of them reads.
        size: height and width.
        seed: the same seed gives the same weights.

    Returns:
        (filters, channels, height, width) float32.
    """
    weights = np.random.default_rng(seed).standard_normal((filters, channels, *size))
    return (weights / math.sqrt(channels * math.prod(size))).astype(np.float32)
