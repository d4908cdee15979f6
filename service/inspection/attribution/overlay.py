"""Turns a map into a PNG: alone or over the picture, with a numbered colour scale beside it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from service.decode import Picture
from service.inspection.attribution.subject import Map
from service.inspection.colour_scale import Rgb, colours, draw_scale

_LEAST_SIDE = 336
"""Smaller maps are drawn larger, by whole factors."""

_MARGIN = 12
_TITLE = 24
_SCALE = 96
"""Width of the colour scale with its numbers."""

_WITHIN = 0.995
"""Share of a map's values that the colour scale tells apart."""

_DARKEST = 0.58
"""What black becomes below a map, as a share of white: the map's colours would be lost on it."""


def paint(values: Map, picture: Picture | None) -> Rgb:
    """Colour a map, or tint a picture with it: the colours are darkened as the picture in grey is.

    The colours are `render.colours`': blue speaks for the class, red against it. Where the map is NaN, the network saw
    nothing of the picture, and it is hatched.

    Args:
        values: (h, w) float32.
        picture: (h, w, c) uint8.

    Returns:
        (h, w, 3) uint8.
    """
    coloured = colours(values, find_limit(values))
    if picture is None:
        return coloured
    grey = picture.astype(np.float32).mean(axis=-1) / 255
    light = _DARKEST + (1 - _DARKEST) * grey
    unseen = np.isnan(values)
    coloured[unseen] = 255
    light[unseen & _hatch(*values.shape)] *= 0.6
    tinted: Rgb = np.round(coloured * light[..., np.newaxis]).astype(np.uint8)
    return tinted


def draw(painted: Rgb, title: Sequence[str], values: Map) -> Rgb:
    """A page with what was painted, a title above and the colour scale beside it.

    Args:
        painted: (h, w, 3) uint8.
        title: its lines.
        values: the map that was painted, for the scale.

    Returns:
        (H, W, 3) uint8.
    """
    factor = max(1, -(-_LEAST_SIDE // max(painted.shape[:2])))
    painted = painted.repeat(factor, axis=0).repeat(factor, axis=1)
    height, width, _ = painted.shape
    top = _MARGIN + _TITLE * len(title)
    font = ImageFont.load_default(14)
    least = max((int(font.getlength(line)) for line in title), default=0) + 2 * _MARGIN
    page = Image.new("RGB", (max(least, width + _SCALE + 2 * _MARGIN), top + height + 2 * _MARGIN), "white")
    pen = ImageDraw.Draw(page)
    for number, line in enumerate(title):
        pen.text((_MARGIN, _MARGIN + number * _TITLE), line, fill="black", font=font)
    page.paste(Image.fromarray(painted), (_MARGIN, top))
    limit = find_limit(values)
    beyond = ("> " * bool((values > limit).any()), "< " * bool((values < -limit).any()))
    draw_scale(page, (2 * _MARGIN + width, top), height, limit, beyond)
    return np.asarray(page)


def stack(pages: Sequence[Rgb]) -> Rgb:
    """Pages one below the other, on white: (H, W, 3) uint8."""
    width = max(page.shape[1] for page in pages)
    return np.concatenate([
        np.pad(page, ((0, 0), (0, width - page.shape[1]), (0, 0)), constant_values=255) for page in pages
    ])  # fmt: skip


def find_limit(values: Map) -> float:
    """The colour scale's end: the largest absolute value but for a few, beside which the rest would be pale."""
    sizes = np.abs(values[np.isfinite(values)])
    if not sizes.size:
        return 0.0
    return float(np.quantile(sizes, _WITHIN, method="higher")) or float(sizes.max())


def _hatch(height: int, width: int) -> NDArray[np.bool_]:
    """Where thin diagonal lines are."""
    y, x = np.ogrid[:height, :width]
    gap = max(6, round(max(height, width) / 48))
    lines: NDArray[np.bool_] = (x + y) % gap < max(1, gap // 6)
    return lines
