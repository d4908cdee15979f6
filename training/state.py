"""Says how far a run has come, and turns its last checkpoint back into that."""

from dataclasses import asdict, dataclass, field
from typing import Any, cast

from torch import Tensor

from training.checkpoint import read_checkpoint
from training.learner import Learner, take
from training.progress import EpochFigures
from training.runs import RunFolder


@dataclass
class State:
    """How far a run has come."""

    step: int = 0
    """Batches learnt."""
    epochs: list[EpochFigures] = field(default_factory=list)
    """Those that are over."""
    loss: float = 0.0
    """Sum of the losses of the epoch's batches so far, in nats x pictures."""
    best: float = -1.0
    """Validation accuracy of the best epoch, with patience only."""
    seconds: float = 0.0
    """Spent on training so far, in all sittings."""
    best_weights: dict[str, Tensor] = field(default_factory=dict)

    def about(self) -> dict[str, object]:
        """What is no tensor, for a checkpoint."""
        return {
            "step": self.step,
            "epochs": [asdict(figures) for figures in self.epochs],
            "loss": self.loss,
            "best": self.best,
            "seconds": self.seconds,
        }


def restore(learner: Learner, folder: RunFolder) -> State:
    """The state of the run's last checkpoint, put into the learner; a new one where there is none."""
    if not folder.checkpoint.exists():
        return State()
    checkpoint = read_checkpoint(folder.checkpoint)
    learner.unpack(checkpoint.tensors)
    about = cast("dict[str, Any]", checkpoint.about)
    return State(
        step=about["step"],
        epochs=[EpochFigures(**figures) for figures in about["epochs"]],
        loss=about["loss"],
        best=about["best"],
        seconds=about["seconds"],
        best_weights=take(checkpoint.tensors, "best."),
    )
