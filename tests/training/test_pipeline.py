"""One command from pictures to a published version, or to nothing at all."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from service.contract import PictureInput
from service.engine import Provider, load_engine
from service.errors import PublishFailed
from service.published import read_version
from tests.conftest import ROOT
from tests.published import manifest
from tests.training.conftest import Recorder
from training.config import TrainingConfig
from training.data.dataset import Dataset
from training.errors import ParityFailed
from training.export import ExportedGraph, export
from training.folders import Folders
from training.parity import check_parity
from training.pipeline import build, run
from training.result import Result
from training.serving_graph import ServingGraph


def train_ticks(config: TrainingConfig, dataset: Dataset, models: Path, recorder: Recorder | None = None) -> Result:
    folders = Folders(models, models.parent / f"{models.name}-runs")
    result = run(config, "convscope train ticks", folders, recorder or Recorder(), load=lambda _: dataset)
    assert result is not None
    return result


def test_a_run_publishes_a_version_that_can_be_served(config: TrainingConfig, ticks: Dataset, tmp_path: Path) -> None:
    result = train_ticks(config, ticks, tmp_path)
    version = read_version(result.folder)
    assert version.folder == tmp_path / "ticks" / "1"
    assert version.manifest == result.manifest
    assert version.manifest.metrics["accuracy"] == version.evidence.test.accuracy >= 0.97
    assert b"<html" in (result.folder / "report.html").read_bytes()
    assert (result.folder / "exemplars" / "exemplars.json").is_file()
    assert version.manifest.onnx.parameters == 296
    assert version.manifest.dataset is not None
    assert version.manifest.dataset.counts == {"train": 600, "validation": 100, "test": 300}
    assert version.manifest.dataset.fingerprint == ticks.fingerprint()
    assert version.evidence.parity.pictures >= 256
    assert [sample.label for sample in version.evidence.samples] == ["tick", "cross"] * 5
    assert sum(figures.pictures for figures in version.evidence.test.per_label) == 300
    recorder = Recorder()
    assert train_ticks(config, ticks, tmp_path, recorder).folder.name == "2"
    assert recorder.stages == [
        "collecting pictures", "training", "exporting and proving", "evaluating", "explaining", "publishing",
    ]  # fmt: skip


def test_the_same_command_gives_the_same_file(config: TrainingConfig, ticks: Dataset, tmp_path: Path) -> None:
    first, second = (train_ticks(config, ticks, tmp_path).manifest.onnx.sha256 for _ in range(2))
    assert first == second


def test_an_untrained_network_can_be_published(config: TrainingConfig, ticks: Dataset, tmp_path: Path) -> None:
    result = train_ticks(config.model_copy(update={"epochs": 0}), ticks, tmp_path)
    assert result.manifest.training is not None
    assert result.manifest.training.epochs == 0


def test_a_graph_that_is_not_the_network_is_never_published(
    config: TrainingConfig, ticks: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def export_wrongly(graph: ServingGraph, spec: PictureInput) -> ExportedGraph:
        exported = export(graph, spec)
        model = onnx.load_model_from_string(exported.onnx)
        bias = next(tensor for tensor in model.graph.initializer if tensor.name == "dense.bias")
        bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + np.float32(0.01), bias.name))
        return ExportedGraph(model.SerializeToString(), exported.opset)

    monkeypatch.setattr("training.version.export", export_wrongly)
    with pytest.raises(ParityFailed, match="nothing was published"):
        train_ticks(config, ticks, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_logits_that_are_no_numbers_fail_parity(config: TrainingConfig, ticks: Dataset) -> None:
    graph = build(ticks, config)
    exported = export(graph, ticks.input)
    contract = manifest(exported.onnx, labels=ticks.labels).model_copy(update={"input": ticks.input})
    engine = load_engine(contract, exported.onnx, Provider.CPU, 1)
    check_parity(graph, engine, ticks)
    graph.network.get_parameter("dense.bias").data.fill_(float("nan"))
    with pytest.raises(ParityFailed):
        check_parity(graph, engine, ticks)


def test_a_full_disk_publishes_nothing(config: TrainingConfig, ticks: Dataset, tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(full)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        with pytest.raises(PublishFailed, match="No space left on device"):
            train_ticks(config.model_copy(update={"epochs": 1}), ticks, full)
        assert [path.name for path in full.iterdir()] == [".lock"]
    finally:
        subprocess.run(["umount", str(full)], check=True)


def test_a_folder_that_cant_be_written_is_told_before_the_training(
    config: TrainingConfig, ticks: Dataset, tmp_path: Path
) -> None:
    (tmp_path / "models").write_text("a file")
    recorder = Recorder()
    with pytest.raises(PublishFailed, match="nothing can be published"):
        train_ticks(config, ticks, tmp_path / "models", recorder)
    assert recorder.stages == []


def command(folder: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "training", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT), **environment},
    )


def test_the_command_says_what_it_did_and_what_to_do_next(tmp_path: Path) -> None:
    process = command(tmp_path, "ticks", "--models", str(tmp_path / "models"), "--epochs", "2", "--seed", "3")
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert "epoch 2/2" in said
    assert re.search(r"published .*ticks/1\n +\d+\.\d\d% of 1,000 test pictures right", said)
    assert "make run" in said
    assert "Warning" not in said
    training = read_version(tmp_path / "models" / "ticks" / "1").manifest.training
    assert training is not None
    assert training.command == "convscope train ticks --epochs 2 --seed 3"
    assert str(tmp_path) not in (tmp_path / "models" / "ticks" / "1" / "manifest.json").read_text()


def test_ctrl_c_publishes_nothing(tmp_path: Path) -> None:
    process = command(tmp_path, "ticks", "--models", str(tmp_path / "models"), "--epochs", "500")
    assert process.stdout is not None
    while "epoch 2/" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert re.search(r"stopped after step \d+ of 31,500; nothing was published. Go on with .* --resume", said)
    assert list((tmp_path / "models").iterdir()) == []


def test_missing_data_is_one_clear_line(tmp_path: Path) -> None:
    process = command(tmp_path, "digits", "--data", str(tmp_path))
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said.strip().splitlines()[-1] == f"convscope: {tmp_path}/train-images-idx3-ubyte.gz is missing"


def test_an_unknown_option_or_recipe_is_refused(tmp_path: Path) -> None:
    for arguments in (["ticks", "--epoch", "3"], ["dogs"], ["ticks", "--epochs", "-1"]):
        process = command(tmp_path, *arguments)
        process.communicate(timeout=60)
        assert process.returncode == 2


def test_help_does_not_wait_for_pytorch(tmp_path: Path) -> None:
    started = time.monotonic()
    said, _ = command(tmp_path, "--help").communicate(timeout=60)
    assert "--learning-rate" in said
    program = "import sys, training.__main__; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
    assert time.monotonic() - started < 60


def test_without_pytorch_the_command_says_what_to_install() -> None:
    program = "import sys; sys.modules['torch'] = None; from training.__main__ import main; main()"
    ended = subprocess.run([sys.executable, "-c", program], check=False, timeout=60, capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stderr.strip() == (
        "convscope: training needs torch, which isn't installed: pip install 'convscope[cpu,training]'"
    )
