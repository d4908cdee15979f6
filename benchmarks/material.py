"""Turns an empty folder into what every contestant is given: two ONNX files, published too, and pictures."""

import contextlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from benchmarks import environments
from benchmarks.plan import Plan

ROOT = Path(__file__).parents[1]
PEERS = Path(__file__).parent / "peers"

DIGIT, SMALL_PHOTOGRAPH, PHOTOGRAPH = "digit28.png", "photo224.jpg", "photo1024.jpg"


@dataclass(frozen=True)
class Network:
    """How a network's pictures are prepared, and which one it is sent."""

    picture: str
    classes: int
    mean: str
    std: str


NETWORKS = {
    "lenet": Network(DIGIT, 10, "0.1307", "0.3081"),
    "resnet18": Network(SMALL_PHOTOGRAPH, 1000, "0.485,0.456,0.406", "0.229,0.224,0.225"),
}


def prepare(plan: Plan) -> None:
    """Make what is missing."""
    plan.data.mkdir(parents=True, exist_ok=True)
    plan.scratch.mkdir(exist_ok=True)
    _draw(plan.data)
    if not all((plan.data / f"{name}.onnx").exists() for name in NETWORKS):
        python = environments.ensure(plan.work, "core") / "python"
        print("exporting the networks …", flush=True)
        subprocess.run([python, PEERS / "onnx_models.py", plan.data], check=True, stderr=subprocess.DEVNULL)  # noqa: S603
    for name, network in NETWORKS.items():
        if not (plan.published / "all" / name / "1").exists():
            _publish(plan, name, network)


def convscope(*arguments: str | Path) -> list[str]:
    """A command of the project's own; to be run in `ROOT`."""
    return [sys.executable, "-m", "service", *map(str, arguments)]


def plain_environment() -> dict[str, str]:
    """The environment without settings of Convscope's or of peers: every setting is at its default."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CONVSCOPE_", "PEER_"))}
    kept.pop("VIRTUAL_ENV", None)
    return kept


def _publish(plan: Plan, name: str, network: Network) -> None:
    labels = plan.data / f"{name}.txt"
    labels.write_text("".join(f"class_{index}\n" for index in range(network.classes)))
    command = convscope("import", plan.data / f"{name}.onnx", "--name", name, "--labels", labels)
    command += ["--resize", "stretch", "--scale", "1/255", "--mean", network.mean, "--std", network.std]
    for folder in (name, "all"):
        models = plan.published / folder
        subprocess.run([*command, "--models", models], check=True, cwd=ROOT, env=plain_environment())  # noqa: S603


def _draw(folder: Path) -> None:
    """28 x 28 grey PNG, 224 x 224 and 1024 x 768 JPEG; a picture that is there is kept."""
    with contextlib.suppress(FileExistsError), (folder / DIGIT).open("xb") as file:
        digit = Image.new("L", (28, 28))
        pen = ImageDraw.Draw(digit)
        pen.ellipse((8, 4, 20, 14), outline=255, width=2)
        pen.ellipse((7, 13, 21, 25), outline=255, width=2)
        digit.filter(ImageFilter.GaussianBlur(0.6)).save(file, "PNG", optimize=True)
    for name, width, height, seed in ((SMALL_PHOTOGRAPH, 224, 224, 1), (PHOTOGRAPH, 1024, 768, 2)):
        with contextlib.suppress(FileExistsError), (folder / name).open("xb") as file:
            draw_photograph(width, height, seed).save(file, "JPEG", quality=90)


def draw_photograph(width: int, height: int, seed: int) -> Image.Image:
    """Smooth shapes and a little noise, so that its JPEG is about as large as a real photograph's."""
    random = np.random.default_rng(seed)
    base = random.integers(0, 256, (height // 64 + 2, width // 64 + 2, 3), dtype=np.uint8)
    image = Image.fromarray(base).resize((width, height), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(image)
    for _ in range(60):
        x, y = int(random.integers(0, width)), int(random.integers(0, height))
        side = int(random.integers(4, max(6, width // 8)))
        red, green, blue = (int(value) for value in random.integers(0, 256, 3))
        pen.ellipse((x, y, x + side, y + side), fill=(red, green, blue))
    smooth = np.asarray(image.filter(ImageFilter.GaussianBlur(1)), dtype=np.int16)
    noise = random.normal(0, 6, (height, width, 3)).astype(np.int16)
    return Image.fromarray((smooth + noise).clip(0, 255).astype(np.uint8))
