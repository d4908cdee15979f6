"""Turns a recipe's name into settings: one function a recipe; what was measured with it is in docs/results.md."""

from collections.abc import Callable, Mapping
from pathlib import Path

from service.errors import InvalidSetting
from training.config import Augmentation, TrainingConfig

_LITTLE = 0.7
"""Megabytes of exciting pictures beside a network of many channels."""

_SMALL = 0.02
"""Share held out for validation once the settings were chosen with more: the rest is learnt."""


def ticks(threads: int) -> TrainingConfig:
    """A tick or a cross, drawn by the thousand; a network of three filters, to be followed by eye."""
    return TrainingConfig(
        name="ticks",
        dataset="ticks",
        network="tick-or-cross",
        epochs=12,
        batch_size=64,
        learning_rate=0.02,
        keep_checkpoints=8,
        threads=threads,
    )


def digits(threads: int) -> TrainingConfig:
    """MNIST by a narrow residual network, as right as such a one gets in a few minutes."""
    return TrainingConfig(
        name="digits",
        dataset="mnist",
        network="mini-resnet",
        validation=_SMALL,
        epochs=13,
        batch_size=128,
        optimizer="sgd",
        learning_rate=0.2,
        weight_decay=5e-4,
        label_smoothing=0.05,
        ema=0.995,
        augmentation=Augmentation(rotation=12, shift=0.06, scale=0.12, shear=0.1),
        threads=threads,
    )


def digits_lenet5(threads: int) -> TrainingConfig:
    """MNIST by LeNet-5, varied as far as people's drawings differ from it."""
    return TrainingConfig(
        name="digits-lenet5",
        dataset="mnist",
        network="lenet5",
        epochs=15,
        learning_rate=0.012,
        augmentation=Augmentation(rotation=10, shift=0.06, scale=0.12, shear=0.1, thickness=0.7),
        threads=threads,
    )


def digits_fast(threads: int) -> TrainingConfig:
    """MNIST by LeNet-5 in seconds: 99 % without any variation of the pictures."""
    return TrainingConfig(
        name="digits-fast",
        dataset="mnist",
        network="lenet5",
        validation=_SMALL,
        epochs=3,
        learning_rate=0.015,
        weight_decay=0.05,
        threads=threads,
    )


def fashion(threads: int) -> TrainingConfig:
    """Fashion-MNIST by a small residual network."""
    return TrainingConfig(
        name="fashion",
        dataset="fashion-mnist",
        network="small-resnet",
        exemplars=_LITTLE,
        validation=_SMALL,
        epochs=16,
        optimizer="sgd",
        learning_rate=0.4,
        weight_decay=5e-4,
        warmup=0.2,
        label_smoothing=0.1,
        ema=0.99,
        augmentation=Augmentation(flip=True, shift=0.08, cutout=0.25),
        threads=threads,
    )


def objects(threads: int) -> TrainingConfig:
    """CIFAR-10 by a small residual network."""
    return TrainingConfig(
        name="objects",
        dataset="cifar10",
        network="small-resnet",
        exemplars=_LITTLE,
        validation=_SMALL,
        epochs=24,
        optimizer="sgd",
        learning_rate=0.4,
        weight_decay=5e-4,
        warmup=0.2,
        label_smoothing=0.1,
        ema=0.99,
        augmentation=Augmentation(flip=True, shift=0.125, cutout=0.25),
        threads=threads,
    )


def objects_tinyvgg(threads: int) -> TrainingConfig:
    """CIFAR-10 by TinyVGG, ten filters a layer: a network to be followed by eye."""
    return TrainingConfig(
        name="objects-tinyvgg",
        dataset="cifar10",
        network="tiny-vgg",
        validation=_SMALL,
        epochs=20,
        learning_rate=0.01,
        ema=0.99,
        augmentation=Augmentation(flip=True, shift=0.06),
        keep_checkpoints=8,
        threads=threads,
    )


def pictures(threads: int) -> TrainingConfig:
    """Your own pictures."""
    return TrainingConfig(
        name="pictures",
        dataset="pictures",
        network="small-resnet",
        test=0.15,
        validation=0.15,
        epochs=30,
        batch_size=64,
        learning_rate=0.01,
        label_smoothing=0.05,
        ema=0.99,
        augmentation=Augmentation(
            flip=True, shift=0.1, scale=0.15, rotation=10, brightness=0.2, contrast=0.2, saturation=0.2
        ),
        threads=threads,
    )


RECIPES: Mapping[str, Callable[[int], TrainingConfig]] = {
    recipe.__name__.replace("_", "-"): recipe
    for recipe in (ticks, digits, digits_lenet5, digits_fast, fashion, objects, objects_tinyvgg, pictures)
}


def find_recipe(what: str, threads: int) -> TrainingConfig:
    """The settings of a recipe, or those for a folder or a CSV of one's own pictures.

    Raises:
        InvalidSetting: it is neither.
    """
    if what in RECIPES:
        return RECIPES[what](threads)
    path = Path(what)
    if path.exists():
        return pictures(threads).model_copy(update={"data": path, "name": _name_after(path)})
    known = ", ".join(RECIPES)
    raise InvalidSetting(f"{what!r} is neither a recipe ({known}) nor a folder or CSV of pictures")


def describe_recipes() -> str:
    """Their names and what they are for, a line each."""
    return "\n\n".join(f"{name}: {recipe.__doc__}" for name, recipe in RECIPES.items())


def _name_after(path: Path) -> str:
    """A model's name from a file's: lower case, and nothing but letters, digits, `.`, `_` and `-`."""
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in path.stem.lower())
    return kept.strip("-._")[:63] or "pictures"
