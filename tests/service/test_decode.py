"""Bytes to upright RGB pixels, and every refusal by name."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from service.decode import (
    FORMATS,
    Picture,
    PictureLimits,
    decode,
    decode_small_png,
    load_picture,
    load_plain_jpeg,
    open_picture,
)
from service.errors import (
    BodyTooLarge,
    ConvscopeError,
    DamagedPicture,
    NoPicture,
    PictureTooLarge,
    RequestError,
    UnsupportedPictureFormat,
)

LIMITS = PictureLimits()


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    content = io.BytesIO()
    image.save(content, form, **options)
    return content.getvalue()


def pixel(image: Image.Image, form: str = "PNG", **options: object) -> tuple[int, ...]:
    """The first pixel after a round through `decode`."""
    return tuple(decode(encoded(image, form, **options), LIMITS)[0, 0].tolist())


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "PPM"])
def test_every_format_is_read(form: str) -> None:
    red = Image.new("RGB", (20, 10), (200, 30, 30))
    picture = decode(encoded(red, form), LIMITS)
    assert picture.shape == (10, 20, 3)
    assert picture.dtype == np.uint8
    assert np.abs(picture.astype(int) - (200, 30, 30)).max() <= 12  # JPEG and the like are lossy


def test_transparency_is_laid_on_white() -> None:
    assert pixel(Image.new("RGBA", (2, 2), (255, 0, 0, 0))) == (255, 255, 255)
    assert pixel(Image.new("RGBA", (2, 2), (255, 0, 0, 128))) == pytest.approx((255, 127, 127), abs=1)
    assert pixel(Image.new("LA", (2, 2), (0, 0))) == (255, 255, 255)


def test_a_transparent_palette_entry_is_white() -> None:
    palette = Image.new("P", (2, 2), 0)
    palette.putpalette([10, 20, 30, 40, 50, 60])
    assert pixel(palette) == (10, 20, 30)
    assert pixel(palette, transparency=0) == (255, 255, 255)


def test_grey_of_16_bits_keeps_its_upper_byte() -> None:
    grey = Image.fromarray(np.full((2, 2), 0x80FF, np.uint16))
    assert pixel(grey) == (128, 128, 128)
    assert pixel(Image.fromarray(np.full((2, 2), 200, np.uint16))) == (0, 0, 0)


@pytest.mark.parametrize(("white", "expected"), [(1.0, 255), (255.0, 255), (0.5, 128), (float("nan"), 0)])
def test_grey_of_floats_is_a_share_of_white_or_of_255(white: float, expected: int) -> None:
    values = np.zeros((2, 2), np.float32)
    values[0, 0] = white
    assert pixel(Image.fromarray(values), "TIFF")[0] == pytest.approx(expected, abs=1)


def test_cmyk_becomes_rgb() -> None:
    cyan = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    red, green, blue = pixel(cyan, "JPEG", quality=100)
    assert red < 40
    assert min(green, blue) > 200


def test_the_first_frame_of_an_animation_counts() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    assert pixel(frames[0], "GIF", save_all=True, append_images=frames[1:]) == (255, 0, 0)


def test_exif_orientations_show_the_same_upright_picture(data: Path) -> None:
    upright = [
        decode((data / "images" / f"hopper_orientation_{number}.jpg").read_bytes(), LIMITS).astype(int)
        for number in range(2, 9)
    ]
    for picture in upright[1:]:
        assert picture.shape == upright[0].shape
        assert np.abs(picture - upright[0]).mean() < 6  # JPEG noise
        assert np.abs(picture[::-1] - upright[0]).mean() > 30  # what a wrong orientation gives


def test_all_good_pictures_are_read(data: Path) -> None:
    pictures = sorted((data / "images").iterdir())
    assert len(pictures) > 50
    for path in pictures:
        picture = decode(path.read_bytes(), LIMITS)
        assert picture.ndim == 3
        assert picture.shape[2] == 3


def test_hostile_pictures_are_read_or_refused_by_name(data: Path) -> None:
    pictures = sorted((data / "hostile-images").iterdir())
    assert len(pictures) > 100
    for path in pictures:
        try:
            picture: Picture = decode(path.read_bytes(), LIMITS)
        except RequestError as error:
            assert 400 <= error.status < 500
            assert str(error)
        else:
            assert picture.dtype == np.uint8


def test_an_empty_body_is_no_picture() -> None:
    with pytest.raises(NoPicture):
        decode(b"", LIMITS)


def test_too_many_bytes_are_refused() -> None:
    with pytest.raises(BodyTooLarge, match="limit is 10"):
        decode(b"x" * 11, PictureLimits(max_bytes=10))


def test_too_many_pixels_are_refused_before_they_are_decoded() -> None:
    with pytest.raises(PictureTooLarge, match=r"9000 x 9000 = 81,000,000|far more pixels"):
        decode(encoded(Image.new("1", (9000, 9000))), LIMITS)


def test_a_header_that_announces_more_than_pillow_takes_is_refused() -> None:
    bomb = bytearray(encoded(Image.new("L", (1, 1)), "BMP"))
    bomb[18:26] = (2**24).to_bytes(4, "little") * 2
    with pytest.raises(PictureTooLarge):
        decode(bytes(bomb), LIMITS)


def test_formats_that_are_not_served_are_refused_even_if_pillow_knows_them() -> None:
    with pytest.raises(UnsupportedPictureFormat, match="JPEG"):
        decode(encoded(Image.new("RGB", (4, 4)), "ICO"), LIMITS)


def test_a_truncated_picture_is_damaged() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
    with pytest.raises(DamagedPicture, match="PNG"):
        decode(encoded(noise)[:2000], LIMITS)


def test_broken_exif_is_no_reason_to_refuse() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(Image.new("RGB", (4, 2)), "JPEG", exif=exif)
    assert decode(turned, LIMITS).shape == (4, 2, 3)
    broken = turned.replace(b"Exif\x00\x00MM\x00*", b"Exif\x00\x00MM\xff\xff").replace(
        b"Exif\x00\x00II*\x00", b"Exif\x00\x00II\xff\xff"
    )
    assert broken != turned
    assert decode(broken, LIMITS).shape == (2, 4, 3)


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=300), st.integers(0, 200), st.sampled_from([form for form in FORMATS if form != "PPM"]))
def test_no_damage_gets_past_as_anything_but_a_refusal(damage: bytes, place: int, form: str) -> None:
    body = bytearray(encoded(Image.new("RGB", (16, 16), "orange"), form))
    body[place : place + len(damage)] = damage
    try:
        decode(bytes(body), LIMITS)
    except ConvscopeError as error:
        assert error.status < 500


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("size", [(1, 1), (28, 28), (5, 17), (96, 96)])
def test_a_small_png_comes_out_as_ever(mode: str, size: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    body = encoded(Image.fromarray(noise).convert(mode))
    small = decode_small_png(body, 96 * 96)
    assert small is not None
    assert small.mode == mode
    assert np.array_equal(np.asarray(small.convert("RGB")), decode(body, LIMITS))


def test_what_is_no_plain_small_png_is_left_to_the_usual_way(data: Path) -> None:
    picture = Image.effect_noise((20, 20), 60)
    plain = encoded(picture)
    assert decode_small_png(plain, 400) is not None
    assert decode_small_png(plain, 399) is None
    for form, options in (("JPEG", {}), ("GIF", {}), ("PNG", {"dpi": (72, 72)}), ("PNG", {"transparency": 3})):
        assert decode_small_png(encoded(picture, form, **options), 400) is None
    for mode in ("1", "P", "RGBA", "LA", "I;16"):
        assert decode_small_png(encoded(picture.convert(mode)), 400) is None
    for cut in range(len(plain)):
        assert decode_small_png(plain[:cut], 400) is None
    for at in range(len(plain)):
        damaged = bytearray(plain)
        damaged[at] ^= 0x10
        assert decode_small_png(bytes(damaged), 400) is None
    for path in sorted([*(data / "images").iterdir(), *(data / "hostile-images").iterdir()]):
        small = decode_small_png(path.read_bytes(), 10_000)
        if small is not None:
            assert np.array_equal(np.asarray(small.convert("RGB")), decode(path.read_bytes(), LIMITS))


def test_jpegs_have_the_pixels_that_pillow_gives_them(data: Path) -> None:
    photo = Image.open(data / "images" / "rocket.jpg")
    bodies = [path.read_bytes() for folder in ("images", "hostile-images") for path in (data / folder).glob("*.jpg")]
    for quality in (30, 75, 95):
        for options in ({}, {"subsampling": 0}, {"progressive": True}, {"optimize": True}):
            bodies += [encoded(photo.resize((101, 77)).convert(mode), "JPEG", quality=quality, **options)
                       for mode in ("L", "RGB", "CMYK")]  # fmt: skip
    plain = 0
    for body in bodies:
        try:
            expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(body))).convert("RGB"))
        except (OSError, SyntaxError):
            continue
        picture = open_picture(body, LIMITS)
        plain += load_plain_jpeg(picture) is not None
        assert np.array_equal(np.asarray(load_picture(picture).convert("RGB")), expected)
    assert plain > 20
