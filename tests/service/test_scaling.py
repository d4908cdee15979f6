"""Scaled decoding is proved before it is used, and used once it is proved."""

import io
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from PIL import Image

from service.__main__ import main
from service.decode import PictureLimits, open_picture
from service.errors import ScalingRefused, UnknownModel
from service.preprocess import read_pixels
from service.publish import publish
from service.published import PublishedVersion, read_version
from service.scaling import publish_scaled
from service.shelf import find_folder
from tests.published import brightness_graph, evidence, manifest, white_png


@pytest.fixture
def version(tmp_path: Path) -> PublishedVersion:
    graph = brightness_graph()
    files = {"samples/a.png": white_png(), "report.html": b"report"}
    return read_version(publish(tmp_path / "models", manifest(graph), evidence("a.png"), graph, files))


def save(folder: Path, count: int, seed: int = 0, side: int = 64) -> list[Path]:
    """Photograph-like JPEGs: smooth colour with a little noise."""
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(seed)
    paths = []
    for number in range(count):
        coarse = Image.fromarray(random.integers(0, 256, (5, 5, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC), np.int16)
        noisy = np.clip(smooth + random.normal(0, 6, smooth.shape), 0, 255).astype(np.uint8)
        paths.append(folder / f"{number}.jpg")
        Image.fromarray(noisy).save(paths[-1], "JPEG", quality=90)
    return paths


def test_what_keeps_its_answers_is_published_anew_with_the_proof(version: PublishedVersion, tmp_path: Path) -> None:
    folder, found = publish_scaled(version, save(tmp_path / "photos", 30), tmp_path / "models")
    scaled = read_version(folder)
    assert scaled.version == 2
    assert scaled.manifest.input.scaled_decode
    assert scaled.evidence.scaled_decoding == found
    assert found.pictures == 30
    assert found.changed == 0
    assert 0 < found.max_change <= 0.01
    assert scaled.onnx == version.onnx
    for file in ("samples/a.png", "report.html"):
        assert (folder / file).read_bytes() == (version.folder / file).read_bytes()
    assert not version.manifest.input.scaled_decode
    (sample,) = scaled.evidence.samples
    assert sample.probability == pytest.approx(0.622459, abs=1e-6), "asked anew; it was recorded as 0.6225"


def test_what_would_change_answers_is_refused(tmp_path: Path) -> None:
    # The same network a thousand times as sure: half a grey level is another answer.
    model = onnx.load_model_from_string(brightness_graph())
    for tensor in model.graph.initializer:
        if tensor.name in {"weights", "bias"}:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * 1000, tensor.name))
    graph = model.SerializeToString()
    files = {"samples/a.png": white_png()}
    unsteady = read_version(publish(tmp_path / "models", manifest(graph), evidence(), graph, files))
    with pytest.raises(ScalingRefused, match=r"a probability changed by 0\.\d"):
        publish_scaled(unsteady, save(tmp_path / "photos", 60), tmp_path / "models")
    assert not (tmp_path / "models" / "brightness" / "2").exists()


def test_too_few_pictures_prove_nothing(version: PublishedVersion, tmp_path: Path) -> None:
    small = save(tmp_path / "small", 30, side=7)
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(ScalingRefused, match="only 19 of the files"):
        publish_scaled(version, [*small, tmp_path / "text.jpg", *save(tmp_path / "photos", 19)], tmp_path / "models")


def test_mnist_form_is_never_decoded_smaller(lenet: PublishedVersion, tmp_path: Path) -> None:
    with pytest.raises(ScalingRefused, match="noise"):
        publish_scaled(lenet, save(tmp_path / "photos", 20), tmp_path / "models")


def test_a_scaled_decoding_gives_nearly_the_same_pixels() -> None:
    content = io.BytesIO()
    y, x = np.mgrid[0:768, 0:1024]
    picture = np.stack([x / 4, y / 3, (x + y) / 7], axis=2).astype(np.uint8)
    Image.fromarray(picture).save(content, "JPEG", quality=95)
    spec = manifest(brightness_graph()).input.model_copy(update={"height": 224, "width": 224, "channels": 3})
    whole, scaled = (
        read_pixels(open_picture(content.getvalue(), PictureLimits()), spec.model_copy(update={"scaled_decode": flag}))
        for flag in (False, True)
    )
    assert whole.shape == scaled.shape == (224, 224, 3)
    assert np.abs(whole.astype(int) - scaled).mean() < 1


def test_the_command_says_what_it_did(
    version: PublishedVersion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path / "photos", 25)
    models = version.folder.parent.parent
    monkeypatch.setattr(
        "sys.argv", ["convscope", "scale-decode", "brightness", str(tmp_path / "photos"), "--models", str(models)]
    )
    with pytest.raises(SystemExit) as left:
        main()
    assert not left.value.code
    assert "25 JPEGs were answered with the same probabilities" in capsys.readouterr().out
    assert find_folder(models, "brightness").name == "2"
    with pytest.raises(UnknownModel, match="there are: brightness"):
        find_folder(models, "nobody")
