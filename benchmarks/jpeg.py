"""Turns a JPEG of 1024 x 768 into 224 x 224 pixels: by Pillow in full, by the service scaled, in turn."""

import io
import statistics
import time
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

from benchmarks.material import PHOTOGRAPH
from benchmarks.plan import Plan, Row
from benchmarks.processes import wait_for_quiet, watch_others
from benchmarks.table import median, show_spread, tabulate
from service.contract import PictureInput, Stretch
from service.decode import PictureLimits, open_picture
from service.preprocess import read_pixels

_SPEC = PictureInput(height=224, width=224, channels=3, resize=Stretch(), scaled_decode=True)
_LIMITS = PictureLimits()
_PICTURES = 200
"""Decoded by each in a round, one by the one, one by the other."""


def measure(plan: Plan) -> Iterator[Row]:
    """One row a round: medians in milliseconds."""
    body = (plan.data / PHOTOGRAPH).read_bytes()
    apart = float(np.abs(_decode_in_full(body).astype(int) - _decode_scaled(body)).mean())
    for number in range(plan.rounds):
        wait_for_quiet(plan.patience)
        full, scaled = [], []
        with watch_others(time.process_time) as foreign:
            for _ in range(_PICTURES):
                started = time.perf_counter()
                _decode_in_full(body)
                between = time.perf_counter()
                _decode_scaled(body)
                full.append(between - started)
                scaled.append(time.perf_counter() - between)
        theirs, ours = statistics.median(full), statistics.median(scaled)
        yield {"round": number, "pillow_ms": theirs * 1e3, "convscope_ms": ours * 1e3, "ratio": theirs / ours,
               "apart": apart, "foreign": foreign.cores}  # fmt: skip


def _decode_in_full(body: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    image = Image.open(io.BytesIO(body)).convert("RGB")
    return np.asarray(image.resize((224, 224), Image.Resampling.BILINEAR))


def _decode_scaled(body: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return read_pixels(open_picture(body, _LIMITS), _SPEC)


def report(rows: Sequence[Row]) -> Iterator[str]:
    """One line."""
    yield ""
    head = ["1024 x 768 JPEG to 224 x 224", "rounds", "Pillow ms", "Convscope ms", "times as fast", "others, cores"]
    figures = [show_spread(rows, name) for name in ("pillow_ms", "convscope_ms", "ratio", "foreign")]
    yield from tabulate(head, [["one thread, decoded and resized", str(len(rows)), *figures]])
    yield f"\nPixels differ by {median(rows, 'apart'):.2f} of 255 in the mean."
