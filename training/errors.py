"""Names the ways a training run can fail, as branches of the service's tree of errors."""

from service.errors import ConvscopeError


class TrainingUnavailable(ConvscopeError):
    """What training needs isn't installed."""

    code = "training_unavailable"
    title = "Training unavailable"


class DatasetUnavailable(ConvscopeError):
    """The pictures can't be had: no network, a broken download, a file that isn't what it should be."""

    code = "dataset_unavailable"
    title = "Data set unavailable"


class TrainingDiverged(ConvscopeError):
    """The loss is no number any more."""

    code = "training_diverged"
    title = "Training diverged"


class ParityFailed(ConvscopeError):
    """The exported graph doesn't compute what the trained network computes; nothing was published."""

    code = "parity_failed"
    title = "Parity failed"


class TrainingStopped(ConvscopeError):
    """Somebody stopped the run; a checkpoint of its last step is kept."""

    code = "training_stopped"
    title = "Training stopped"


class CheckpointFailed(ConvscopeError):
    """The state of a run can't be written, or what was written can't be read."""

    code = "checkpoint_failed"
    title = "Checkpoint failed"


class NothingToResume(ConvscopeError):
    """There is no run that could go on as asked."""

    code = "nothing_to_resume"
    title = "Nothing to resume"


class NetworkRefused(ConvscopeError):
    """The network isn't known, can't be built for these pictures, or is no classifier of them."""

    code = "network_refused"
    title = "Network refused"
