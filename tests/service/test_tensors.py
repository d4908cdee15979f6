"""Named arrays to bytes that other programs read."""

import io
import zipfile

import numpy as np
from safetensors.numpy import load

from service.tensors import to_npz, to_safetensors

ARRAYS = {"file": np.zeros(2, np.float32), "block/conv": np.arange(6, dtype=np.float32).reshape(2, 3).T}


def test_npz_members_may_have_any_name() -> None:
    content = to_npz(ARRAYS)
    assert zipfile.ZipFile(io.BytesIO(content)).namelist() == ["file.npy", "block/conv.npy"]
    archive = np.load(io.BytesIO(content), allow_pickle=False)
    assert np.array_equal(archive["block/conv"], ARRAYS["block/conv"])


def test_safetensors_keep_shape_and_order_of_values() -> None:
    tensors = load(to_safetensors(ARRAYS, {"model": "digits"}))
    assert {name: values.tolist() for name, values in tensors.items()} == {
        name: values.tolist() for name, values in ARRAYS.items()
    }
