"""A run that is stopped anywhere and resumed ends with the weights of one that never was."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from service.published import read_version
from training.checkpoint import read_checkpoint
from training.errors import NothingToResume
from training.metrics import read_metrics
from training.recipes import RECIPES
from training.runs import check_same, find_run

SETTINGS = [
    "--epochs", "8", "--ema", "0.9", "--rotation", "10", "--shift", "0.05", "--mixup", "0.1", "--clip-norm", "2",
]  # fmt: skip


def command(folder: Path, *options: str) -> list[str]:
    return [
        sys.executable, "-m", "training", "ticks", "--models", str(folder / "models"), "--runs", str(folder / "runs"),
        "--keep-checkpoints", "0", *options,
    ]  # fmt: skip


def train(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(folder, *options), capture_output=True, text=True, check=False, timeout=300)


def digest_weights(folder: Path) -> str:
    version = read_version(folder / "models" / "ticks" / "1")
    state = read_checkpoint(folder / "runs" / "ticks" / "1" / "checkpoint.safetensors").tensors
    digest = hashlib.sha256(version.onnx)
    for name in sorted(state):
        digest.update(state[name].numpy().tobytes())
    return digest.hexdigest()


def steps_done(folder: Path) -> int:
    log = folder / "runs" / "ticks" / "1" / "metrics.jsonl"
    return len(log.read_text().splitlines()) if log.exists() else 0


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    done = train(folder, *SETTINGS)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize(("number", "ending"), [(signal.SIGKILL, -9), (signal.SIGINT, 130), (signal.SIGTERM, 130)])
def test_the_weights_are_bit_identical(undisturbed: Path, tmp_path: Path, number: signal.Signals, ending: int) -> None:
    """Killed twice, each time at any step; without a checkpoint every few steps, so most of an epoch is repeated."""
    chance = random.Random(number)  # noqa: S311 - no secret
    extra = SETTINGS if number == signal.SIGKILL else [*SETTINGS, "--checkpoint-steps", "37"]
    for attempt in range(2):
        process = subprocess.Popen(
            command(tmp_path, *(["--resume"] if attempt else extra)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        until = steps_done(tmp_path) + chance.randint(1, 90)
        while process.poll() is None and steps_done(tmp_path) < until:
            time.sleep(0.002)
        process.send_signal(number)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == ending, output
        if number != signal.SIGKILL:
            assert "--resume" in output
    assert not (tmp_path / "models" / "ticks").exists()
    done = train(tmp_path, "--resume")
    assert done.returncode == 0, done.stderr
    assert digest_weights(tmp_path) == digest_weights(undisturbed)
    logged, expected = (
        [(line["step"], line.get("loss")) for line in read_metrics(folder / "runs/ticks/1/metrics.jsonl")]
        for folder in (tmp_path, undisturbed)
    )
    assert logged == expected, "and so are the losses of all steps, each logged once"


def test_a_run_goes_on_only_as_it_began(tmp_path: Path) -> None:
    done = train(tmp_path, "--resume")
    assert done.returncode == 1
    assert "there is no run of 'ticks'" in done.stderr
    done = train(tmp_path, "--epochs", "1", "--threads", "1")
    assert done.returncode == 0, done.stderr
    assert "is finished: its result is published" in train(tmp_path, "--resume").stderr
    (tmp_path / "runs" / "ticks" / "1" / "published.json").unlink()
    assert "epochs = 1, not 3" in train(tmp_path, "--resume", "--epochs", "3").stderr
    assert "data = None, not" in train(tmp_path, "--resume", "--data", str(tmp_path)).stderr
    assert train(tmp_path, "--resume", "--epochs", "1").returncode == 0
    assert len(list((tmp_path / "runs" / "ticks").iterdir())) == 1


def test_a_broken_checkpoint_is_named(tmp_path: Path) -> None:
    assert train(tmp_path, "--epochs", "1", "--threads", "1").returncode == 0
    run = tmp_path / "runs" / "ticks" / "1"
    (run / "published.json").unlink()
    (run / "checkpoint.safetensors").write_bytes(b"no checkpoint")
    done = train(tmp_path, "--resume")
    assert done.returncode == 1
    assert "checkpoint.safetensors can't be read" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_newest_run_is_the_one_to_resume(tmp_path: Path) -> None:
    for number in (2, 10, 9):
        (tmp_path / "ticks" / str(number)).mkdir(parents=True)
    assert find_run(tmp_path, "ticks").path.name == "10"


def test_a_path_that_is_given_again_is_the_same_path(tmp_path: Path) -> None:
    config = RECIPES["digits"](1).model_copy(update={"data": tmp_path})
    check_same({"data": tmp_path, "rotation": 12.0}, config)
    with pytest.raises(NothingToResume, match=f"started with data = {tmp_path}, not {tmp_path / 'other'}"):
        check_same({"data": tmp_path / "other"}, config)
