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
