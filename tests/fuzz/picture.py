"""Turns the bytes of a picture, damaged or not, into an outcome: decoded and fitted in every way, or refused."""

import numpy as np
from PIL import Image

from service.contract import CenterCrop, MnistForm, PictureInput, Stretch
from service.decode import (
    Picture,
    PictureLimits,
    decode,
    decode_small_png,
    load_plain_jpeg,
    load_with_pillow,
    open_picture,
)
from service.errors import RequestError
from service.preprocess import find_view, fit, read_pixels
from tests.fuzz.finding import Finding, outcome

LIMITS = PictureLimits(max_bytes=2**20, max_pixels=2_000_000)

INPUTS = (
    PictureInput(height=28, width=28, channels=1, resize=MnistForm()),
    PictureInput(height=32, width=32, channels=3, resize=Stretch()),
    PictureInput(height=24, width=40, channels=3, resize=CenterCrop()),
    PictureInput(height=8, width=8, channels=3, resize=Stretch(), scaled_decode=True),
)
"""Every way in which a picture is fitted."""

SMALL = 96 * 96
"""Pixels up to which the service tries `decode_small_png`."""


def try_picture(body: bytes) -> str:
    """Decode and fit; hold the quick ways against Pillow's own."""
    outcomes = [outcome(lambda spec=spec: _check(read_pixels(open_picture(body, LIMITS), spec), spec))  # type: ignore[misc]
                for spec in INPUTS]  # fmt: skip
    outcomes.append(outcome(lambda: _view(body)))
    if len(set(outcomes)) != 1:
        raise Finding(f"one way reads it, another doesn't: {outcomes}")
    _try_small_png(body)
    _try_plain_jpeg(body)
    return outcomes[0]


def _view(body: bytes) -> None:
    """What an attribution in the picture's own size needs."""
    picture = decode(body, LIMITS)
    for spec in INPUTS:
        find_view(picture, spec)


def _check(pixels: Picture, spec: PictureInput) -> None:
    if pixels.shape != (spec.height, spec.width, spec.channels) or pixels.dtype != np.uint8:
        raise Finding(f"{pixels.dtype} {pixels.shape} for {spec}")
    if not pixels.flags.c_contiguous:
        raise Finding("the pixels don't lie one after the other")


def _try_small_png(body: bytes) -> None:
    small = decode_small_png(body, SMALL)
    if small is not None:
        _compare("decode_small_png", body, np.asarray(small.convert("RGB")))
        for spec in INPUTS:
            _check(fit(small, spec), spec)


def _try_plain_jpeg(body: bytes) -> None:
    try:
        plain = load_plain_jpeg(open_picture(body, LIMITS))
    except RequestError:
        return
    if plain is not None:
        _compare("load_plain_jpeg", body, np.asarray(Image.fromarray(plain).convert("RGB")))


def _compare(way: str, body: bytes, pixels: Picture) -> None:
    """Hold a quick way against Pillow's.

    Raises:
        Finding: it gives other pixels, or pixels where Pillow gives none.
    """
    try:
        expected = np.asarray(load_with_pillow(open_picture(body, LIMITS)).convert("RGB"))
    except RequestError as error:
        raise Finding(f"{way} reads what Pillow refuses: {error}") from error
    if not np.array_equal(pixels, expected):
        raise Finding(f"{way} gives other pixels than Pillow")
