"""Turns the state of a run after a step into one file, whole or not at all, and back.

The file is in the safetensors format: tensors and text, nothing that could be executed when it is read.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from training.errors import CheckpointFailed

_ABOUT = "about"
"""Key of the file's text."""


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run."""

    tensors: Mapping[str, Tensor]
    about: Mapping[str, object]
    """All that is no tensor, as JSON can write it."""


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Replace the file atomically: whoever reads it finds the old state or the new one.

    Raises:
        CheckpointFailed: the disk doesn't take it; the old file is untouched.
    """
    tensors = {name: tensor.detach().to("cpu").contiguous() for name, tensor in checkpoint.tensors.items()}
    content = save(tensors, {_ABOUT: json.dumps(checkpoint.about)})
    write_atomically(path, content)


def read_checkpoint(path: Path) -> Checkpoint:
    """Read what `write_checkpoint` wrote.

    Raises:
        CheckpointFailed: it can't be read.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - the file is no dict
            about = json.loads(file.metadata()[_ABOUT])
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise CheckpointFailed(f"the checkpoint {path} can't be read: {error}") from error
    return Checkpoint(tensors, about)


def write_atomically(path: Path, content: bytes) -> None:
    """Write beside, flush to the disk, rename.

    Raises:
        CheckpointFailed: the disk doesn't take it.
    """
    staged = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with staged.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(path)
    except OSError as error:
        staged.unlink(missing_ok=True)
        raise CheckpointFailed(
            f"{path} can't be written: {error.strerror}; what was there before is untouched"
        ) from error


def pack_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's own numbers as named tensors."""
    state = optimizer.state_dict()["state"]
    return {f"optimizer.{index}.{key}": value for index, values in state.items() for key, value in values.items()}


def unpack_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give a fresh optimiser the numbers that `pack_optimizer` took."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".", 2)
            state.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
