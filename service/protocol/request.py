"""Says what a request for an inference is, and its answer, however they travel."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Binary = bytes | memoryview
"""A tensor as its bytes: row major, little endian; BYTES: each element after its length in 4 bytes."""


@dataclass(frozen=True)
class InputTensor:
    """A tensor that comes in, not yet looked at."""

    name: str
    datatype: str
    """The protocol's name of it: UINT8, BYTES …"""
    shape: Sequence[int]
    content: Binary | Sequence[object]
    """Its bytes, or its values: numbers, flat or nested; BYTES: as `bytes`, or as text in base64."""


@dataclass(frozen=True)
class WantedOutput:
    """A tensor that is asked for."""

    name: str
    binary: bool | None = None
    """As bytes behind the answer's head; None: as the request says of all outputs."""
    classes: int | None = None
    """So many of the highest values, as text, in place of all values; see Triton's classification extension."""


@dataclass(frozen=True)
class InferRequest:
    """A request for an inference."""

    inputs: Sequence[InputTensor]
    outputs: Sequence[WantedOutput] = ()
    """In the order of the answer; none: logits and probabilities."""
    id: str = ""
    """Comes back with the answer."""
    binary: bool = False
    """Outputs go out as bytes, where they don't say otherwise themselves."""


@dataclass(frozen=True)
class OutputTensor:
    """A tensor that goes out."""

    name: str
    values: NDArray[np.float32] | Sequence[bytes]
    """FP32 of `shape`; or BYTES, row major."""
    shape: tuple[int, ...]
    binary: bool

    @property
    def datatype(self) -> str:
        """The protocol's name of it."""
        return "FP32" if isinstance(self.values, np.ndarray) else "BYTES"

    @property
    def size(self) -> int:
        """Bytes of its values, about."""
        return self.values.nbytes if isinstance(self.values, np.ndarray) else sum(map(len, self.values))


@dataclass(frozen=True)
class InferAnswer:
    """The answer to a request for an inference."""

    model: str
    version: int
    id: str
    outputs: Sequence[OutputTensor]

    @property
    def size(self) -> int:
        """Bytes of the values in it, about."""
        return sum(output.size for output in self.outputs)
