"""Damaged pictures leave nothing in the log, and take no memory before they are refused."""

import subprocess
import sys

from tests.conftest import ROOT

DAMAGED = """
import io
from contextlib import nullcontext, suppress
from PIL import Image
from service.decode import PictureLimits, decode
from service.decoders import fitted_decoders
from service.errors import RequestError

content = io.BytesIO()
Image.effect_noise((64, 64), 60).convert("1").save(content, "TIFF", compression="group4")
body = bytearray(content.getvalue())
for at in range(8, 200):
    body[at] ^= 0x55
with {around}, suppress(RequestError):
    decode(bytes(body), PictureLimits())
"""


def said(around: str) -> str:
    program = DAMAGED.format(around=around)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT).stderr


def test_a_damaged_tiff_writes_nothing_past_the_log() -> None:
    assert "Fax4Decode" in said("nullcontext()")
    assert not said("fitted_decoders(1000)")


BOMB = """
import resource, struct
from service.decode import PictureLimits, open_picture
from service.decoders import fitted_decoders
from service.errors import PictureTooLarge

limits = PictureLimits()
frame = b"," + struct.pack("<HHHHB", 0, 0, 13_000, 13_000, 0) + b"\\x02\\x02\\x44\\x01\\x00;"
body = b"GIF89a" + struct.pack("<HHBBB", 0, 0, 0xF1, 0, 0) + bytes(12) + b"\\x21\\xf9\\x04\\x08\\0\\0\\0\\0" + frame
with fitted_decoders(limits.max_pixels):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        open_picture(body, limits)
    except PictureTooLarge as error:
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, error)
"""


def test_a_gif_of_a_huge_frame_is_refused_before_it_takes_memory() -> None:
    ended = subprocess.run([sys.executable, "-c", BOMB], capture_output=True, text=True, check=True, cwd=ROOT)
    kibibytes, _, message = ended.stdout.partition(" ")
    assert int(kibibytes) < 50_000  # 165,000 if the frame is filled
    assert "25,000,000" in message
