"""Says what the arithmetic of one number is: its terms in one of eight forms, its formula, and where they came from."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.inspection.layer import Kind

Place = Annotated[list[int], Field(description="first and last, both included")]
Rows = Annotated[
    list[int | None],
    Field(description="of the input, one for each row of the window; null where it reaches beyond the input"),
]
Columns = Annotated[list[int | None], Field(description="likewise, one for each column of the window")]
Grid = list[list[float | None]]


class _Frozen(BaseModel):
    """Built once, never changed. Numbers are float64; NaN and infinities, which JSON lacks, are answered as null."""

    model_config = ConfigDict(frozen=True)


class Source(_Frozen):
    """The smallest box of a layer's values that holds all that was drawn on; walk on with a trace of any of them."""

    layer: str = Field(description="its name; `input` is the picture's pixels, channels being its colours")
    channels: Place | None = Field(description="null, as y and x: can't be told as channel, row and column")
    y: Place | None = Field(description="null where the layer has no rows")
    x: Place | None = Field(description="null where the layer has no columns")


class WindowTerms(_Frozen):
    """Of a convolution: a window of the input times a kernel, cell by cell, summed, plus the bias."""

    form: Literal["window"] = "window"
    channels: Place = Field(description="of the input, that the kernel reads")
    y: Rows
    x: Columns
    inputs: list[Grid] = Field(
        description="channels × kernel height × kernel width; null where the window reaches beyond the input, which"
        " counts as 0. Transposed: null where no value of the input meets this cell of the kernel"
    )
    kernel: list[list[list[float]]] = Field(description="likewise")
    products: list[list[list[float]]] = Field(description="likewise: input times kernel, 0 where there is no input")
    sums: list[float] = Field(description="of the products, by channel of the input")
    match: float | None = Field(
        description="how much the window resembles the kernel, −1 to 1: the sum of the products, divided by the"
        " root of the sum of the inputs' squares and that of the kernel's (the cosine). Of a window and a kernel of"
        " ±1 it is the mean of the products: 1 is a complete match, −1 a complete mismatch. null where either is 0"
        " all over, and for transposed convolutions"
    )


class Contribution(_Frozen):
    """One of the products that a dense layer sums."""

    index: int = Field(description="of the input value, from 0")
    input: float
    weight: float
    product: float


class WeightedTerms(_Frozen):
    """Of a dense layer: every input times its weight, summed, plus the bias."""

    form: Literal["weighted"] = "weighted"
    count: int = Field(description="products in all")
    contributions: list[Contribution] = Field(description="those with the largest products, sign aside, first")
    rest_count: int = Field(description="products that are not listed")
    rest_sum: float = Field(description="what they come to")


class PoolTerms(_Frozen):
    """Of a pooling: the window of one channel, and which of it, or what of all of it, is taken."""

    form: Literal["pool"] = "pool"
    operation: Literal["max", "min", "mean", "sum"]
    y: Rows
    x: Columns
    inputs: Grid = Field(description="window height × window width; null where it reaches beyond the input")
    chosen: list[int] | None = Field(description="row and column within the window of the extreme that was taken")
    sum: float | None = Field(description="of the inputs, for a mean or a sum")
    divisor: int | None = Field(description="of a mean: how many cells count, padding too where the layer counts it")


class Step(_Frozen):
    """One operation on one number."""

    operator: str = Field(description="ONNX's name")
    formula: str = Field(description="with the numbers in it")
    value: float


class StepTerms(_Frozen):
    """Of an activation, a normalisation, the preprocessing: one number goes in, and is changed step by step."""

    form: Literal["steps"] = "steps"
    x: float = Field(description="the number that goes in")
    parameters: dict[str, float] = Field(description="of the function: a slope, a mean, an epsilon")
    steps: list[Step]


class Branch(_Frozen):
    """One of the numbers that are added, multiplied and so on."""

    value: float
    constant: bool = Field(description="the same for every picture")
    sources: list[Source] = Field(description="where it came from; empty for a constant")


class BranchTerms(_Frozen):
    """Of a sum, product, difference, quotient and the like of several layers, or of a layer and a constant."""

    form: Literal["branches"] = "branches"
    operator: str = Field(description="ONNX's name")
    branches: list[Branch]


class MovedTerms(_Frozen):
    """Of layers that only move numbers: the one number is the value; the source says where it was."""

    form: Literal["moved"] = "moved"
    input: float
    constant: bool = Field(description="it is no value of the input but what padding puts around it")


class ExponentTerms(_Frozen):
    """Of a softmax: e to the power of every input, one of them divided by the sum of them all."""

    form: Literal["exponents"] = "exponents"
    inputs: list[float]
    chosen: int = Field(description="which of them the value is for")
    largest: float = Field(description="subtracted from every input first: the quotient stays the same")
    exponentials: list[float]
    sum: float
    logarithm: bool = Field(description="the value is the logarithm of the quotient (LogSoftmax)")


class NeighbourTerms(_Frozen):
    """Of a local response normalisation: x / (bias + alpha / size · Σ neighbours²) ^ beta."""

    form: Literal["neighbours"] = "neighbours"
    channels: Place = Field(description="neighbours, the channel itself among them")
    inputs: list[float]
    squares: list[float]
    sum: float = Field(description="of the squares")
    parameters: dict[str, float] = Field(description="size, alpha, beta, bias")
    divisor: float


Terms = Annotated[
    WindowTerms | WeightedTerms | PoolTerms | StepTerms | BranchTerms | MovedTerms | ExponentTerms | NeighbourTerms,
    Field(discriminator="form"),
]


class Trace(_Frozen):
    """Why one number of a layer's output is what it is."""

    layer: str
    kind: Kind
    operator: str
    channel: int
    y: int | None = Field(description="null where the layer has no rows")
    x: int | None = Field(description="null where the layer has no columns")
    value: float = Field(description="what the terms come to, in float64")
    runtime_value: float = Field(description="what onnxruntime computed")
    terms: Terms
    bias: float | None = Field(description="null where the layer has none")
    formula: str = Field(description="short, with the numbers in it, four digits of each")
    sources: list[Source]


class Identity(_Frozen):
    """Whose inside it is."""

    model: str
    version: int


class ServedTrace(Trace, Identity):
    """Why one number of a served model's layer is what it is."""
