"""Turns named float32 or uint8 arrays into bytes that other programs read: safetensors, npz or JSON."""

import io
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import orjson
from numpy.lib import format as npy
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[np.generic]]


_DTYPES = {np.dtype(np.float32): "F32", np.dtype(np.uint8): "U8", np.dtype(np.int64): "I64"}
"""The format's names of the types that the service answers with."""

_ALIGNMENT = 8

_SMALL, _PIECE = 256, 16 * 1024
"""Numbers that are written with the rest of a document, and those that are written at a time: a millisecond or two."""


def to_safetensors(arrays: Arrays, metadata: Mapping[str, str]) -> bytes:
    """One safetensors document; names, shapes and dtypes as given, `metadata` in its header.

    Written here, because the library's own writer takes longer than a small network takes to compute what is written;
    its reader is what the tests read it with. Source: the format's description in the library's README.

    Args:
        arrays: float32, uint8 or int64.
        metadata: texts.
    """
    header: dict[str, object] = {"__metadata__": metadata}
    end = 0
    for name, values in arrays.items():
        start, end = end, end + values.nbytes
        header[name] = {"dtype": _DTYPES[values.dtype], "shape": values.shape, "data_offsets": (start, end)}
    text = orjson.dumps(header)
    text += b" " * (-len(text) % _ALIGNMENT)
    return b"".join([len(text).to_bytes(8, "little"), text, *(values.tobytes() for values in arrays.values())])


def to_npz(arrays: Arrays) -> bytes:
    """One uncompressed NumPy archive, a member per array, readable without pickle.

    `numpy.savez` takes the names as keyword arguments, so one of its own parameters' names would break it.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for name, values in arrays.items():
            with archive.open(f"{name}.npy", "w") as member:
                npy.write_array(member, np.ascontiguousarray(values), allow_pickle=False)
    return content.getvalue()


def to_json(document: object) -> bytes:
    """A JSON document, arrays as nested lists; NaN and infinities, which JSON lacks, as null.

    Arrays are written one by one, large ones piece by piece: nothing else in the process can go on meanwhile.
    """
    return orjson.dumps(_split(document), option=orjson.OPT_SERIALIZE_NUMPY)


def _split(document: object) -> object:
    """The document with its arrays written already."""
    match document:
        case dict():
            return {key: _split(value) for key, value in document.items()}
        case list():
            return [_split(value) for value in document]
        case np.ndarray() if document.size > _SMALL:
            return orjson.Fragment(b"".join(_write(document)))
    return document


def _write(values: NDArray[Any]) -> Iterator[bytes]:
    """The JSON of an array, in pieces."""
    rows = _PIECE // values[0].size
    for start in range(0, len(values), max(1, rows)):
        yield b"," if start else b"["
        if rows:
            part = np.ascontiguousarray(values[start : start + rows])
            yield orjson.dumps(part, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
        else:
            yield from _write(values[start])
    yield b"]"
