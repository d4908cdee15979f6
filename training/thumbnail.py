"""Turns the pixels that a network takes into a small PNG."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def draw_thumbnail(pixels: NDArray[np.uint8], side: int) -> bytes:
    """A picture as the network sees it; the same pixels give the same bytes.

    Args:
        pixels: (h, w, c) uint8, grey or RGB.
        side: the longer side in pixels, at most; a smaller picture keeps its own.
    """
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    picture.thumbnail((side, side), Image.Resampling.BOX)
    content = io.BytesIO()
    picture.save(content, "PNG", optimize=True)
    return content.getvalue()
