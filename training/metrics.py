"""Turns the figures of steps and epochs into `metrics.jsonl`, a line each, and into TensorBoard's event files."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from training.checkpoint import write_atomically
from training.errors import CheckpointFailed
from training.progress import EpochFigures, StepFigures


class Metrics:
    """The log of a run; use it as a context.

    A resumed run takes back the lines of steps that it will repeat.

    Raises:
        CheckpointFailed: the disk doesn't take it.
    """

    def __init__(self, path: Path, *, after_step: int, tensorboard: bool) -> None:
        if path.exists():
            kept = [line for line in read_metrics(path) if line["step"] <= after_step]
            write_atomically(path, "".join(json.dumps(line) + "\n" for line in kept).encode())
        self._path = path
        self._file = path.open("a", encoding="utf-8")
        self._events = _open_events(path.parent, after_step) if tensorboard else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._events is not None:
            self._events.close()
        self._file.close()

    def step(self, figures: StepFigures) -> None:
        """Log a step."""
        self._write({
            "step": figures.step,
            "epoch": figures.epoch,
            "loss": figures.loss,
            "learning_rate": figures.learning_rate,
            "pictures_per_second": round(figures.pictures_per_second, 1),
            "data_wait": round(figures.data_wait, 4),
        })  # fmt: skip
        if self._events is not None:
            self._events.add_scalar("loss/step", figures.loss, figures.step)
            self._events.add_scalar("learning_rate", figures.learning_rate, figures.step)

    def epoch(self, figures: EpochFigures) -> None:
        """Log an epoch, and see to it that all up to here is on the disk."""
        self._write({"step": figures.step, "epoch": figures.epoch, "epoch_loss": figures.loss,
                     "validation_accuracy": figures.validation_accuracy})  # fmt: skip
        if self._events is not None:
            self._events.add_scalar("loss/epoch", figures.loss, figures.step)
            self._events.add_scalar("accuracy/validation", figures.validation_accuracy, figures.step)
        self.flush()

    def flush(self) -> None:
        """Hand all lines to the operating system."""
        try:
            self._file.flush()
        except OSError as error:
            raise CheckpointFailed(f"{self._path} can't be written: {error.strerror}") from error

    def _write(self, line: dict[str, object]) -> None:
        try:
            self._file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise CheckpointFailed(f"{self._path} can't be written: {error.strerror}") from error


def read_metrics(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a log; a last one that was cut off by a crash is left out."""
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            return


def _open_events(folder: Path, after_step: int) -> Any:  # noqa: ANN401 - tensorboardX has no types
    from tensorboardX import SummaryWriter  # noqa: PLC0415 - takes half a second, and few ask for it

    return SummaryWriter(str(folder / "tensorboard"), purge_step=after_step + 1)
