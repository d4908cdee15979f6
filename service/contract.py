"""Says what a published model is: the files of `models/<name>/<version>/`, and what its manifest may hold.

A version is a folder of four things, written once and never changed:

    model.onnx      `pixels`, uint8 (n, h, w, c) -> `logits` and `probabilities`, both float32 (n, K);
                    scaling, mean/std, transposing and the softmax or sigmoid are inside the graph
    manifest.json   what the graph can't say: the labels in order, how a picture becomes (h, w, c) pixels, the head
    evidence.json   why it may be trusted: parity with the network it came from, test figures, the samples' answers
    samples/        a few held-out pictures

and of what some versions have besides:

    model.int8.onnx the same graph with 8-bit weights and activations; it answers, `model.onnx` is looked into
    report.html     how the training went and what the test split showed, for people
    film/           the graph at points of its training, oldest first
    exemplars/      for each channel the validation pictures that excite it most: exemplars.json and small pictures

The folder's two names are the model's name and its version; the manifest repeats the name only so that a copied
folder can't pass for another model. No fact in here stands anywhere else in the program.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from service.evidence import Count, FileName, Frozen, Share

CONTRACT: Literal[1] = 1
"""The contract that this code reads and writes; the number grows when an older reader would misread a manifest."""

MODEL_FILE = "model.onnx"
MANIFEST_FILE = "manifest.json"
EVIDENCE_FILE = "evidence.json"
SAMPLES_FOLDER = "samples"
INT8_FILE = "model.int8.onnx"
REPORT_FILE = "report.html"
FILM_FOLDER = "film"
EXEMPLARS_FOLDER = "exemplars"
EXEMPLARS_FILE = "exemplars.json"
COURSE_FOLDER = "course"
COURSE_FILE = "course.json"

PIXELS = "pixels"
"""The graph's only input: uint8 (n, h, w, c)."""
LOGITS = "logits"
"""Output: float32 (n, K), before the head."""
PROBABILITIES = "probabilities"
"""Output: float32 (n, K), after the head."""

MOST_PIXELS = 2**24
"""Height times width of what a graph takes, at most: a picture of 4096 x 4096. Beyond it lies only damage."""

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Stretch(Frozen):
    """Resize to the input's size, whatever that does to the proportions."""

    kind: Literal["stretch"] = "stretch"


class CenterCrop(Frozen):
    """Resize until the shorter side fits, then cut the middle out: proportions kept, margins lost."""

    kind: Literal["center-crop"] = "center-crop"


class MnistForm(Frozen):
    """MNIST's own normalisation: light ink on black, fitted into a square box, its centre of mass in the middle.

    Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database": digits fitted in a 20x20 pixel box preserving their
    aspect ratio, then translated so that the centre of mass of the pixels lies at the centre of the 28x28 field.
    """

    kind: Literal["mnist"] = "mnist"
    box: Annotated[int, Field(ge=1)] = 20
    """Side of the square that the ink is fitted into, in pixels of the network's input."""


Resize = Annotated[Stretch | CenterCrop | MnistForm, Field(discriminator="kind")]


class PictureInput(Frozen):
    """The pixels that the graph takes, uint8 (n, height, width, channels), and how any picture becomes them."""

    height: Annotated[int, Field(ge=1)]
    width: Annotated[int, Field(ge=1)]
    channels: Literal[1, 3]
    """1: luminance; 3: red, green, blue."""
    resize: Resize
    scaled_decode: bool = False
    """A large JPEG may be decoded at a half, a quarter or an eighth of its size: it was proved to change no answer."""

    @model_validator(mode="after")
    def _is_a_pictures(self) -> Self:
        if self.height * self.width > MOST_PIXELS:
            raise ValueError(f"{self.height} x {self.width} are more than {MOST_PIXELS:,} pixels")
        return self

    @model_validator(mode="after")
    def _box_fits(self) -> Self:
        if isinstance(self.resize, MnistForm):
            if self.channels != 1:
                raise ValueError("resize 'mnist' needs channels = 1")
            if self.resize.box > min(self.height, self.width):
                raise ValueError("resize.box is larger than the input")
            if self.scaled_decode:
                raise ValueError("resize 'mnist' looks at the paper's noise, which a scaled decoding takes away")
        return self


class OnnxFile(Frozen):
    """The graph beside the manifest."""

    sha256: Sha256
    opset: Annotated[int, Field(ge=7)]
    parameters: Count
    """Trained numbers in the network; the running statistics of a normalisation are not counted."""


class CorrectionsRecord(Frozen):
    """Pictures that the service had answered wrongly, learnt under the labels that people gave them."""

    pictures: Count
    repeats: Annotated[int, Field(ge=1)]
    """Times that each came in an epoch."""
    fingerprint: Sha256
    """sha256 over their sorted digests and labels."""


class DatasetRecord(Frozen):
    """What the network learnt from and was judged on."""

    name: str
    fingerprint: Sha256
    """sha256 over the sorted content hashes and labels of all pictures; generated sets: over their pixels likewise."""
    counts: Mapping[str, Count]
    """Pictures per split."""
    labels: Mapping[str, Mapping[str, Count]] = {}
    """Pictures per label, by split."""
    skipped: Count = 0
    """Files that could not be read as pictures."""
    corrections: CorrectionsRecord | None = None
    """Those of the training pictures that people had corrected answers to, where there were any."""


class TrainingRecord(Frozen):
    """How to make this version again."""

    command: str
    network: str
    seed: int
    epochs: Annotated[int, Field(ge=0)]
    threads: Annotated[int, Field(ge=1)]
    """Threads of the arithmetic: the same seed gives other last bits on another number of threads."""
    seconds: Annotated[float, Field(ge=0)]
    versions: Mapping[str, str]
    """Versions of the programs that shaped the result, by package name."""


class ImportRecord(Frozen):
    """Where a version came from that wasn't trained here."""

    file: str
    sha256: Sha256
    """Of the file as it was."""
    producer: str
    """The program that wrote it, as it says; empty where it doesn't."""
    command: str


class Frame(Frozen):
    """The network at one point of its training: a graph of the same contract in `film/`."""

    file: FileName
    sha256: Sha256
    step: Count
    """Batches learnt."""
    validation_accuracy: Share


class Manifest(Frozen):
    """`manifest.json`: what a graph can't say about itself."""

    contract: Literal[1] = CONTRACT
    name: Name
    description: str
    labels: Annotated[tuple[str, ...], Field(min_length=1)]
    """In the order of the graph's outputs."""
    input: PictureInput
    head: Literal["softmax", "sigmoid"]
    """softmax: exactly one label is true, probabilities sum to 1; sigmoid: each label is true or not on its own.

    A sigmoid graph of two labels may have one output: the probability of the second label.
    """
    onnx: OnnxFile
    int8: OnnxFile | None = None
    """`model.int8.onnx`, where it answers in place of `model.onnx`."""
    film: tuple[Frame, ...] = ()
    """Oldest first."""
    metrics: Mapping[str, float]
    """Figures on the test split, shares in [0, 1] such as `accuracy`."""
    dataset: DatasetRecord | None = None
    training: TrainingRecord | None = None
    imported: ImportRecord | None = None
    created: datetime

    @model_validator(mode="after")
    def _labels_differ(self) -> Self:
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("two labels are the same")
        return self
