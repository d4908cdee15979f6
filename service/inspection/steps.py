"""Says what can be done to a picture on the workbench: the steps, and the numbers that each of them takes."""

from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from service.inspection.errors import InvalidSteps
from service.inspection.kernels import NAMES

Size = Annotated[int, Field(ge=1, le=1024)]
Pair = tuple[Size, Size]
"""Down, across."""

_LONGEST = 32


def _check_name(name: str) -> str:
    if name != "random" and name not in NAMES:
        raise ValueError(f"no kernel is called {name!r}; there are: random, {', '.join(NAMES)}")
    return name


def _check_weights(weights: list[object]) -> list[object]:
    try:
        array = np.array(weights, np.float32)
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError("a kernel's rows have to be of one length, and of numbers") from error
    if array.ndim not in {2, 3, 4} or not array.size or not np.isfinite(array).all():
        raise ValueError(
            "a kernel is rows of finite numbers: (height, width), (filters, height, width) or"
            " (filters, channels, height, width)"
        )
    return weights


class Step(BaseModel):
    """What all steps have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Convolution(Step):
    """A cross-correlation of the picture with kernels, as networks do it."""

    kind: Literal["conv"]
    kernel: Annotated[str, AfterValidator(_check_name)] | Annotated[list[object], AfterValidator(_check_weights)] = (
        Field("random", description=f"rows of numbers; or a name: random, {', '.join(NAMES)}")
    )
    size: Size | Pair = Field(3, description="of random kernels: a side, or height and width")
    filters: Annotated[int, Field(ge=1, le=512)] = Field(1, description="how many random kernels")
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(0, description="of random kernels")
    stride: Size | Pair = 1
    padding: Annotated[int, Field(ge=0, le=1024)] | Literal["same"] = Field(
        0, description="cells of 0 on each side; `same`: as many as keep the size, stride aside"
    )
    dilation: Size | Pair = 1
    bias: float = Field(0.0, allow_inf_nan=False)
    per_channel: bool = Field(
        default=False, description="each channel by itself, instead of the sum over the channels (depthwise)"
    )
    average: bool = Field(
        default=False, description="the mean of a window's products instead of their sum: 1 is a complete match of ±1"
    )


class Activation(Step):
    """A function of each value."""

    kind: Literal["relu", "tanh", "sigmoid"]


class Pooling(Step):
    """The largest value, or the mean, of each window."""

    kind: Literal["max_pool", "average_pool"]
    size: Size | Pair = 2
    stride: Size | Pair | None = Field(None, description="none: the size, so that windows don't overlap")
    padding: Annotated[int, Field(ge=0, le=512)] = 0


Steps = list[Annotated[Convolution | Activation | Pooling, Field(discriminator="kind")]]
_STEPS: TypeAdapter[Steps] = TypeAdapter(Annotated[Steps, Field(min_length=1, max_length=_LONGEST)])


def read_steps(text: str) -> Steps:
    """Read a list of steps from its JSON.

    Raises:
        InvalidSteps: it isn't one; the message says what is wrong in which step.
    """
    try:
        return _STEPS.validate_json(text)
    except ValidationError as error:
        problems = [
            " ".join(["step", *(str(part) for part in item["loc"])]) + ": " + item["msg"] for item in error.errors()
        ]
        raise InvalidSteps("; ".join(problems)) from error


def describe_steps(place: str) -> tuple[dict[str, object], dict[str, object]]:
    """The JSON schema of a list of steps, and those of the steps by name.

    Args:
        place: where the latter are going to lie, `#/components/schemas/{model}` say.
    """
    schema = _STEPS.json_schema(ref_template=place)
    return schema, schema.pop("$defs")
