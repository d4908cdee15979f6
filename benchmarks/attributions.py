"""Measures whether the maps show what decides: deletes the hottest tenth of the pixels and sees the probability fall.

    python -m benchmarks.attributions --data FOLDER [--model digits] [--pictures 500]

For every method and each test picture, the tenth of the pixels that speak most for the predicted class are replaced by
the data set's mean; how far the class's probability falls is compared with the fall when another tenth goes, drawn at
random (the mean of five draws). Where a map says nothing of many pixels, those among them that go are drawn too.
"""

import argparse
import time
from collections.abc import Sequence
from math import sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.contract import PROBABILITIES
from service.engine import Pixels, Provider
from service.inspection.activations import Inspector, load_inspector
from service.inspection.attribution.explain import METHODS, Attribution, Question, explain
from service.inspection.attribution.subject import Map
from service.published import read_version
from service.versions import list_models
from training.data.mnist import load_mnist

SHARE = 0.1
DRAWS = 5
BUDGET = 2**29


def main() -> None:
    options = _options()
    versions = list_models(options.models)[options.model].versions
    version = read_version(versions[max(versions)].folder)
    inspector = load_inspector(version, Provider.CPU, options.threads)
    test = load_mnist(options.data).test
    pixels = test.pictures[: options.pictures]
    cover = np.round(test.pictures[:].mean(axis=(0, 1, 2))).astype(np.uint8)
    print(f"{version.manifest.name} {version.version}, {len(pixels)} pictures of the test set, replaced by {cover}")
    random = _falls_at_random(inspector, pixels, cover)
    print(f"{'method':<24}{'fall of probability':>24}{'more than at random':>24}{'seconds a map':>16}")
    print(f"{'random':<24}{_figures(random):>24}")
    questions = [(method, None) for method in METHODS]
    questions += [(method, layer) for layer in options.layers for method in METHODS if "cam" in method]
    for method, layer in questions:
        start = time.perf_counter()
        maps = explain(inspector, version.manifest.labels, pixels, Question(method, layer=layer), BUDGET)
        seconds = (time.perf_counter() - start) / len(pixels)
        falls = _falls(inspector, pixels, maps, cover)
        name = f"{method} {layer}" if layer else method
        print(f"{name:<24}{_figures(falls):>24}{_figures(falls - random):>24}{seconds:>16.4f}", flush=True)
        if method == "integrated-gradients":
            _print_completeness(maps)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of MNIST's four files; none: the cache")
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--model", default="digits")
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--layers", nargs="*", default=[], help="of which the maps that are weighed are tried besides")
    return parser.parse_args()


def _falls(
    inspector: Inspector, pixels: Pixels, maps: Sequence[Attribution], cover: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """(n,) How far the probability of each picture's class falls without its hottest pixels."""
    random = np.random.default_rng(0)
    without = np.stack([
        _without(picture, _hottest(found.heat.values, random), cover)
        for picture, found in zip(pixels, maps, strict=True)
    ])  # fmt: skip
    return _fall(inspector, pixels, without)


def _falls_at_random(inspector: Inspector, pixels: Pixels, cover: NDArray[np.uint8]) -> NDArray[np.float64]:
    random = np.random.default_rng(1)
    empty = np.zeros(pixels.shape[1:3], np.float32)
    draws = [
        _fall(inspector, pixels, np.stack([_without(picture, _hottest(empty, random), cover) for picture in pixels]))
        for _ in range(DRAWS)
    ]
    mean: NDArray[np.float64] = np.mean(draws, axis=0)
    return mean


def _fall(inspector: Inspector, pixels: Pixels, without: Pixels) -> NDArray[np.float64]:
    before = inspector.values(pixels, [PROBABILITIES])[PROBABILITIES]
    after = inspector.values(without, [PROBABILITIES])[PROBABILITIES]
    classes = before.argmax(axis=1)[:, np.newaxis]
    fall: NDArray[np.float64] = np.take_along_axis(before.astype(np.float64) - after, classes, axis=1)[:, 0]
    return fall


def _hottest(values: Map, random: np.random.Generator) -> NDArray[np.int64]:
    """Places, in a row, of the largest tenth; which of equals, chance decides."""
    order = np.lexsort((random.random(values.size), -values.ravel()))
    return order[: round(SHARE * values.size)]


def _without(picture: Pixels, places: NDArray[np.int64], cover: NDArray[np.uint8]) -> Pixels:
    rest = picture.copy()
    rest.reshape(-1, rest.shape[-1])[places] = cover
    return rest


def _print_completeness(maps: Sequence[Attribution]) -> None:
    errors = np.array([float(str(found.heat.figures["completeness_error"])) for found in maps])
    steps = np.array([int(str(found.heat.figures["steps"])) for found in maps])
    print(
        f"    completeness error: median {np.median(errors):.2%}, largest {errors.max():.2%},"
        f" within 1 %: {np.mean(errors <= 0.01):.1%}; steps: median {np.median(steps):.0f}, most {steps.max()}"
    )


def _figures(falls: NDArray[np.float64]) -> str:
    return f"{falls.mean():.4f} ± {falls.std(ddof=1) / sqrt(falls.size):.4f}"


if __name__ == "__main__":
    main()
