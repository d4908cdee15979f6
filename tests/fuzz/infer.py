"""Turns the body of a request of the Open Inference Protocol into an outcome: tensors that are read, or a refusal."""

import numpy as np

from service.contract import PIXELS, PictureInput, Stretch
from service.protocol.document import read_request
from service.protocol.request import InputTensor
from service.protocol.tensors import read_pictures, read_pixels
from tests.fuzz.finding import Finding, outcome

SPEC = PictureInput(height=2, width=3, channels=1, resize=Stretch())

_MOST, _MOST_LISTS = 4, 100
"""Pictures, and arrays that they can consist of."""


def try_infer(data: bytes) -> str:
    """Read it; the first line is the length of its JSON document, or empty where there is nothing else."""
    head, _, body = data.partition(b"\n")
    length = int(head[:12]) if head[:12].isdigit() else None

    def read() -> None:
        for tensor in read_request(body, length, _MOST_LISTS).inputs:
            _read(tensor)

    return outcome(read)


def _read(tensor: InputTensor) -> None:
    if tensor.name != PIXELS:
        pictures = read_pictures(tensor, _MOST)
        if len(pictures) != tensor.shape[0] or not all(isinstance(picture, bytes) for picture in pictures):
            raise Finding(f"{len(pictures)} pictures of {tensor.shape}")
        return
    pixels = read_pixels(tensor, SPEC, _MOST)
    if list(pixels.shape) != list(tensor.shape) or pixels.dtype != np.uint8 or not 1 <= len(pixels) <= _MOST:
        raise Finding(f"{pixels.dtype} {pixels.shape} of {tensor.shape}")
