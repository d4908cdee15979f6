"""Named arrays to bytes that other programs read."""

import io
import json
import zipfile

import numpy as np
from safetensors.numpy import load

from service.tensors import to_json, to_npz, to_safetensors

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


def test_large_arrays_as_json_are_the_same_as_small_ones() -> None:
    noise = np.random.default_rng(0).standard_normal
    shapes = [(3, 200, 301), (100_000,), (1, 1, 70_001), (2, 40_000), (40_000, 2), (3, 0)]
    arrays = [noise(shape).astype(np.float32) for shape in shapes] + [np.arange(99_999, dtype=np.uint8)[::2]]
    arrays[0][0, 0, :3] = [np.nan, np.inf, -np.inf]
    told = json.loads(to_json({"rows": [{"values": values, "shape": values.shape} for values in arrays]}))
    assert told["rows"][0]["values"][0][0][:3] == [None] * 3
    arrays[0][0, 0, :3] = np.nan
    for row, values in zip(told["rows"], arrays, strict=True):
        assert np.array_equal(np.array(row["values"], np.float32).ravel(), values.ravel(), equal_nan=True)
        assert row["shape"] == list(values.shape)
        assert np.shape(row["values"]) == values.shape
