"""Turns named float32 or uint8 arrays into bytes that other programs read: safetensors or npz."""

import io
import zipfile
from collections.abc import Mapping

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from safetensors.numpy import save

Arrays = Mapping[str, NDArray[np.generic]]


def to_safetensors(arrays: Arrays, metadata: Mapping[str, str]) -> bytes:
    """One safetensors document; names, shapes and dtypes as given, `metadata` in its header."""
    return save({name: np.ascontiguousarray(values) for name, values in arrays.items()}, metadata=dict(metadata))


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
