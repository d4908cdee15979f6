"""Turns the protocol's tensors into pixels and encoded pictures, and texts into its BYTES.

Source: the Open Inference Protocol's "tensor data", and Triton's binary tensor data extension.
"""

import base64
import binascii
import struct
from collections.abc import Iterator, Sequence
from math import prod

import numpy as np

from service.contract import PIXELS, PictureInput
from service.engine import Pixels
from service.protocol.errors import InvalidTensor, TooManyPictures
from service.protocol.request import Binary, InputTensor, OutputTensor

IMAGE = "image"
"""The input that takes encoded pictures, in place of the graph's own."""

_LENGTH = struct.Struct("<I")


def read_pixels(tensor: InputTensor, spec: PictureInput, most: int) -> Pixels:
    """The pixels of n pictures.

    Args:
        tensor: `pixels`.
        spec: the manifest's `input`.
        most: pictures.

    Returns:
        (n, h, w, c) uint8; of bytes a view, not a copy.

    Raises:
        InvalidTensor: it isn't UINT8 [n, h, w, c], or its data don't fill that.
        TooManyPictures: n is too large.
    """
    form = [spec.height, spec.width, spec.channels]
    shape = list(tensor.shape)
    if tensor.datatype != "UINT8" or len(shape) != 4 or shape[1:] != form:
        raise InvalidTensor(
            f"input {PIXELS!r} is {tensor.datatype} {shape}; this model takes UINT8 [n, {', '.join(map(str, form))}]"
        )
    _check_count(shape[0], most)
    if isinstance(tensor.content, Binary):
        if len(tensor.content) != prod(shape):
            raise InvalidTensor(f"input {PIXELS!r} has {len(tensor.content):,} bytes; {shape} takes {prod(shape):,}")
        return np.frombuffer(tensor.content, np.uint8).reshape(shape)
    return _read_numbers(tensor.content, shape)


def read_pictures(tensor: InputTensor, most: int) -> list[bytes]:
    """The encoded pictures in a tensor, in order.

    Args:
        tensor: `image`.
        most: pictures.

    Raises:
        InvalidTensor: it isn't BYTES [n] or [n, 1], or its data don't fill that.
        TooManyPictures: n is too large.
    """
    shape = list(tensor.shape)
    if tensor.datatype != "BYTES" or not (len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)):
        raise InvalidTensor(
            f"input {IMAGE!r} is {tensor.datatype} {shape}; encoded pictures come as BYTES [n] or [n, 1]"
        )
    count = shape[0]
    _check_count(count, most)
    if isinstance(tensor.content, Binary):
        pictures = list(_split(memoryview(tensor.content), count))
    else:
        pictures = [_read_element(element) for element in _flatten(tensor.content, count)]
    if len(pictures) != count:
        raise InvalidTensor(f"input {IMAGE!r} has {len(pictures)} elements; its shape says {count}")
    return pictures


def write_values(tensor: OutputTensor) -> bytes:
    """The values of a tensor in their binary form: FP32 as they are, BYTES each after its length."""
    if isinstance(tensor.values, np.ndarray):
        return tensor.values.tobytes()
    return b"".join(piece for text in tensor.values for piece in (_LENGTH.pack(len(text)), text))


def _check_count(count: int, most: int) -> None:
    if count < 1:
        raise InvalidTensor(f"the shape says {count} pictures; there has to be one at least")
    if count > most:
        raise TooManyPictures(
            f"the request brings {count:,} pictures; at most {most} are taken at once (CONVSCOPE_MAX_PICTURES)"
        )


def _read_numbers(values: Sequence[object], shape: list[int]) -> Pixels:
    """Pixels of whole numbers, flat or nested."""
    if len(values) not in {prod(shape), shape[0]}:
        raise InvalidTensor(f"input {PIXELS!r}: its data have {len(values):,} elements; {shape} takes {prod(shape):,}")
    try:
        numbers = np.asarray(values)
    except (ValueError, OverflowError) as error:
        raise InvalidTensor(f"input {PIXELS!r}: its data are no array of numbers ({error})") from error
    if numbers.dtype.kind not in "iu" or numbers.size == 0:
        raise InvalidTensor(f"input {PIXELS!r}: its data have to be whole numbers from 0 to 255")
    if numbers.size != prod(shape) or (numbers.ndim > 1 and list(numbers.shape) != shape):
        raise InvalidTensor(f"input {PIXELS!r}: its data are of shape {list(numbers.shape)}; it is said to be {shape}")
    if numbers.min() < 0 or numbers.max() > np.iinfo(np.uint8).max:
        raise InvalidTensor(f"input {PIXELS!r}: a value is outside of 0 to 255")
    return numbers.astype(np.uint8).reshape(shape)


def _split(content: memoryview, count: int) -> Iterator[bytes]:
    """The elements of a BYTES tensor's binary form: so many of them."""
    at, end = 0, len(content)
    for _ in range(count):
        start = at + _LENGTH.size
        if start > end:
            raise InvalidTensor(f"input {IMAGE!r}: {end - at} bytes are left, too few for an element's length")
        at = start + _LENGTH.unpack_from(content, at)[0]
        if at > end:
            raise InvalidTensor(
                f"input {IMAGE!r}: an element is said to have {at - start:,} bytes, {end - start:,} are left"
            )
        yield bytes(content[start:at])
    if at < end:
        raise InvalidTensor(f"input {IMAGE!r}: {end - at:,} bytes are left behind its {count} elements")


def _flatten(elements: Sequence[object], count: int) -> Sequence[object]:
    """The elements of [n] or of [n, 1]."""
    if len(elements) == count and all(isinstance(element, list) and len(element) == 1 for element in elements):
        return [element[0] for element in elements if isinstance(element, list)]
    return elements


def _read_element(element: object) -> bytes:
    if isinstance(element, bytes):
        return element
    if isinstance(element, str):
        try:
            return base64.b64decode(element, validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidTensor(
                f"input {IMAGE!r}: in JSON a picture is text in base64; this is not ({error})"
            ) from error
    raise InvalidTensor(f"input {IMAGE!r}: an element is neither bytes nor text in base64")
