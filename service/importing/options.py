"""Turns what a person says of a foreign file into settings: what the graph itself can't tell."""

from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Literal, get_args

from service.contract import CenterCrop, MnistForm, Resize, Stretch
from service.errors import InvalidSetting

Layout = Literal["nchw", "nhwc"]
"""Where the channels are in the picture that the file takes: before or after rows and columns."""

Channels = Literal["rgb", "bgr", "gray"]
"""The order of the channels that the file takes; gray for three channels: the grey value three times."""

HeadName = Literal["softmax", "sigmoid", "probabilities"]
"""What makes probabilities of what the file gives; `probabilities`: it already gives them."""

Numbers = tuple[float, ...]
"""One for all channels, or one for each in the order that the network takes them."""


@dataclass(frozen=True)
class Normalisation:
    """The network's own units: value = pixel · scale, pixel 0 to 255, then (value - mean) / std."""

    scale: float = 1.0
    mean: Numbers = (0.0,)
    std: Numbers = (1.0,)

    @property
    def is_identity(self) -> bool:
        """Whether the network takes pixels as they are."""
        return self.scale == 1 and set(self.mean) == {0} and set(self.std) == {1}

    @property
    def divisor(self) -> int:
        """The whole number that the scale is one part of, 255 for 1/255; 0: there is none."""
        whole = round(1 / self.scale) if 0 < self.scale < 1 else 0
        return whole if whole and abs(1 / self.scale - whole) < 1e-6 * whole else 0

    def describe(self) -> str:
        """The arithmetic, for people."""
        if self.is_identity:
            return "value = pixel, 0 to 255"
        divisor = self.divisor
        scaled = f"pixel / {divisor}" if divisor else "pixel" if self.scale == 1 else f"pixel · {self.scale:.6g}"
        steps = [f"value = {scaled}"]
        if set(self.mean) != {0} or set(self.std) != {1}:
            steps.append(f"(value - {_spell(self.mean)}) / {_spell(self.std)}")
        return ", then ".join(steps)


@dataclass(frozen=True)
class Preset:
    """A way of preparing pictures that many networks share."""

    normalisation: Normalisation
    resize: Resize
    size: tuple[int, int] | None = None
    """Height and width where neither the file nor the person says them."""


PRESETS = {
    "imagenet": Preset(
        Normalisation(1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)), CenterCrop(), (224, 224)
    ),
    "mnist": Preset(Normalisation(1 / 255, (0.1307,), (0.3081,)), MnistForm(), (28, 28)),
    "unit": Preset(Normalisation(1 / 255), Stretch()),
}  # fmt: skip
"""By name; `imagenet` and `mnist` are the figures that PyTorch's own examples normalise with."""


@dataclass(frozen=True)
class ImportOptions:
    """What was said; None: to be found out, or the preset's."""

    name: str
    """The model that a version is published of."""
    labels: Path | None = None
    preset: str | None = None
    size: tuple[int, int] | None = None
    """Height and width."""
    layout: Layout | None = None
    scale: float | None = None
    mean: Numbers | None = None
    std: Numbers | None = None
    channels: Channels | None = None
    resize: Resize | None = None
    output: str | None = None
    """The value of the graph that holds the scores."""
    head: HeadName | None = None
    command: str = "convscope import"
    """As it was typed, for the record."""

    def chosen_preset(self) -> Preset:
        """The preset, or one that leaves pixels as they are.

        Raises:
            InvalidSetting: there is none of that name.
        """
        if self.preset is None:
            return Preset(Normalisation(), Stretch())
        if self.preset not in PRESETS:
            raise InvalidSetting(f"--preset: {self.preset!r} is none; there are {', '.join(PRESETS)}")
        return PRESETS[self.preset]

    def normalisation(self, channels: int) -> Normalisation:
        """The preset's, with what was said over it.

        Args:
            channels: that the network takes.

        Raises:
            InvalidSetting: as many numbers as there are no channels, or a division by 0.
        """
        preset = self.chosen_preset().normalisation
        found = Normalisation(
            preset.scale if self.scale is None else self.scale, self.mean or preset.mean, self.std or preset.std
        )
        for option, numbers in (("--mean", found.mean), ("--std", found.std)):
            if len(numbers) not in {1, channels}:
                raise InvalidSetting(f"{option}: {len(numbers)} numbers, but the network takes {channels} channel(s)")
        if 0 in found.std or found.scale == 0:
            raise InvalidSetting("--scale, --std: 0 leaves nothing of a picture")
        return found


def parse_size(text: str) -> tuple[int, int]:
    """Read `HxW`, or one number for both.

    Raises:
        InvalidSetting: it is neither.
    """
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) > 2 or not all(part.strip().isdecimal() and int(part) for part in parts):
        raise InvalidSetting(f"--input-size: {text!r} is no height x width, such as 224x224")
    return int(parts[0]), int(parts[-1])


def parse_numbers(option: str, text: str) -> Numbers:
    """Read numbers or fractions with commas between: `0.485,0.456,0.406`, `1/255`.

    Raises:
        InvalidSetting: a part is no finite number.
    """
    try:
        numbers = tuple(_parse_fraction(part) for part in text.split(","))
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        raise InvalidSetting(f"{option}: {text!r} is no number, nor several with commas between") from error
    if not all(map(isfinite, numbers)):
        raise InvalidSetting(f"{option}: {text!r} is not finite")
    return numbers


def parse_choice(option: str, text: str, choices: object) -> str:
    """Hold a word against those of a Literal.

    Raises:
        InvalidSetting: it is none of them.
    """
    words = [str(word) for word in get_args(choices)]
    if text.lower() not in words:
        raise InvalidSetting(f"{option}: {text!r} is none of {', '.join(words)}")
    return text.lower()


def parse_resize(text: str) -> Resize:
    """Read the name of one of the contract's ways to resize.

    Raises:
        InvalidSetting: it is none.
    """
    kinds: dict[str, Resize] = {kind.kind: kind for kind in (Stretch(), CenterCrop(), MnistForm())}
    if text.lower() not in kinds:
        raise InvalidSetting(f"--resize: {text!r} is none of {', '.join(kinds)}")
    return kinds[text.lower()]


def _parse_fraction(text: str) -> float:
    above, _, below = text.partition("/")
    return float(above) / float(below) if below else float(text)


def _spell(numbers: Numbers) -> str:
    spelt = ", ".join(f"{number:.6g}" for number in numbers)
    return f"({spelt})" if len(numbers) > 1 else spelt
