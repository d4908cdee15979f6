"""Tensors of the protocol become pixels and pictures, or are refused by what is wrong with them."""

import base64
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.contract import PictureInput, Stretch
from service.protocol.errors import InvalidTensor, TooManyPictures
from service.protocol.request import Binary, InputTensor, OutputTensor
from service.protocol.tensors import read_pictures, read_pixels, write_values

SPEC = PictureInput(height=2, width=3, channels=1, resize=Stretch())
VALUES = [0, 255, 2, 3, 4, 5]


def pixels(content: object, shape: tuple[int, ...] = (1, 2, 3, 1), datatype: str = "UINT8") -> InputTensor:
    return InputTensor("pixels", datatype, shape, cast("Binary", content))


def image(content: object, shape: tuple[int, ...] = (2,), datatype: str = "BYTES") -> InputTensor:
    return InputTensor("image", datatype, shape, cast("Binary", content))


@pytest.mark.parametrize(
    "content", [bytes(VALUES), VALUES, [[[[0], [255], [2]], [[3], [4], [5]]]], memoryview(b"_" + bytes(VALUES))[1:]]
)
def test_bytes_and_numbers_flat_or_nested_are_the_same_pixels(content: object) -> None:
    found = read_pixels(pixels(content), SPEC, most=1)
    assert found.dtype == np.uint8
    assert found.tolist() == [[[[0], [255], [2]], [[3], [4], [5]]]]


def test_pixels_that_come_as_bytes_are_not_copied() -> None:
    content = bytes(VALUES)
    assert np.shares_memory(read_pixels(pixels(content), SPEC, most=1), np.frombuffer(content, np.uint8))


@pytest.mark.parametrize(
    ("tensor", "says"),
    [
        (pixels(VALUES, datatype="FP32"), r"is FP32 .*this model takes UINT8 \[n, 2, 3, 1\]"),
        (pixels(bytes(VALUES), (2, 3, 1)), r"UINT8 \[2, 3, 1\]"),
        (pixels(bytes(VALUES), (1, 3, 2, 1)), r"UINT8 \[1, 3, 2, 1\]"),
        (pixels(b"", (0, 2, 3, 1)), "at least"),
        (pixels(b"", (-1, 2, 3, 1)), "at least"),
        (pixels(bytes(VALUES)[:5]), r"5 bytes; \[1, 2, 3, 1\] takes 6"),
        (pixels(bytes(VALUES) + b"_"), "7 bytes"),
        (pixels(VALUES[:5]), "5 elements"),
        (pixels([*VALUES[:5], 256]), "outside of 0 to 255"),
        (pixels([*VALUES[:5], -1]), "outside of 0 to 255"),
        (pixels([*VALUES[:5], 10**30]), "whole numbers"),
        (pixels([*VALUES[:5], 0.5]), "whole numbers"),
        (pixels([*VALUES[:5], "5"]), "whole numbers"),
        (pixels([*VALUES[:5], None]), "whole numbers"),
        (pixels([*VALUES[:5], {"a": 1}]), "whole numbers"),
        (pixels([True] * 6), "whole numbers"),
        (pixels([[[1, 2, 3], [4, 5]]]), "no array"),
        (pixels([[[0, 255, 2], [3, 4, 5]]]), r"of shape \[1, 2, 3\]"),
        (pixels([VALUES[:5]]), r"of shape \[1, 5\]"),
    ],
)
def test_pixels_are_refused_by_what_is_wrong(tensor: InputTensor, says: str) -> None:
    with pytest.raises(InvalidTensor, match=says):
        read_pixels(tensor, SPEC, most=4)


def test_too_many_pictures_are_refused_before_their_data_are_looked_at() -> None:
    with pytest.raises(TooManyPictures, match="1,000,000,000,000 pictures; at most 4"):
        read_pixels(pixels(b"", (10**12, 2, 3, 1)), SPEC, most=4)
    with pytest.raises(TooManyPictures):
        read_pictures(image(b"", (5,)), most=4)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=4), st.booleans())
def test_pictures_in_every_form_are_the_same_bytes(pictures: list[bytes], is_nested: bool) -> None:
    shape = (len(pictures), 1) if is_nested else (len(pictures),)
    wire = write_values(OutputTensor("image", pictures, shape, binary=True))
    texts: list[Any] = [base64.b64encode(picture).decode() for picture in pictures]
    if is_nested:
        texts = [[text] for text in texts]
    for content in (wire, memoryview(wire), pictures, texts):
        assert read_pictures(image(content, shape), most=4) == pictures


@given(st.binary(max_size=40), st.integers(1, 4))
def test_whatever_bytes_come_they_are_pictures_that_fill_them_or_refused(content: bytes, count: int) -> None:
    try:
        pictures = read_pictures(image(content, (count,)), most=4)
    except InvalidTensor:
        return
    assert write_values(OutputTensor("image", pictures, (count,), binary=True)) == content


@pytest.mark.parametrize(
    ("tensor", "says"),
    [
        (image(["QQ=="], (1,), "UINT8"), r"BYTES \[n\] or \[n, 1\]"),
        (image(["QQ=="], (1, 2)), r"BYTES \[n\] or \[n, 1\]"),
        (image(["QQ=="], ()), r"BYTES \[n\] or \[n, 1\]"),
        (image(["QQ=="]), "1 elements; its shape says 2"),
        (image(["QQ==", "not base64!"]), "base64"),
        (image(["QQ==", "é"]), "base64"),
        (image(["QQ==", 5]), "neither bytes nor text"),
        (image([["QQ=="], ["QQ==", "QQ=="]], (2, 1)), "neither bytes nor text"),
        (image(b"\x01\x00\x00\x00A\x01\x00\x00"), "too few for an element's length"),
        (image(b"\x01\x00\x00\x00A\xff\xff\xff\xffA"), "4,294,967,295 bytes, 1 are left"),
        (image(b"\x01\x00\x00\x00A" * 3), "5 bytes are left behind its 2 elements"),
    ],
)
def test_pictures_are_refused_by_what_is_wrong(tensor: InputTensor, says: str) -> None:
    with pytest.raises(InvalidTensor, match=says):
        read_pictures(tensor, most=4)
