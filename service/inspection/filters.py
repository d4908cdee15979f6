"""Turns a layer's weights into one PNG: filters in colour where they read colours, else as a grid, with their scale."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from service.inspection.colour_scale import Rgb, colours, draw_scale
from service.inspection.render import to_png
from service.inspection.weights import Weights

_WIDTH, _HEIGHT = 1600, 1600
"""Of one mosaic at most, in pixels; what doesn't fit is left out, and the title says so."""
_MARGIN = 12
_TITLE = 20
_TILE = 56
"""Side of a kernel, about; where many have to fit, as little as `_LEAST` pixels for each of its numbers."""
_LEAST = 3
_CAPTION = 14
_GAP = 2
_BAR = 64
_SCALE = 80
"""Width kept free for the colour scale at the right."""

Numbers = NDArray[np.float32]


def render_weights(title: str, weights: Weights) -> bytes:
    """Draw a layer's arrays one below the other.

    Filters of three channels are drawn in colour, each from its own least weight (0) to its own largest (full), which
    stand below it. All else is drawn in blue, white and red on a scale about 0 of its own: of filters a row for each
    that reads several channels, a column for each of those.

    Returns:
        An encoded PNG.
    """
    panels = [_panel(f"{title}   {name}", np.asarray(array, np.float32), name) for name, array in weights.items()]
    width = max(panel.width for panel in panels) + 2 * _MARGIN
    page = Image.new("RGB", (width, sum(panel.height + _MARGIN for panel in panels) + _MARGIN), "white")
    top = _MARGIN
    for panel in panels:
        page.paste(panel, (_MARGIN, top))
        top += panel.height + _MARGIN
    return to_png(np.asarray(page))


def _panel(title: str, values: Numbers, name: str) -> Image.Image:
    shape = " x ".join(map(str, values.shape)) or "1"
    told = f"{title}   {shape}   {values.min():.4g} … {values.max():.4g}"
    if name == "weight" and values.ndim == 4 and values.shape[1] == 3:
        return _coloured(f"{told}   each from its least to its largest weight", values)
    grid = _as_grid(values)
    limit = float(np.abs(values).max())
    shown, factor = _fit(grid)
    if shown.shape[:2] != grid.shape[:2]:
        told += (
            f"   (of {grid.shape[0]} rows and {grid.shape[1]} columns the first {shown.shape[0]} and {shown.shape[1]})"
        )
    return _label(told, _mosaic(colours(shown, limit), factor), limit)


def _as_grid(values: Numbers) -> Numbers:
    """(rows, columns, height, width): a kernel for each cell of the grid."""
    if values.ndim == 4 and values.shape[1] > 1:
        return values
    if values.ndim == 2:
        return values[..., np.newaxis, np.newaxis]
    if values.ndim > 2:
        flat = values.reshape(-1, *values.shape[-2:])
        return _in_rows(flat, max(1, (_WIDTH - _GAP) // (max(_TILE, values.shape[-1]) + _GAP)))
    return _in_rows(values.reshape(-1, 1, 1), 64)


def _in_rows(tiles: Numbers, columns: int) -> Numbers:
    """Lay (n, height, width) out row by row; NaN where the last row ends."""
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    laid = np.full((rows * columns, *tiles.shape[1:]), np.nan, np.float32)
    laid[: len(tiles)] = tiles
    return laid.reshape(rows, columns, *tiles.shape[1:])


def _fit(grid: Numbers) -> tuple[Numbers, int]:
    """As much of the grid as fits, and by which whole factor it can be enlarged."""
    rows, columns, height, width = grid.shape
    gap = _gap(height, width)
    factor = max(1, _TILE // max(height, width)) if gap else 12
    least = _LEAST if gap else 1
    while factor > least and (rows * (height * factor + gap) > _HEIGHT or columns * (width * factor + gap) > _WIDTH):
        factor -= 1
    return grid[: _HEIGHT // (height * factor + gap), : _WIDTH // (width * factor + gap)], factor


def _gap(height: int, width: int) -> int:
    """Pixels between kernels; none between the single numbers of a matrix."""
    return _GAP if height * width > 1 else 0


def _mosaic(coloured: Rgb, factor: int) -> Rgb:
    """(rows, columns, height, width, 3) laid out as one picture on grey."""
    rows, columns, height, width, _ = coloured.shape
    gap = _gap(height, width)
    large = coloured.repeat(factor, axis=2).repeat(factor, axis=3)
    spaced = np.full((rows, columns, height * factor + gap, width * factor + gap, 3), 170, np.uint8)
    spaced[:, :, : height * factor, : width * factor] = large
    return spaced.transpose(0, 2, 1, 3, 4).reshape(rows * spaced.shape[2], columns * spaced.shape[3], 3)


def _coloured(title: str, filters: Numbers) -> Image.Image:
    """(filters, 3, height, width) as pictures, the range of each below it."""
    low, high = filters.min(axis=(1, 2, 3)), filters.max(axis=(1, 2, 3))
    span = np.where(high > low, high - low, 1)[:, np.newaxis, np.newaxis, np.newaxis]
    pictures = np.round((filters - low[:, np.newaxis, np.newaxis, np.newaxis]) / span * 255).astype(np.uint8)
    factor = max(1, -(-_TILE * 3 // 2 // max(filters.shape[2:])))
    tiles = pictures.transpose(0, 2, 3, 1).repeat(factor, axis=1).repeat(factor, axis=2)
    height, width = tiles.shape[1] + _CAPTION + _GAP, tiles.shape[2] + _GAP
    columns = max(1, min(len(tiles), _WIDTH // width))
    shown = min(len(tiles), columns * max(1, _HEIGHT // height))
    if shown < len(tiles):
        title += f"   (of {len(tiles)} the first {shown})"
    page = np.full((-(-shown // columns) * height, columns * width, 3), 255, np.uint8)
    for place, tile in enumerate(tiles[:shown]):
        top, left = place // columns * height, place % columns * width
        page[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    ranges = [f"{least:.2g} … {largest:.2g}" for least, largest in zip(low[:shown], high[:shown], strict=True)]
    return _caption(_label(title, page, None), ranges, (columns, height, width))


def _caption(panel: Image.Image, texts: Sequence[str], grid: tuple[int, int, int]) -> Image.Image:
    pen, font = ImageDraw.Draw(panel), ImageFont.load_default(10)
    columns, height, width = grid
    for place, text in enumerate(texts):
        left, bottom = place % columns * width, _TITLE + (place // columns + 1) * height - _GAP
        pen.text((left, bottom), text, fill="black", font=font, anchor="lb")
    return panel


def _label(title: str, mosaic: Rgb, limit: float | None) -> Image.Image:
    """The mosaic under its title; beside it the colour scale from −limit to +limit, if it has one."""
    font = ImageFont.load_default(13)
    width = max(mosaic.shape[1] + (_SCALE + _MARGIN if limit is not None else 0), int(font.getlength(title)) + 1)
    page = Image.new("RGB", (width, _TITLE + max(mosaic.shape[0], 0 if limit is None else _BAR + 8)), "white")
    pen = ImageDraw.Draw(page)
    pen.text((0, 0), title, fill="black", font=font)
    page.paste(Image.fromarray(mosaic), (0, _TITLE))
    if limit is not None:
        draw_scale(page, (mosaic.shape[1] + _MARGIN, _TITLE), _BAR, limit)
    return page
