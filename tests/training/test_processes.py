"""Several processes that share the work learn what one process learns with their batches in one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

COMMON = [
    "--epochs", "2", "--precision", "float32", "--threads", "1", "--rotation", "10", "--shift", "0.05",
    "--cutout", "0.2", "--keep-checkpoints", "0",
    "--optimizer", "sgd", "--learning-rate", "0.05",
]  # fmt: skip


def start(folder: Path, launcher: list[str], *options: str) -> dict[str, torch.Tensor]:
    command = [
        sys.executable, "-m", *launcher, "ticks", "--models", str(folder / "models"), "--runs", str(folder / "runs"),
        *COMMON, *options,
    ]  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert [version.name for version in (folder / "models" / "ticks").iterdir()] == ["1"]
    return load_file(folder / "runs" / "ticks" / "1" / "checkpoint.safetensors")


def test_two_processes_equal_one_with_the_double_batch(tmp_path: Path) -> None:
    alone = start(tmp_path / "one", ["training"], "--batch-size", "64")
    torchrun = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "training"]
    together = start(tmp_path / "two", torchrun, "--batch-size", "32")
    assert alone.keys() == together.keys()
    for name, value in alone.items():
        assert together[name].numpy() == pytest.approx(value.numpy(), rel=1e-3, abs=1e-3), name
