"""Turns a picture of any size into the (h, w, c) uint8 pixels that a model's manifest asks for.

Only geometry and channels happen here; scaling, mean and standard deviation are inside the ONNX graph.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from service.contract import CenterCrop, MnistForm, PictureInput, Stretch
from service.decode import Picture, load_plain_jpeg, load_with_pillow

_INK_FLOOR = 0.1
"""Contrast, as a share of the strongest ink, up to which a pixel counts as paper however clean the paper is."""

_NOISE_FLOOR = 5.0
"""The same in standard deviations of the paper's own noise: shadows, grain, JPEG artefacts."""

_STRONG = 0.25
"""Ink of at least this share of the strongest belongs to the mark for certain."""

_WORKING_SIDE = 128
"""A larger picture is reduced to about this many pixels a side first: averaging takes noise away."""


def read_pixels(picture: Image.Image, spec: PictureInput) -> Picture:
    """Decode a picture into the form that the network was trained on, no larger on the way than that takes.

    Args:
        picture: from `decode.open_picture`, not yet loaded.
        spec: the manifest's `input`.

    Returns:
        (spec.height, spec.width, spec.channels) uint8, C-contiguous.

    Raises:
        DamagedPicture: the header is fine, what follows is not.
    """
    if spec.scaled_decode:
        return fit(load_with_pillow(picture, max(spec.height, spec.width)), spec)
    plain = load_plain_jpeg(picture)
    if plain is None:
        return fit(load_with_pillow(picture), spec)
    form = (spec.height, spec.width, 3) if spec.channels == 3 else (spec.height, spec.width)
    if plain.shape == form and not isinstance(spec.resize, MnistForm):
        return plain.reshape(spec.height, spec.width, spec.channels)
    return fit(Image.fromarray(plain), spec)


def preprocess(picture: Picture, spec: PictureInput) -> Picture:
    """Bring a picture into the form that the network was trained on.

    Args:
        picture: (H, W, 3) uint8, RGB.
        spec: the manifest's `input`.

    Returns:
        (spec.height, spec.width, spec.channels) uint8, C-contiguous.
    """
    return fit(Image.fromarray(picture), spec)


def fit(image: Image.Image, spec: PictureInput) -> Picture:
    """Bring a decoded picture into the form that the network was trained on; see `preprocess`."""
    mode = "L" if spec.channels == 1 else "RGB"
    if image.mode != mode:
        image = image.convert(mode)  # to grey: ITU-R 601-2 luma
    size = (spec.width, spec.height)
    match spec.resize:
        case MnistForm(box=box):
            pixels = _mnist_form(image, spec.height, spec.width, box)
        case CenterCrop() if image.size != size:
            pixels = np.asarray(ImageOps.fit(image, size, Image.Resampling.BILINEAR))
        case Stretch() if image.size != size:
            pixels = np.asarray(image.resize(size, Image.Resampling.BILINEAR))
        case _:
            pixels = np.asarray(image)
    return np.ascontiguousarray(pixels).reshape(spec.height, spec.width, spec.channels)


@dataclass(frozen=True)
class View:
    """What the network's input shows of a picture: a box in the picture's pixels, which may reach beyond its edges."""

    left: float
    top: float
    right: float
    bottom: float


def find_view(picture: Picture, spec: PictureInput) -> View:
    """Where the pixels that `preprocess` gives lie in the picture.

    Args:
        picture: (H, W, 3) uint8, RGB.
        spec: the manifest's `input`.
    """
    height, width, _ = picture.shape
    match spec.resize:
        case CenterCrop():
            across, down = min(width, height * spec.width / spec.height), min(height, width * spec.height / spec.width)
            left, top = (width - across) / 2, (height - down) / 2
            return View(left, top, left + across, top + down)
        case MnistForm(box=box):
            return _mnist_view(Image.fromarray(picture).convert("L"), spec.height, spec.width, box)
    return View(0, 0, width, height)


def _mnist_view(image: Image.Image, height: int, width: int, box: int) -> View:
    whole = View(0, 0, image.width, image.height)
    if _in_mnist_form(image, height, width, box) is not None:
        return whole
    factor = _reduction(image)
    ink = _ink(np.asarray(image.reduce(factor), dtype=np.float32))
    if not ink.any():
        return whole
    rows, columns = _extent(ink)
    part = ink[rows, columns]
    fitted = _fitted(part, box)
    # One pixel of the input is so many of the picture's.
    down, across = (factor * length / fitted.shape[axis] for axis, length in enumerate(part.shape))
    y, x = _corner(fitted, height, width)
    top, left = factor * rows.start - y * down, factor * columns.start - x * across
    return View(left, top, left + width * across, top + height * down)


def _mnist_form(image: Image.Image, height: int, width: int, box: int) -> Picture:
    """MNIST's normalisation of a grey picture: (height, width) uint8, light ink on 0, see `contract.MnistForm`.

    A picture that already is in that form is returned as it is: another resampling would only blur it.
    """
    if (pixels := _in_mnist_form(image, height, width, box)) is not None:
        return pixels
    ink = _ink(np.asarray(image.reduce(_reduction(image)), dtype=np.float32))
    if not ink.any():
        return np.zeros((height, width), np.uint8)
    return _centred(_fitted(ink[_extent(ink)], box), height, width)


def _reduction(image: Image.Image) -> int:
    """How many of the picture's pixels become one at first, down and across."""
    return max(image.size) // _WORKING_SIDE if max(image.size) >= 2 * _WORKING_SIDE else 1


def _in_mnist_form(image: Image.Image, height: int, width: int, box: int) -> Picture | None:
    """The pixels of a picture that already is in that form: (height, width) uint8; None where it isn't.

    It is, if ink is light on black and in the box, its centre of mass within a pixel of the middle.
    """
    extent = image.getbbox() if image.size == (width, height) else None
    if extent is None:
        return None
    left, top, right, bottom = extent
    if max(right - left, bottom - top) > box:
        return None
    pixels = np.asarray(image)
    y, x = _centre_of_mass(pixels)
    return pixels if abs(y - (height - 1) / 2) <= 1 and abs(x - (width - 1) / 2) <= 1 else None


def _ink(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much a pixel differs from the paper, in the ink's direction: float32 in [0, 1], 0 where it is paper.

    The paper is the plane that fits the border, so a shadow across the page is part of it. The ink is on the side of it
    that has the stronger contrast: black on white and white on black come out alike.
    """
    relief, noise = _above_paper(grey)
    strongest = max(float(relief.max()), float(-relief.min()))
    if strongest < 1:  # less than one step of 256: an empty page
        return np.zeros_like(grey)
    if relief.max() < -relief.min():
        relief = -relief
    floor = min(0.5, max(_INK_FLOOR, _NOISE_FLOOR * noise / strongest))
    ink: NDArray[np.float32] = np.clip((relief / strongest - floor) / (1 - floor), 0, 1).astype(np.float32)
    return ink


def _above_paper(grey: NDArray[np.float32]) -> tuple[NDArray[np.float64], float]:
    """Each pixel's height over the paper, and the standard deviation of the paper's noise, in grey levels.

    The plane is fitted to the border's pixels twice, the second time without those that stick out: ink that touches the
    border is not paper.
    """
    height, width = grey.shape
    y, x = np.mgrid[0:height, 0:width]
    design = np.stack([np.ones(grey.size), y.ravel() / height, x.ravel() / width], axis=1)
    values = grey.ravel().astype(np.float64)
    on_border = ((y == 0) | (y == height - 1) | (x == 0) | (x == width - 1)).ravel()
    off = np.abs(values[on_border] - np.median(values[on_border]))
    kept = np.flatnonzero(on_border)[off <= 3 * np.median(off) + 1]
    for _ in range(2):
        plane = np.linalg.lstsq(design[kept], values[kept], rcond=None)[0]
        off = np.abs(values[on_border] - design[on_border] @ plane)
        noise = 1.4826 * float(np.median(off))  # the median absolute deviation of a normal distribution
        kept = np.flatnonzero(on_border)[off <= 3 * noise + 1]
    return (values - design @ plane).reshape(grey.shape), noise


def _extent(ink: NDArray[np.float32]) -> tuple[slice, slice]:
    """Rows and columns that hold the ink: all that is strong, with a pixel around it for a stroke's soft edge.

    What is weak and far from it is a speck on the paper; it must not shrink the rest.
    """
    strong = ink > _STRONG
    rows, columns = np.flatnonzero(strong.any(axis=1)), np.flatnonzero(strong.any(axis=0))
    return slice(max(0, rows[0] - 1), rows[-1] + 2), slice(max(0, columns[0] - 1), columns[-1] + 2)


def _fitted(ink: NDArray[np.float32], box: int) -> NDArray[np.float32]:
    """Scale to a longer side of `box` pixels, proportions kept, no side under 1; peak contrast restored to 1."""
    height, width = ink.shape
    scale = box / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    filter_ = Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR
    fitted: NDArray[np.float32] = np.asarray(Image.fromarray(ink).resize(size, filter_))
    return fitted / np.float32(fitted.max())


def _centred(ink: NDArray[np.float32], height: int, width: int) -> Picture:
    """Lay the ink on black with its centre of mass in the middle, moved back where it would stick out."""
    canvas = np.zeros((height, width), np.uint8)
    top, left = _corner(ink, height, width)
    canvas[top : top + ink.shape[0], left : left + ink.shape[1]] = np.round(ink * 255)
    return canvas


def _corner(ink: NDArray[np.float32], height: int, width: int) -> tuple[int, int]:
    """Top and left of where the ink is laid."""
    room = np.array((height, width)) - ink.shape
    top, left = np.clip(np.round((np.array((height, width)) - 1) / 2 - _centre_of_mass(ink)), 0, room).astype(int)
    return int(top), int(left)


def _centre_of_mass(ink: NDArray[np.generic]) -> tuple[float, float]:
    """(y, x) in pixels, of values that are not all zero."""
    total, y, x = (_coordinates(*ink.shape) @ ink.ravel().astype(np.float64)).tolist()
    return y / total, x / total


@lru_cache(maxsize=64)
def _coordinates(height: int, width: int) -> NDArray[np.float64]:
    """(3, height * width): 1, row and column of each pixel, so that all three sums over a picture are one product."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([np.ones(y.size), y.ravel(), x.ravel()])
