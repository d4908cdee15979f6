"""Turns file.py:Class, a network of the user's own, into what builds it, and checks what was built."""

import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn

from training.errors import NetworkRefused

Build = Callable[[int, int, int, int], nn.Module]
"""(channels, height, width, outputs) -> an untrained network, (n, channels, height, width) -> (n, outputs) logits."""

_MEANING = {
    "channels": "channels", "in_channels": "channels", "height": "height", "width": "width",
    "outputs": "outputs", "labels": "outputs", "num_classes": "outputs",
}  # fmt: skip
"""What an argument of a class or function of the user's own is given, by the names that people use."""


def is_own(name: str) -> bool:
    """Whether a network's name is that of a Python file, with a class or without."""
    return name.endswith(".py") or ".py:" in name


def load_own(name: str) -> Build:
    """Run the user's file and give back what builds its network, which may take any of these arguments or none.

    `channels` or `in_channels`; `height`; `width`; `outputs`, `labels` or `num_classes`: each a number.

    Args:
        name: `path/to/file.py:Class`; a function that gives a network does as well.

    Raises:
        NetworkRefused: there is no such file, it fails, or it has nothing of that name that could be called. What is
            given back raises it too, see `check_network`.
    """
    file, separator, attribute = name.rpartition(":")
    if not separator or not attribute:
        raise NetworkRefused(f"{name!r} names a file but no class in it: write path/to/file.py:Class")
    make = getattr(_load_file(Path(file)), attribute, None)
    if make is None:
        raise NetworkRefused(f"{file} has nothing called {attribute!r}")
    if isinstance(make, nn.Module) or not callable(make):
        raise NetworkRefused(f"{attribute!r} in {file} is neither a class nor a function that gives a network")

    def build(channels: int, height: int, width: int, outputs: int) -> nn.Module:
        sizes = {"channels": channels, "height": height, "width": width, "outputs": outputs}
        try:
            network = make(**_arguments(make, name, sizes))
        except NetworkRefused:
            raise
        except Exception as error:  # any, for it is the user's program
            raise NetworkRefused(f"{name} failed while it was built: {_line(error)}") from error
        if not isinstance(network, nn.Module):
            raise NetworkRefused(f"{name} gave a {type(network).__name__}, not a torch.nn.Module")
        check_network(network, channels, height, width, outputs)
        return network

    return build


def check_network(network: nn.Module, channels: int, height: int, width: int, outputs: int) -> None:
    """Run two empty pictures through a network, as it would answer.

    Raises:
        NetworkRefused: it fails, or what it gives isn't one logit for each output and picture.
    """
    name = type(network).__name__
    was_training = network.training
    network.eval()
    try:
        with torch.no_grad():
            logits: object = network(torch.zeros(2, channels, height, width))
    except Exception as error:
        raise NetworkRefused(
            f"{name} failed on a picture of {channels} × {height} × {width}: {_line(error)}"
        ) from error
    finally:
        network.train(was_training)
    if not isinstance(logits, Tensor):
        raise NetworkRefused(f"{name} gives a {type(logits).__name__}, not a tensor of logits")
    if logits.shape != (2, outputs):
        raise NetworkRefused(
            f"{name} gives {tuple(logits.shape)} for two pictures, but (2, {outputs}) is needed:"
            " a logit for each output and picture"
        )


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise NetworkRefused(f"there is no file {path}")
    name = f"own_network_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise NetworkRefused(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look for the module that they are defined in
    try:
        with _importable(path.resolve().parent):
            spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise NetworkRefused(f"{path} can't be loaded: {_line(error)}") from error
    return module


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Lets a file import its neighbours, as it could if it were run."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        with suppress(ValueError):  # the file may have put the path in order itself
            sys.path.remove(str(folder))


def _arguments(make: Callable[..., object], name: str, sizes: dict[str, int]) -> dict[str, int]:
    """Those of the sizes that a class or function asks for, by its own names for them."""
    arguments: dict[str, int] = {}
    for parameter in inspect.signature(make).parameters.values():
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            continue
        if parameter.name in _MEANING:
            arguments[parameter.name] = sizes[_MEANING[parameter.name]]
        elif parameter.default is parameter.empty:
            raise NetworkRefused(
                f"{name} wants an argument {parameter.name!r}, which has no default; known are {', '.join(_MEANING)}"
            )
    return arguments


def _line(error: Exception) -> str:
    """What went wrong, in one line."""
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
