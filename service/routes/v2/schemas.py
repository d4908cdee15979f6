"""Says what the protocol's REST form answers, for the OpenAPI document: its own names of things."""

from pydantic import Field

from service.schemas import Answer


class InferenceError(Answer):
    """Why a request was refused, as the protocol has it."""

    error: str = Field(description="what happened and what to do")
    code: str = Field(description="stable, for programs", examples=["invalid_tensor"])


class InferenceOutput(Answer):
    """A tensor that goes out."""

    name: str
    datatype: str = Field(examples=["FP32"])
    shape: list[int]
    parameters: dict[str, int] | None = Field(
        default=None, description="binary_data_size: its bytes, behind the JSON document, in place of data"
    )
    data: list[float | str | None] | None = Field(
        default=None, description="row major; null for what is no number, NaN for one"
    )


class InferenceAnswer(Answer):
    """What was inferred."""

    model_name: str
    model_version: str
    id: str | None = Field(default=None, description="the request's, where it had one")
    outputs: list[InferenceOutput]
