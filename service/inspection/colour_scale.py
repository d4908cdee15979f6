"""Turns numbers into colours, and a colour scale into the bar beside a picture that tells them apart."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

# ColorBrewer's RdBu (colour-blind safe), as on the page: red for negative, white for 0, blue for positive.
_ANCHORS = np.array([
    (103, 0, 31), (178, 24, 43), (214, 96, 77), (244, 165, 130), (253, 219, 199), (247, 247, 247),
    (209, 229, 240), (146, 197, 222), (67, 147, 195), (33, 102, 172), (5, 48, 97),
])  # fmt: skip

_BAR = 14
"""Width of the bar in pixels."""

_ROOM = 100
"""Height in pixels from which the halves of the scale are marked too."""

Rgb = NDArray[np.uint8]
"""(height, width, 3) uint8."""


def colours(values: NDArray[np.float32], limit: float) -> Rgb:
    """Colour each value: `values.shape + (3,)` uint8; NaN is grey, a limit of 0 makes all white."""
    with np.errstate(invalid="ignore"):
        place = (np.clip(values / limit, -1, 1) + 1) * (len(_ANCHORS) - 1) / 2 if limit else np.full(values.shape, 5.0)
    known = np.nan_to_num(place, nan=5.0)
    channels = [np.interp(known, np.arange(len(_ANCHORS)), _ANCHORS[:, channel]) for channel in range(3)]
    coloured = np.stack(channels, axis=-1)
    coloured[np.isnan(values)] = 160
    return np.round(coloured).astype(np.uint8)


def draw_scale(
    page: Image.Image, corner: tuple[int, int], height: int, limit: float, beyond: tuple[str, str] = ("", "")
) -> None:
    """Draw the bar, +limit at its top, with the numbers at its right.

    Args:
        page: that is drawn on.
        corner: left and top of the bar, in pixels.
        height: of the bar, in pixels.
        limit: the scale's ends are +limit and -limit; 0: only the middle is marked.
        beyond: what stands before the upper and the lower end's number, where values lie beyond them.
    """
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(13)
    left, top = corner
    shades = np.linspace(limit, -limit, height, dtype=np.float32)[:, np.newaxis]
    page.paste(Image.fromarray(colours(shades, limit).repeat(_BAR, axis=1)), corner)
    said = {1.0: beyond[0], -1.0: beyond[1]}
    shares = (1.0, 0.5, 0.0, -0.5, -1.0) if height >= _ROOM else (1.0, 0.0, -1.0)
    for share in shares if limit else (0.0,):
        y = top + round((1 - share) / 2 * (height - 1))
        pen.line([(left + _BAR, y), (left + _BAR + 3, y)], fill="black")
        text = f"{said.get(share, '')}{share * limit:.3g}"
        pen.text((left + _BAR + 7, y), text, fill="black", font=font, anchor="lm")
