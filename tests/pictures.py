"""Draws small pictures for tests, in every format and form that the service reads."""

import io
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from PIL import Image, features


def draw_pictures() -> Iterator[bytes]:
    """A few pixels in every format and mode that Pillow writes, and in the forms that JPEG and TIFF have."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8))
    ink = Image.new("L", (28, 28))
    ink.paste(255, (10, 6, 18, 22))
    exif = Image.Exif()
    exif[0x0112] = 6
    shapes: list[tuple[Image.Image, str, Mapping[str, Any]]] = [(ink, "PNG", {})]
    shapes += [(noise.convert(mode), "PNG", {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA")]
    shapes += [(Image.fromarray(np.full((5, 4), 40_000, np.uint16)), form, {}) for form in ("PNG", "TIFF", "PPM")]
    shapes += [(noise.convert("P"), "PNG", {"transparency": 3}), (noise, "PNG", {"exif": exif, "dpi": (72, 72)})]
    jpegs: list[dict[str, Any]] = [{}, {"progressive": True}, {"subsampling": 0}, {"exif": exif},
                                   {"restart_marker_rows": 1}]  # fmt: skip
    for options in jpegs:
        shapes += [(noise.convert(mode), "JPEG", options) for mode in ("L", "RGB", "CMYK")]
    shapes += [(noise.convert(mode), "GIF", options) for mode in ("L", "P") for options in ({}, {"interlace": 0})]
    shapes.append((noise, "GIF", {"save_all": True, "append_images": [noise.rotate(180)], "transparency": 1}))
    shapes += [(noise.convert(mode), "BMP", {}) for mode in ("1", "L", "P", "RGB", "RGBA")]
    for packing in (None, "tiff_lzw", "packbits", "tiff_deflate", "tiff_adobe_deflate", "jpeg"):
        shapes += [(noise.convert(mode), "TIFF", {"compression": packing}) for mode in ("L", "RGB")]
    shapes += [(noise.convert("1"), "TIFF", {"compression": packing}) for packing in ("group3", "group4")]
    shapes += [(Image.fromarray(np.linspace(0, 1, 20, dtype=np.float32).reshape(4, 5)), "TIFF", {}),
               *((noise.convert(mode), "TIFF", {}) for mode in ("LAB", "RGBA", "P"))]  # fmt: skip
    shapes += [(noise.convert(mode), "PPM", {}) for mode in ("1", "L", "RGB")]
    shapes += [(noise.convert(mode), "WEBP", {"lossless": lossless}) for mode in ("RGB", "RGBA")
               for lossless in (True, False)]  # fmt: skip
    if features.check("avif"):
        shapes.append((noise, "AVIF", {}))
    for picture, form, how in shapes:
        content = io.BytesIO()
        picture.save(content, form, **how)
        yield content.getvalue()
    yield b"P3\n2 2\n255\n1 2 3 4 5 6 7 8 9 10 11 12\n"
    yield b"Pf\n2 2\n-1.0\n" + np.ones(4, np.float32).tobytes()
