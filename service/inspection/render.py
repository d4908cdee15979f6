"""Turns feature maps into one PNG: a mosaic per layer, each with a numbered colour scale."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from service.inspection.activations import Activation
from service.inspection.colour_scale import Rgb, colours, draw_scale
from service.inspection.layer import Layer

_TILE = 56
"""Least side of a feature map in the picture, in pixels; larger maps are drawn pixel by pixel."""
_CELL = 18
"""Side of one value of a vector, in pixels."""
_WIDTH = 960
_MARGIN = 12
_GAP = 3
_TITLE = 22
_SCALE = 110
"""Width kept free for the colour scale at the right."""
_SCALE_HEIGHT = 64


@dataclass(frozen=True)
class _Panel:
    title: str
    limit: float
    """The colour scale runs from -limit to +limit."""
    mosaic: Rgb


def render_activations(activations: Sequence[tuple[Layer, Activation]]) -> bytes:
    """Draw layers one below the other, as `render_maps` does.

    Returns:
        An encoded PNG.
    """
    return render_maps([(f"{layer.name}   {layer.kind}", values) for layer, values in activations])


def render_maps(maps: Sequence[tuple[str, Activation]]) -> bytes:
    """Draw maps one below the other, each under its title.

    Each layer has its own colour scale, centred on zero, its ends at the layer's largest absolute value: the same
    colour means the same number all over a layer, and white is 0 everywhere.

    Returns:
        An encoded PNG.
    """
    panels = [_panel(title, values) for title, values in maps]
    heights = [_TITLE + max(panel.mosaic.shape[0], _SCALE_HEIGHT) + _MARGIN for panel in panels]
    width = max([_WIDTH, *(panel.mosaic.shape[1] + _SCALE + 2 * _MARGIN for panel in panels)])
    page = Image.new("RGB", (width, sum(heights) + _MARGIN), "white")
    top = _MARGIN
    for panel, height in zip(panels, heights, strict=True):
        _draw_panel(page, panel, top)
        top += height
    return to_png(np.asarray(page))


def to_png(pixels: NDArray[np.uint8]) -> bytes:
    """Encode (h, w), (h, w, 1) or (h, w, 3) uint8 pixels without loss."""
    content = io.BytesIO()
    squeezed = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    Image.fromarray(squeezed).save(content, "PNG")
    return content.getvalue()


def _panel(title: str, values: Activation) -> _Panel:
    finite = values[np.isfinite(values)]
    limit = float(np.abs(finite).max()) if finite.size else 0.0
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    shape = " x ".join(map(str, values.shape))
    return _Panel(f"{title}   {shape}   {low:.4g} … {high:.4g}", limit, _grid(_tiles(colours(values, limit))))


def _tiles(coloured: Rgb) -> list[Rgb]:
    """One picture per channel, enlarged by whole factors; a vector gives a cell per value."""
    if coloured.ndim == 4:
        factor = max(1, round(_TILE / max(coloured.shape[1:3])))
        return [channel.repeat(factor, axis=0).repeat(factor, axis=1) for channel in coloured]
    return [np.broadcast_to(colour, (_CELL, _CELL, 3)) for colour in coloured.reshape(-1, 3)]


def _grid(tiles: Sequence[Rgb]) -> Rgb:
    """Lay tiles of one size out row by row within the page's width, on light grey."""
    height, width = tiles[0].shape[0] + _GAP, tiles[0].shape[1] + _GAP
    columns = min(len(tiles), max(1, (_WIDTH - _SCALE - 2 * _MARGIN) // width))
    rows = -(-len(tiles) // columns)
    grid = np.full((rows * height, columns * width, 3), 225, np.uint8)
    grid[-height:, (len(tiles) - 1) % columns * width + width :] = 255
    for index, tile in enumerate(tiles):
        top, left = index // columns * height, index % columns * width
        grid[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return grid


def _draw_panel(page: Image.Image, panel: _Panel, top: int) -> None:
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(13)
    pen.text((_MARGIN, top), panel.title, fill="black", font=font)
    page.paste(Image.fromarray(panel.mosaic), (_MARGIN, top + _TITLE))
    draw_scale(page, (page.width - _SCALE, top + _TITLE), _SCALE_HEIGHT, panel.limit)
