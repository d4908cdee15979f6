"""Pixels to scores on a real onnxruntime."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from service.engine import Engine, Provider, choose_provider, load_engine, load_session
from service.errors import ModelRefused, ProviderUnavailable
from service.published import PublishedVersion
from tests.published import brightness_graph, manifest, with_node

needs_cpu_only = pytest.mark.skipif(
    "CUDAExecutionProvider" in ort.get_available_providers(), reason="this onnxruntime has CUDA"
)


def test_scores_have_a_row_per_picture() -> None:
    onnx = brightness_graph()
    engine = load_engine(manifest(onnx), onnx, Provider.CPU, threads=1)
    pixels = np.stack([np.full((4, 4, 1), value, np.uint8) for value in (0, 255, 51)])
    scores = engine.run(pixels)
    assert scores.logits == pytest.approx(np.array([[0.5, 0], [0.5, 1], [0.5, 0.2]]), abs=1e-6)
    assert scores.probabilities.sum(axis=1) == pytest.approx(np.ones(3), abs=1e-6)
    assert scores.probabilities.argmax(axis=1).tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("onnx", "message"),
    [
        (b"not a graph", "can't load"),
        (brightness_graph(labels=3), r"\['n', 2\]"),
        (brightness_graph(channels=3), r"\['n', 4, 4, 1\]"),
        (brightness_graph(outputs=("scores", "probabilities")), "scores"),
    ],
    ids=["no ONNX", "other labels", "other channels", "other outputs"],
)
def test_a_graph_that_breaks_the_contract_is_refused(onnx: bytes, message: str) -> None:
    with pytest.raises(ModelRefused, match=message):
        load_engine(manifest(onnx), onnx, Provider.CPU, threads=1)


def test_a_graph_that_loads_but_does_not_run_is_refused() -> None:
    far = np.full(16, 99, np.int64)  # of the 16 values that there are
    content = with_node(brightness_graph(), "flat", "Gather", far, axis=1)
    with pytest.raises(ModelRefused, match="can't run"):
        load_engine(manifest(content), content, Provider.CPU, threads=1)


def test_the_cpu_is_always_there() -> None:
    assert choose_provider(Provider.CPU) is Provider.CPU


@needs_cpu_only
def test_auto_takes_what_works() -> None:
    assert choose_provider(Provider.AUTO) is Provider.CPU


@needs_cpu_only
def test_asking_for_a_cuda_that_isnt_there_says_so() -> None:
    with pytest.raises(ProviderUnavailable, match="'gpu'"):
        choose_provider(Provider.CUDA)


@needs_cpu_only
def test_a_cuda_that_is_listed_but_does_not_start_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """onnxruntime-gpu on a machine without a driver lists CUDA and silently runs on the CPU."""
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"])
    with pytest.warns(UserWarning, match="CUDAExecutionProvider"):
        assert choose_provider(Provider.AUTO) is Provider.CPU
    with (
        pytest.warns(UserWarning, match="CUDAExecutionProvider"),
        pytest.raises(ProviderUnavailable, match="doesn't start here"),
    ):
        choose_provider(Provider.CUDA)


def test_the_runtime_reports_nothing_and_keeps_no_identifier(tmp_path: Path) -> None:
    """Its packages report usage over the network, under an identifier that they keep in the home folder."""
    program = (
        "from tests.published import *; from service.engine import *\n"
        "onnx = brightness_graph(); load_engine(manifest(onnx), onnx, Provider.CPU, 1)"
    )
    hidden = {"ORT_DISABLE_TELEMETRY", "CI", "XDG_CACHE_HOME", "GITHUB_ACTIONS"}  # it keeps quiet by itself in CI
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    subprocess.run([sys.executable, "-c", program], env={**environment, "HOME": str(tmp_path)}, check=True, timeout=60)
    assert list(tmp_path.iterdir()) == []


def test_buffers_that_stay_on_the_device_give_the_same_answers(lenet: PublishedVersion) -> None:
    plain = load_engine(lenet.manifest, lenet.onnx, Provider.CPU, 1)
    bound = Engine(load_session("lenet", lenet.onnx, Provider.CPU, 1, optimised=True), device="cpu")
    random = np.random.default_rng(0)
    kept = []
    for size in (1, 4, 1, 3, 4):
        pixels = random.integers(0, 256, (size, 28, 28, 1), np.uint8)
        kept.append((plain.classify(pixels), bound.classify(pixels)))
    for expected, found in kept:  # after the last run: an answer isn't overwritten by the next
        assert np.array_equal(expected, found)


def test_an_engine_that_gives_memory_back_answers_alike(lenet: PublishedVersion) -> None:
    plain, shrinking = (load_engine(lenet.manifest, lenet.onnx, Provider.CPU, 1, shrink=flag) for flag in (False, True))
    pixels = np.random.default_rng(0).integers(0, 256, (16, 28, 28, 1), np.uint8)
    for size in (16, 1, 16):
        assert np.array_equal(plain.classify(pixels[:size]), shrinking.classify(pixels[:size]))
