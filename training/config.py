"""Says what a training run is told: one frozen value, made at the edge from a recipe and the command line.

Every field is an option of `convscope train`: its name, its help and its bounds stand here and nowhere else.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from service.contract import Name
from service.evidence import Frozen

Positive = Annotated[int, Field(ge=1)]
NonNegative = Annotated[int, Field(ge=0)]
Rate = Annotated[float, Field(ge=0)]
Source = Literal["ticks", "mnist", "fashion-mnist", "cifar10", "pictures", "none"]
Part = Annotated[float, Field(ge=0, lt=1)]


class Augmentation(Frozen):
    """How far a training picture is varied, each time anew; all zero: not at all."""

    flip: bool = Field(default=False, description="Mirror half of the pictures left to right.")
    rotation: Rate = Field(default=0.0, description="Largest angle, in degrees, either way.")
    shift: Rate = Field(default=0.0, description="Largest displacement, as a share of the side, either way.")
    scale: Part = Field(default=0.0, description="Largest change of size, as a share, either way.")
    shear: Rate = Field(default=0.0, description="Largest shear, as a share, either way.")
    thickness: Part = Field(default=0.0, description="How far strokes are thickened or thinned: 1 is a pixel a side.")
    cutout: Part = Field(default=0.0, description="Side of the square that is blanked, as a share of the picture's.")
    mixup: Rate = Field(default=0.0, description="Blend pictures in pairs, by shares from Beta(value, value).")
    brightness: Part = Field(default=0.0, description="Largest change of brightness, as a share, either way.")
    contrast: Part = Field(default=0.0, description="Largest change of contrast, as a share, either way.")
    saturation: Part = Field(default=0.0, description="Largest change of saturation, as a share, either way.")


class TrainingConfig(Frozen):
    """Everything that decides the result, but for the pictures' content."""

    name: Name = Field(description="The model that a version is published of.")
    dataset: Source = Field(
        description="What is learnt; `pictures`: your own, a folder of class folders or a CSV of path,label."
    )
    data: Path | None = Field(default=None, description="Where the data set's files are; otherwise downloaded.")
    network: str = Field(description="A network's name, or file.py:Class of your own.")
    height: Positive | None = Field(default=None, description="Rows of the network's input; the data set's own.")
    width: Positive | None = Field(default=None, description="Columns of the network's input; the data set's own.")
    channels: Literal[1, 3] | None = Field(default=None, description="1: grey, 3: colour; the data set's own.")
    head: Literal["softmax", "sigmoid"] = Field(
        default="softmax", description="softmax: one label is true; sigmoid: each on its own, two labels share one."
    )
    validation: Part = Field(default=1 / 12, description="Share of the pictures to choose settings by.")
    test: Part = Field(default=1 / 12, description="Share of your own pictures to judge the result by.")
    strict: bool = Field(default=False, description="Refuse a folder that has files which can't be read.")
    balance: bool = Field(default=True, description="Weigh labels against their imbalance.")
    memory: Positive = Field(default=2048, description="MiB of decoded pictures kept in memory; more is streamed.")
    add_feedback: bool = Field(default=False, description="Also learn the pictures that people corrected answers to.")
    feedback_repeats: NonNegative = Field(
        default=0, description="Times that a corrected picture comes in an epoch; 0: so that all are a tenth of it."
    )

    epochs: NonNegative = Field(description="Passes over the training pictures; 0 publishes the untrained network.")
    batch_size: Positive = Field(default=256, description="Pictures in one step of one process.")
    optimizer: Literal["adamw", "sgd"] = Field(default="adamw", description="sgd is with Nesterov's momentum.")
    learning_rate: Rate = Field(description="The schedule's peak.")
    momentum: Part = Field(default=0.9, description="Of sgd.")
    weight_decay: Rate = Field(default=0.01, description="Of the weights; biases and normalisations have none.")
    schedule: Literal["one-cycle", "cosine", "step", "constant"] = Field(
        default="one-cycle", description="How the learning rate goes; step: a tenth at 1/2 and at 3/4."
    )
    warmup: Part = Field(default=0.3, description="Share of the steps in which the rate rises (one-cycle, cosine).")
    label_smoothing: Part = Field(default=0.0, description="Probability given to the other labels.")
    clip_norm: Rate = Field(default=0.0, description="Largest norm of the gradient; 0: not clipped.")
    ema: Part = Field(default=0.0, description="Decay of the weights' moving average, which is published; 0: none.")
    patience: NonNegative = Field(
        default=0, description="Stop after so many epochs without better validation, publish the best; 0: never."
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto", description="Of the arithmetic; auto: bfloat16 where the processor computes in it."
    )
    channels_last: bool = Field(default=True, description="Keep pictures and filters with channels innermost.")
    compile: bool = Field(default=False, description="Compile the network first (torch.compile).")
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="Where the training runs.")
    seed: NonNegative = Field(default=0, description="Of the weights, the order, the variation and the drawings.")
    threads: Positive = Field(description="Of the arithmetic; one and two give other last bits. All cores by default.")
    augmentation: Augmentation = Augmentation()

    checkpoint_steps: NonNegative = Field(default=0, description="Also keep a checkpoint every so many steps.")
    keep_checkpoints: NonNegative = Field(default=0, description="Publish so many points of the run as a film.")
    gate: bool = Field(default=True, description="Hold a version that is worse than the one that answers.")
    margin: Part = Field(default=0.005, description="By how much it may be worse, as a share of the test pictures.")
    calibrate: bool = Field(default=True, description="Fit a temperature to the validation split.")
    quantize: bool = Field(default=False, description="Serve with 8-bit numbers where they are faster and as right.")
    exemplars: float = Field(
        default=5.0,
        ge=0,
        le=5,
        allow_inf_nan=False,
        description="Megabytes of pictures that excite each channel, kept beside the model.",
    )
    tensorboard: bool = Field(default=False, description="Write event files for TensorBoard.")
