"""Says what one layer of a network is: the row of the layer table."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal[
    "preprocessing", "conv", "conv_transpose", "batch_norm", "relu", "leaky_relu", "sigmoid", "tanh", "silu", "gelu",
    "hard_swish", "clip", "max_pool", "average_pool", "global_average_pool", "global_max_pool", "lrn", "dropout",
    "flatten", "dense", "softmax", "add", "mul", "concat", "pad", "other",
]  # fmt: skip

Attribute = int | float | str | list[int] | list[float]


class Layer(BaseModel):
    """One thing that a person would draw as a box, made of one or several ONNX nodes."""

    model_config = ConfigDict(frozen=True)

    name: str
    """Module path where the file has it (`features.conv1`), else the node's name."""
    kind: Kind
    """From the graph's operators, never from names."""
    operator: str
    """The ONNX operator that does the work, e.g. `Conv`."""
    inputs: list[str]
    """The layers it reads, by name; `input` is the picture's pixels."""
    input_shapes: list[list[int]]
    """Without the batch dimension, channels first; 0 stands for a size that the file leaves open."""
    output_shape: list[int]
    """Without the batch dimension, channels first."""
    parameters: int
    """Trained numbers, the running statistics of a normalisation not counted."""
    macs: int
    """Multiply-accumulate operations for one picture."""
    receptive_field: Annotated[list[int] | None, Field(description="height and width in input pixels")]
    """None once every value depends on the whole picture."""
    jump: Annotated[list[int] | None, Field(description="input pixels between two neighbours, down and across")]
    attributes: dict[str, Attribute]
    """Kernel, strides, pads, dilations, group, as far as the operator has them."""
    tensor: Annotated[str, Field(exclude=True)]
    """Name of the value in the graph that is this layer's output."""
