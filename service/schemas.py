"""Says what the API answers: one pydantic model per JSON document, the source of the OpenAPI schema."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

from service.contract import DatasetRecord, Frame, ImportRecord, PictureInput, TrainingRecord
from service.evidence import Parity, Quantization, TestFigures
from service.feedback.archive import Outcome
from service.inspection.layer import Kind, Layer
from service.life import Phase


class Answer(BaseModel):
    """Base of the answers: built once, never changed."""

    model_config = ConfigDict(frozen=True)


class Problem(Answer):
    """Why a request was refused, as RFC 9457 `application/problem+json`."""

    type: str = Field(default="about:blank", description="always about:blank: `code` tells the problems apart")
    title: str
    status: int
    detail: str = Field(description="what happened and what to do")
    code: str = Field(description="stable, for programs", examples=["damaged_picture"])
    request_id: str | None = Field(default=None, description="as in X-Request-ID and in the service's log")


class Prediction(Answer):
    """One label and how probable the network finds it."""

    label: str
    index: int = Field(description="position among the model's labels")
    probability: float


class Predictions(Answer):
    """The most probable labels, most probable first."""

    model: str
    version: int
    predictions: list[Prediction]


class ModelDescription(Answer):
    """What a served model is and where it came from."""

    name: str
    version: int = Field(description="the version that this description is of, and that answers")
    versions: list[int] = Field(description="all versions that are served, oldest first")
    pinned: int | None = Field(description="the version that was promoted, or null: the latest answers")
    held: list[int] = Field(description="versions that were found worse, and don't answer unless they are promoted")
    description: str
    labels: list[str]
    input: PictureInput
    head: str = Field(description="softmax: one label is true; sigmoid: each label on its own")
    parameters: int
    metrics: Mapping[str, float]
    provider: str = Field(description="what runs it: cpu or cuda")
    threads: int = Field(description="of the arithmetic inside one run")
    inline: bool = Field(description="the event loop runs it itself: handing a run to a thread would take longer")
    seconds: float = Field(description="that a run with one picture took when it was loaded")
    created: str = Field(description="when it was published, ISO 8601")
    dataset: DatasetRecord | None
    training: TrainingRecord | None
    imported: ImportRecord | None
    parity: Parity
    test: TestFigures
    quantization: Quantization | None = Field(description="what 8-bit numbers were worth, where they were tried")
    int8: bool = Field(description="what answers is the graph in 8-bit numbers; the one that is looked into is not")
    film: list[Frame] = Field(description="points of its training that were kept, oldest first")
    samples: int = Field(description="how many sample pictures it has")
    report: bool = Field(description="it has a training report, at …/report")
    exemplars: bool = Field(
        description="it has pictures of what excites its channels, at …/exemplars/{layer}/{channel}"
    )
    feedback: bool = Field(description="pictures that were answered wrongly are taken, at …/feedback")


class RefusedVersion(Answer):
    """A version in the models folder that is not served, and why."""

    name: str
    version: str
    code: str
    detail: str


class Models(Answer):
    """All models that are served, by name, and all versions that can't be."""

    provider: str
    models: list[ModelDescription]
    refused: list[RefusedVersion]


class Answering(Answer):
    """Which version of a model answers."""

    model: str
    version: int = Field(description="the version that answers")
    versions: list[int] = Field(description="all that can be asked by number, oldest first")
    pinned: int | None = Field(description="the version that was promoted, or null: the latest answers")
    held: list[int] = Field(description="versions that were found worse, and don't answer unless they are promoted")


class SamplePicture(Answer):
    """A held-out picture to try the model on."""

    file: str = Field(description="fetch it at …/samples/{file}")
    label: str = Field(description="what it shows")


class Samples(Answer):
    """The sample pictures of one version."""

    model: str
    version: int
    samples: list[SamplePicture]


class ExemplarPicture(Answer):
    """A validation picture that excites a channel, and where."""

    url: str = Field(description="path of the picture as the network sees it, at most 64 pixels a side")
    label: str = Field(description="what it shows")
    value: float = Field(description="the channel's largest activation on it")
    y: int = Field(description="row of that value in the feature map; 0 where the layer has none")
    x: int = Field(description="its column, likewise")


class ChannelExemplars(Answer):
    """The validation pictures that excite a channel most, most exciting first; none where nothing does."""

    model: str
    version: int
    layer: str
    channel: int
    pictures: int = Field(description="how many validation pictures were looked at")
    exemplars: list[ExemplarPicture]


class LayerTotals(Answer):
    """Sums over all layers."""

    parameters: int
    macs: int


class Layers(Answer):
    """The layer table, in the order of computation."""

    model: str
    version: int
    layers: list[Layer]
    totals: LayerTotals


class Statistics(Answer):
    """Numbers about one layer's output for one picture."""

    minimum: float
    maximum: float
    mean: float
    standard_deviation: float
    zero_share: float = Field(description="share of values that are exactly 0")
    dead_channels: int = Field(description="channels of which every value is exactly 0")


class LayerActivation(Answer):
    """One layer's output for one picture."""

    name: str
    kind: Kind
    shape: list[int] = Field(description="without the batch dimension, channels first")
    statistics: Statistics
    values: list[object] | None = Field(description="nested lists of `shape`; null when values=false")


class Activations(Answer):
    """What every asked-for layer computed."""

    model: str
    version: int
    layers: list[LayerActivation]


class KeptPicture(Answer):
    """What became of a picture that was given with its true label."""

    model: str
    version: int
    label: str = Field(description="what the picture shows, as was said")
    predicted: str = Field(description="what the version answers to it")
    probability: float = Field(description="of that answer")
    outcome: Outcome = Field(
        description="kept; moved: it had been kept with another label; known: it had been kept with this one"
    )


class KeptPictures(Answer):
    """How many pictures are kept of a model, to learn from."""

    model: str
    version: int
    pictures: int
    labels: Mapping[str, int] = Field(description="pictures by label, in the order of the model's labels")


class StepOutcome(Answer):
    """What one step of the workbench made."""

    kind: str
    shape: list[int] = Field(description="channels, height, width")
    parameters: int = Field(description="weights and biases")
    statistics: Statistics
    values: list[object] | None = Field(description="nested lists of `shape`; null when values=false")


class Workbench(Answer):
    """What every step made of the picture."""

    input_shape: list[int] = Field(description="channels, height, width of the picture, its values from 0 to 1")
    steps: list[StepOutcome]


class Pixels(Answer):
    """The exact pixels that the network saw."""

    model: str
    version: int
    shape: list[int] = Field(description="height, width, channels")
    values: list[object] = Field(description="nested lists of `shape`, 0 to 255")


class Liveness(Answer):
    """The process answers."""

    live: bool


class Readiness(Answer):
    """Whether requests are wanted now, and how many models there are."""

    ready: bool
    phase: Phase
    models: int
