"""Turns the events of a training run into a progress bar, or into plain lines where nobody watches a terminal."""

from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


@dataclass(frozen=True)
class EpochFigures:
    """What one pass over the training pictures came to."""

    epoch: int
    """Counted from 1."""
    epochs: int
    loss: float
    """Mean cross-entropy over the epoch, in nats."""
    validation_accuracy: float
    pictures_per_second: float


class Listener(Protocol):
    """What the training loop tells of itself; the loop knows no terminal."""

    def stage(self, name: str) -> None:
        """The run has come to another stage."""

    def begin(self, steps: int) -> None:
        """The training will take so many batches."""

    def step(self) -> None:
        """A batch is done."""

    def epoch(self, figures: EpochFigures) -> None:
        """An epoch is done."""


class ConsoleProgress:
    """A bar with the time that is left, a line an epoch above it; use it as a context."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            TextColumn("left"), TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal,
        )  # fmt: skip
        self._task = self._bar.add_task("starting", total=None)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._bar.stop()

    def stage(self, name: str) -> None:
        """Name what is being done; how long it takes isn't known until `begin`."""
        self._bar.remove_task(self._task)
        self._task = self._bar.add_task(name, total=None)

    def begin(self, steps: int) -> None:
        """Set the bar's end."""
        self._bar.update(self._task, total=steps)

    def step(self) -> None:
        """Move the bar on."""
        self._bar.advance(self._task)

    def epoch(self, figures: EpochFigures) -> None:
        """Write a line."""
        self._console.print(
            f"epoch {figures.epoch}/{figures.epochs}   loss {figures.loss:.4f}"
            f"   validation {figures.validation_accuracy:.2%}   {figures.pictures_per_second:,.0f} pictures/s",
            highlight=False,
        )
