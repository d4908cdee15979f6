"""Says what was seen to hold before a version was published, as `evidence.json` keeps it."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


class Frozen(BaseModel):
    """A value: immutable, and a key it doesn't know is an error rather than a typo obeyed by being ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Parity(Frozen):
    """How far the published graph, run by the service's own engine, is from the network that was trained."""

    pictures: Annotated[int, Field(ge=1)]
    max_abs_difference: Annotated[float, Field(ge=0)]
    """Largest absolute difference of any logit."""
    tolerance: Annotated[float, Field(gt=0)]


class LabelFigures(Frozen):
    """How one label fared on the test split."""

    label: str
    pictures: Count
    correct: Count
    """Pictures of this label that were answered with it."""
    precision: Share | None = None
    """Share of right ones among the pictures answered with this label; 0 where none was."""
    recall: Share | None = None
    """Share of right ones among the pictures of this label; 0 where there are none."""
    f1: Share | None = None
    """Harmonic mean of precision and recall."""


class Calibration(Frozen):
    """Whether the probabilities mean what they say, on the test split.

    Source: C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On Calibration of Modern Neural Networks", ICML 2017.
    """

    temperature: Annotated[float, Field(gt=0)]
    """The logits are divided by it before the head; fitted on the validation split; 1: not calibrated."""
    error_before: Share
    """Expected calibration error of the test split with temperature 1, over 15 bins of equal width."""
    error: Share
    """The same with `temperature`."""


class TestFigures(Frozen):
    """The published graph on the test split, through the service's own engine."""

    __test__ = False  # pytest: not a test class

    pictures: Count
    accuracy: Share
    top_5: Share | None = None
    """Share of pictures whose label is among the five most probable; only where there are more than five labels."""
    per_label: tuple[LabelFigures, ...]
    confusion: tuple[tuple[Count, ...], ...] = ()
    """Pictures by true label (row) and answered label (column)."""
    calibration: Calibration | None = None


class Quantization(Frozen):
    """What the int8 form of the graph was measured to be worth, and whether it serves."""

    accuracy: Share
    """Of the int8 graph on the test split."""
    speedup: Annotated[float, Field(gt=0)]
    """Time of the float graph divided by the int8 graph's, side by side on the machine that published it."""
    serves: bool
    """It loses at most 0.3 points and is faster."""


class ScaledDecoding(Frozen):
    """What decoding JPEGs at a part of their size was seen to change."""

    pictures: Count
    max_change: Share
    """Of any probability of any picture."""
    changed: Count
    """Pictures that got another label."""


class Gate(Frozen):
    """A new version and the one that answered when it was published, both on the new one's test split."""

    serving: Annotated[int, Field(ge=1)]
    """The version that answered."""
    accuracy: Share
    """Of the graph that answers in the new version."""
    serving_accuracy: Share
    lost: Count = 0
    """Pictures that the serving version has right, and the new one wrong."""
    gained: Count = 0
    """Pictures that the new version has right, and the serving one wrong."""
    margin: Share
    """By how much it may be worse, as a share of the pictures."""
    held: bool
    """It is worse by more, so it doesn't answer unless it is promoted."""


class Corrections(Frozen):
    """Pictures that people had corrected answers to, which the version learnt from."""

    pictures: Count
    right: Count
    """Of them are answered with their labels now."""


class Sample(Frozen):
    """A held-out picture under `samples/`, its true label, and what the model answered when it was published."""

    file: FileName
    label: str
    predicted: str
    probability: Share


class Evidence(Frozen):
    """`evidence.json`: what was seen to hold before the version was published."""

    parity: Parity
    test: TestFigures
    quantization: Quantization | None = None
    scaled_decoding: ScaledDecoding | None = None
    corrections: Corrections | None = None
    gate: Gate | None = None
    """None: there was nothing to compare with, or nobody wanted it."""
    samples: tuple[Sample, ...]


class Exemplar(Frozen):
    """A validation picture that excites a channel, and where."""

    file: FileName
    """Under `exemplars/`: the picture as the network sees it, at most 64 pixels a side."""
    label: str
    value: float
    """The channel's largest activation on it."""
    y: Count
    x: Count
    """Where in the feature map that is; 0 where the layer has no rows and columns."""


class Exemplars(Frozen):
    """`exemplars/exemplars.json`: what each channel answers to most, of the validation split."""

    pictures: Count
    """How many validation pictures were looked at."""
    layers: Mapping[str, tuple[tuple[Exemplar, ...], ...]]
    """By layer; for each of its channels, most exciting first."""


class Epoch(Frozen):
    """What one pass over the training pictures came to."""

    epoch: Annotated[int, Field(ge=1)]
    loss: float
    """Mean over the epoch, in nats."""
    validation_accuracy: Share | None
    """None: there was no validation picture."""


class LearningRate(Frozen):
    """How large the steps were at one point of the training."""

    epoch: Annotated[float, Field(ge=0)]
    """Epochs that were done by then, and the part of the one under way."""
    rate: Annotated[float, Field(ge=0)]


class ReliabilityBin(Frozen):
    """The test pictures whose answers were about equally sure."""

    confidence: Share
    """Mean probability of their answers."""
    accuracy: Share
    """Share of right ones among them."""
    pictures: Count


class AnsweredPicture(Frozen):
    """A test picture, its true label, and what the published graph answered."""

    file: FileName
    """Under `course/`: the picture as the network sees it, at most 96 pixels a side."""
    label: str
    answered: str
    probability: Share


class Course(Frozen):
    """`course/course.json`: how the training went, and some of the test pictures that show what came of it."""

    epochs: tuple[Epoch, ...]
    learning_rates: tuple[LearningRate, ...]
    reliability_before: tuple[ReliabilityBin, ...]
    """With temperature 1, least sure first."""
    reliability: tuple[ReliabilityBin, ...]
    """With the temperature that the published graph has."""
    pictures: tuple[AnsweredPicture, ...]
    """Wrong answers, the surest first, then right ones, the least sure first; some of each kind."""
