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
    """Learnt, by all processes; the validation isn't counted."""
    step: int
    """The last of the epoch, counted from 1."""
    data_wait: float
    """Share of the time that was spent on waiting for pictures and varying them."""


@dataclass(frozen=True)
class StepFigures:
    """What one batch came to."""

    step: int
    """Counted from 1."""
    epoch: int
    """Counted from 1."""
    loss: float
    """Mean cross-entropy over the batch, in nats."""
    learning_rate: float
    pictures_per_second: float
    data_wait: float
    """Share of the step's time that was spent on waiting for pictures and varying them."""


class Listener(Protocol):
    """What the training loop tells of itself; the loop knows no terminal."""

    def stage(self, name: str) -> None:
        """The run has come to another stage."""

    def tell(self, line: str) -> None:
        """Something that people should know."""

    def begin(self, steps: int, done: int) -> None:
        """The training takes so many batches; a resumed one has done some of them."""

    def step(self, figures: StepFigures) -> None:
        """A batch is done."""

    def epoch(self, figures: EpochFigures) -> None:
        """An epoch is done."""


def count(number: int, noun: str) -> str:
    """`1 picture`, `2 pictures`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


class Silence:
    """Listens and says nothing."""

    def stage(self, name: str) -> None:
        """Nothing."""

    def tell(self, line: str) -> None:
        """Nothing."""

    def begin(self, steps: int, done: int) -> None:
        """Nothing."""

    def step(self, figures: StepFigures) -> None:
        """Nothing."""

    def epoch(self, figures: EpochFigures) -> None:
        """Nothing."""


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

    def tell(self, line: str) -> None:
        """Write it above the bar."""
        self._console.print(line, style="yellow", markup=False)

    def begin(self, steps: int, done: int) -> None:
        """Set the bar's end."""
        self._bar.update(self._task, total=steps, completed=done)

    def step(self, figures: StepFigures) -> None:
        """Move the bar on."""
        about = f"training  {figures.pictures_per_second:,.0f} pictures/s  loss {figures.loss:.3f}"
        self._bar.update(self._task, advance=1, description=about)

    def epoch(self, figures: EpochFigures) -> None:
        """Write a line."""
        self._console.print(
            f"epoch {figures.epoch}/{figures.epochs}   loss {figures.loss:.4f}"
            f"   validation {figures.validation_accuracy:.2%}   {figures.pictures_per_second:,.0f} pictures/s"
            f"   waited for data {figures.data_wait:.0%}",
            highlight=False,
        )
