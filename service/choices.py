"""What the settings choose between and begin with, apart from what acts on it: reading them loads no runtime."""

from dataclasses import dataclass
from enum import StrEnum

MOST_BYTES = 2**30
"""Of a graph's file; a protobuf message can't have more than twice as many."""


class Provider(StrEnum):
    """Where the arithmetic runs. `auto`: CUDA if this onnxruntime has it and it works here, else the CPU."""

    AUTO = "auto"
    CUDA = "cuda"
    CPU = "cpu"


class Inline(StrEnum):
    """Whether the event loop runs a network itself. `auto`: where that is quicker than handing it to a thread."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Watch(StrEnum):
    """How changes of the models folder are noticed; `off`: not at all.

    `auto`: the system tells (inotify, FSEvents …), and the folder is looked at now and then besides; `poll`: it is only
    looked at, for network volumes that tell nothing.
    """

    AUTO = "auto"
    POLL = "poll"
    OFF = "off"


class Form(StrEnum):
    """How a log is written. `auto`: for people on a terminal, for programs elsewhere."""

    AUTO = "auto"
    JSON = "json"
    PRETTY = "pretty"


class Level(StrEnum):
    """What is important enough to be logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class PictureLimits:
    """What is refused before it costs anything."""

    max_bytes: int = 20 * 2**20
    """Of the encoded picture."""
    max_pixels: int = 25_000_000
    """Width x height as the header announces them; decoding takes about 8 bytes of memory for each."""
    max_pictures: int = 64
    """In one request of tensors."""
