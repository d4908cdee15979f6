"""What the graph tells is found out, what it can't tell is said, and what was said goes before what was found."""

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from service.contract import CenterCrop, MnistForm, Stretch
from service.errors import InvalidSetting
from service.importing.errors import NoPictureInput
from service.importing.options import Normalisation
from tests.service.importing.foreign import SIDE, Foreign, ask, bring, noise, to_nchw, weight


def flat(**how: object) -> Foreign:
    return Foreign(**how).body().add("Flatten", axis=1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shape", "found"),
    [
        (("n", 3, SIDE, SIDE), "layout nchw: the input is ? x 3 x 8 x 8"),
        (("n", 3, 3, 3), "layout nchw: the first convolution (first/conv)"),
        ((None, None, None, None), "layout nchw: the first convolution"),
        (None, "layout nchw: the first convolution"),
    ],
)
def test_the_layout_is_found_from_the_shape_or_the_first_convolution(
    tmp_path: Path, shape: tuple[int | str | None, ...] | None, found: str
) -> None:
    imported, version, engine = bring(flat(shape=shape).save(tmp_path), tmp_path)
    assert found in imported.describe()
    assert version.manifest.input.channels == 3
    pixels = noise(version, 2)
    np.testing.assert_allclose(
        engine.run(pixels).logits, ask(tmp_path / "foreign.onnx", to_nchw(pixels)), atol=1e-2, rtol=1e-5
    )


def test_channels_that_come_last_are_found(tmp_path: Path) -> None:
    foreign = Foreign(shape=("n", SIDE, None, None)).add("Transpose", perm=[0, 3, 1, 2]).body().add("Flatten", axis=1)
    imported, version, engine = bring(foreign.save(tmp_path), tmp_path, size=(SIDE, 6))
    assert "layout nhwc: the first convolution" in imported.describe()
    assert (version.manifest.input.height, version.manifest.input.width) == (SIDE, 6)
    pixels = noise(version)
    expected = ask(tmp_path / "foreign.onnx", pixels.astype(np.float32))
    np.testing.assert_allclose(engine.run(pixels).logits, expected, atol=1e-2, rtol=1e-5)


def test_a_network_without_convolution_says_what_it_needs(tmp_path: Path) -> None:
    foreign = Foreign(shape=("n", 1, 28, 1))
    foreign.weights["w"] = weight(28, 4)
    foreign.add("Flatten", axis=1).add("MatMul", "w")
    imported, *_ = bring(foreign.save(tmp_path), tmp_path)
    assert "which could be either; --layout nhwc otherwise" in imported.describe()
    foreign = Foreign(shape=("n", None, 28, 28))
    foreign.weights["w"] = weight(28 * 28, 4)
    path = foreign.add("Flatten", axis=1).add("MatMul", "w").save(tmp_path)
    with pytest.raises(NoPictureInput, match="say --layout"):
        bring(path, tmp_path)
    with pytest.raises(NoPictureInput, match="say --channels"):
        bring(path, tmp_path, layout="nchw")
    assert bring(path, tmp_path, layout="nchw", channels="gray")[1].manifest.input.channels == 1


def test_an_open_size_is_tried_out(tmp_path: Path) -> None:
    foreign = Foreign(shape=("n", 1, "h", "w"))
    foreign.weights["w"] = weight(28 * 28, 4)
    path = foreign.add("Flatten", axis=1).add("MatMul", "w").save(tmp_path)
    imported, *_ = bring(path, tmp_path)
    assert "size 28x28: the file leaves it open; it works (--input-size)" in imported.describe()
    imported, *_ = bring(path, tmp_path, preset="mnist")
    assert "size 28x28: the file leaves it open; the preset says so" in imported.describe()
    with pytest.raises(NoPictureInput, match="say --input-size"):
        bring(path, tmp_path, preset="imagenet", mean=(0.0,), std=(1.0,))


def test_what_contradicts_the_file_is_refused(tmp_path: Path) -> None:
    path = flat().save(tmp_path)
    with pytest.raises(InvalidSetting, match="the file takes 8x8"):
        bring(path, tmp_path, size=(9, 8))
    with pytest.raises(InvalidSetting, match="2 numbers, but the network takes 3"):
        bring(path, tmp_path, mean=(1.0, 2.0))
    with pytest.raises(InvalidSetting, match="leaves nothing"):
        bring(path, tmp_path, std=(0.0,))
    with pytest.raises(InvalidSetting, match="is none; there are imagenet"):
        bring(path, tmp_path, preset="cifar")
    with pytest.raises(InvalidSetting, match="'mnist' needs channels = 1"):
        bring(path, tmp_path, resize=MnistForm())
    grey = Foreign(shape=("n", 1, SIDE, SIDE)).body(1).add("Flatten", axis=1).save(tmp_path)
    with pytest.raises(InvalidSetting, match="only be gray"):
        bring(grey, tmp_path, channels="bgr")
    assert not list((tmp_path / "models").iterdir())


@pytest.mark.parametrize(
    ("said", "arithmetic"),
    [
        ({}, lambda x: x),
        ({"preset": "unit"}, lambda x: x / np.float32(255)),
        ({"scale": 2 / 255, "mean": (1.0,)}, lambda x: x * np.float32(2 / 255) - 1),
        (
            {"mean": (104.0, 117.0, 123.0), "channels": "bgr"},
            lambda x: x[..., ::-1] - np.array([104, 117, 123], np.float32),
        ),
        ({"channels": "gray", "preset": "mnist"}, lambda x: (x[..., [0, 0, 0]] / 255 - 0.1307) / 0.3081),
    ],
)
def test_pixels_become_the_networks_units(tmp_path: Path, said: dict[str, object], arithmetic: object) -> None:
    path = flat(shape=("n", 3, 28, 28)).save(tmp_path)
    _, version, engine = bring(path, tmp_path, **said)
    pixels = noise(version)
    prepared = arithmetic(pixels.astype(np.float32)).astype(np.float32)  # type: ignore[operator]
    expected = ask(path, np.ascontiguousarray(prepared.transpose(0, 3, 1, 2)))
    np.testing.assert_allclose(engine.run(pixels).logits, expected, atol=1e-3, rtol=1e-4)


def test_presets_say_how_a_picture_is_resized(tmp_path: Path) -> None:
    path = flat(shape=("n", 3, 28, 28)).save(tmp_path)
    assert isinstance(bring(path, tmp_path, preset="imagenet")[1].manifest.input.resize, CenterCrop)
    assert isinstance(bring(path, tmp_path, preset="mnist")[1].manifest.input.resize, Stretch)
    assert isinstance(bring(path, tmp_path, preset="mnist", channels="gray")[1].manifest.input.resize, MnistForm)
    assert isinstance(bring(path, tmp_path, preset="unit", resize=CenterCrop())[1].manifest.input.resize, CenterCrop)


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("element", [TensorProto.UINT8, TensorProto.FLOAT16, TensorProto.DOUBLE])
def test_other_types_than_float(tmp_path: Path, element: int, layout: str) -> None:
    shape = ("n", 3, SIDE, SIDE) if layout == "nchw" else ("n", SIDE, SIDE, 3)
    foreign = Foreign(shape=shape, element=element).add("Cast", to=TensorProto.FLOAT)
    if layout == "nhwc":
        foreign.add("Transpose", perm=[0, 3, 1, 2])
    path = foreign.body().add("Flatten", axis=1).save(tmp_path)
    _, version, engine = bring(path, tmp_path)
    pixels = noise(version)
    dtype = helper.tensor_dtype_to_np_dtype(element)
    given = to_nchw(pixels) if layout == "nchw" else pixels
    np.testing.assert_allclose(engine.run(pixels).logits, ask(path, given.astype(dtype)), rtol=1e-2, atol=1e-2)
    if element == TensorProto.UINT8:
        with pytest.raises(InvalidSetting, match="nothing to scale"):
            bring(path, tmp_path, preset="unit")


def test_a_file_may_use_the_contracts_names_for_other_things(tmp_path: Path) -> None:
    foreign = Foreign().add("Identity", output="pixels").body().add("Flatten", axis=1, output="probabilities")
    path = foreign.add("Softmax", axis=1, output="logits").save(tmp_path)
    _, version, engine = bring(path, tmp_path)
    pixels = noise(version)
    np.testing.assert_allclose(engine.run(pixels).probabilities, ask(path, to_nchw(pixels)), atol=1e-5)


def test_arithmetic_is_told_in_words() -> None:
    assert Normalisation().describe() == "value = pixel, 0 to 255"
    assert Normalisation(1 / 255).describe() == "value = pixel / 255"
    assert Normalisation(0.5, (1.0, 2.0, 3.0)).describe() == "value = pixel / 2, then (value - (1, 2, 3)) / 1"
    assert Normalisation(1.5).describe() == "value = pixel · 1.5"
