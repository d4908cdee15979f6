"""Turns what a command has to say into lines on the terminal, and a missing PyTorch into one of them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from training.errors import TrainingUnavailable

console = Console(highlight=False, soft_wrap=True)


@contextmanager
def needing_pytorch() -> Iterator[None]:
    """Import what needs PyTorch in here.

    Raises:
        TrainingUnavailable: something isn't installed.
    """
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    try:
        yield
    except ModuleNotFoundError as error:
        raise TrainingUnavailable(
            f"training needs {error.name}, which isn't installed: pip install 'convscope[cpu,training]'"
        ) from error
