"""A version at points of its training, over a real socket."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import onnxruntime as ort
import pytest
from onnx import load as load_onnx
from onnx import numpy_helper
from PIL import Image
from safetensors.numpy import load

from service.contract import FILM_FOLDER, LOGITS, PIXELS, PROBABILITIES, Frame
from service.film import Films
from service.published import PublishedVersion, read_version
from service.routes.film import FrameActivations, FramePredictions, FrameWeights
from tests.conftest import MODELS
from tests.service.routes.test_api import PNG, problem

TICKS = "/v1/models/ticks/versions/2"
TENSORS = {"Accept": "application/vnd.safetensors"}


@pytest.fixture(scope="module")
def ticks() -> PublishedVersion:
    return read_version(MODELS / "ticks" / "2")


@pytest.fixture(scope="module")
def tick(ticks: PublishedVersion) -> bytes:
    return (ticks.folder / "samples" / ticks.evidence.samples[0].file).read_bytes()


def test_each_frame_answers_as_its_file_does(client: httpx.Client, ticks: PublishedVersion, tick: bytes) -> None:
    seen = load(client.post(f"{TICKS}/input", content=tick, headers=PNG | TENSORS).content)[PIXELS]
    found = set()
    for frame in ticks.manifest.film:
        session = ort.InferenceSession(ticks.folder / FILM_FOLDER / frame.file)
        (truth,) = session.run([PROBABILITIES], {PIXELS: seen[np.newaxis]})[0]
        answer = FramePredictions.model_validate(
            client.post(f"{TICKS}/film/{frame.step}/predict", content=tick, headers=PNG).json()
        )
        assert (answer.model, answer.version, answer.step) == ("ticks", 2, frame.step)
        told = {each.index: each.probability for each in answer.predictions}
        assert [told[index] for index in range(len(truth))] == pytest.approx(truth.tolist(), abs=1e-6)
        found.add(answer.predictions[0].probability)
    assert len(found) == len(ticks.manifest.film), "each is another network"


def test_layers_compute_what_the_frames_file_does(client: httpx.Client, ticks: PublishedVersion, tick: bytes) -> None:
    frame = ticks.manifest.film[1]
    seen = load(client.post(f"{TICKS}/input", content=tick, headers=PNG | TENSORS).content)[PIXELS]
    session = ort.InferenceSession(ticks.folder / FILM_FOLDER / frame.file)
    (logits,) = session.run([LOGITS], {PIXELS: seen[np.newaxis]})[0]
    path = f"{TICKS}/film/{frame.step}/activations"
    every = load(client.post(path, content=tick, headers=PNG | TENSORS).content)
    assert set(every) == set(load(client.post(f"{TICKS}/activations", content=tick, headers=PNG | TENSORS).content))
    assert any(each.shape == logits.shape and np.allclose(each, logits, atol=1e-5) for each in every.values())
    some = FrameActivations.model_validate(client.post(f"{path}?layers=conv", content=tick, headers=PNG).json())
    assert (some.step, [layer.name for layer in some.layers]) == (frame.step, ["conv"])
    assert np.allclose(np.asarray(some.layers[0].values, np.float32), every["conv"], atol=1e-5)


def test_the_weights_are_the_frames_own_in_every_format(client: httpx.Client, ticks: PublishedVersion) -> None:
    first, last = ticks.manifest.film[0], ticks.manifest.film[-1]
    model = load_onnx(ticks.folder / FILM_FOLDER / first.file)
    arrays = [numpy_helper.to_array(tensor) for tensor in model.graph.initializer]
    path = f"{TICKS}/film/{first.step}/weights/conv"
    tensors = load(client.get(path, headers=TENSORS).content)
    assert any(array.shape == tensors["weight"].shape and np.array_equal(array, tensors["weight"]) for array in arrays)
    document = FrameWeights.model_validate(client.get(f"{path}?channel=1").json())
    assert (document.step, document.channel) == (first.step, 1)
    assert np.array_equal(np.asarray(document.weights[0].values, np.float32), tensors["weight"][1:2])
    archive = np.load(io.BytesIO(client.get(path, headers={"Accept": "application/x-npz"}).content))
    assert np.array_equal(archive["weight"], tensors["weight"])
    Image.open(io.BytesIO(client.get(path, headers={"Accept": "image/png"}).content)).load()
    later = load(client.get(f"{TICKS}/film/{last.step}/weights/conv", headers=TENSORS).content)
    assert not np.array_equal(later["weight"], tensors["weight"]), "it has learnt since"


def test_what_is_not_there_is_refused_with_what_there_is(client: httpx.Client, tick: bytes) -> None:
    detail = problem(client.post(f"{TICKS}/film/95/predict", content=tick, headers=PNG), 404, "unknown_frame")
    assert "0, 94, 189" in detail
    problem(client.get(f"{TICKS}/film/95/weights/conv"), 404, "unknown_frame")
    detail = problem(client.get("/v1/models/ticks/versions/1/film/0/weights/conv"), 404, "no_film")
    assert "--keep-checkpoints" in detail
    problem(client.get(f"{TICKS}/film/94/weights/nothing"), 404, "unknown_layer")
    problem(client.post(f"{TICKS}/film/94/activations?layers=x", content=tick, headers=PNG), 404, "unknown_layer")
    problem(
        client.post(f"{TICKS}/film/94/predict", content=b"no picture", headers=PNG), 415, "unsupported_picture_format"
    )
    problem(client.post(f"{TICKS}/film/first/predict", content=tick, headers=PNG), 422, "invalid_parameter")
    problem(client.get("/v1/models/nobody/film/94/weights/conv"), 404, "unknown_model")


def test_a_frame_that_was_changed_is_not_shown(
    serve_folder: Callable[[Path], httpx.Client], tmp_path: Path, ticks: PublishedVersion, tick: bytes
) -> None:
    folder = tmp_path / "ticks" / "2"
    shutil.copytree(ticks.folder, folder)
    first, second = ticks.manifest.film[:2]
    shutil.copyfile(ticks.folder / FILM_FOLDER / second.file, folder / FILM_FOLDER / first.file)
    client = serve_folder(tmp_path)
    for path in (f"film/{first.step}/predict", f"film/{first.step}/activations"):
        answer = client.post(f"/v1/models/ticks/{path}", content=tick, headers=PNG)
        assert "changed after it was published" in problem(answer, 422, "not_inspectable")
    assert client.post(f"/v1/models/ticks/film/{second.step}/predict", content=tick, headers=PNG).status_code == 200


def test_only_so_many_frames_are_kept(ticks: PublishedVersion) -> None:
    film = tuple(Frame(file="0.onnx", sha256=f"{step:064x}", step=step, validation_accuracy=0) for step in range(40))
    served = _Served(ticks.model_copy(update={"manifest": ticks.manifest.model_copy(update={"film": film})}))
    films = Films()
    first, last = films.find(served, 0), films.find(served, 39)  # type: ignore[arg-type]
    for step in range(1, 39):
        films.find(served, step)  # type: ignore[arg-type]
        assert films.find(served, 39) is last, "what is used stays"  # type: ignore[arg-type]
    assert films.find(served, 0) is not first  # type: ignore[arg-type]


class _Served:
    """A version that nobody has loaded."""

    def __init__(self, published: PublishedVersion) -> None:
        self.published = published
