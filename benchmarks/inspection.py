"""Measures what it costs to look inside: against a plain prediction in the engine, and each endpoint over HTTP.

    python -m benchmarks.inspection [--models models] [--rounds 20]

What is compared is run in turn, round by round, so that it met the same machine. ResNet-18 is untrained: its arithmetic
takes as long as a trained one's.
"""

import argparse
import io
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree

import httpx
import numpy as np
from PIL import Image

from service.cores import available_cores
from service.engine import Provider, load_engine
from service.inspection.activations import load_inspector
from service.published import PublishedVersion, read_version
from service.tensors import to_safetensors

_RESNET = "resnet18"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder)
        copytree(options.models / "digits", models / "digits")
        convscope = [sys.executable, "-m", "service"]
        resnet = ["--network", _RESNET, "--height", "224", "--width", "224", "--models", str(models)]
        subprocess.run([*convscope, "init", _RESNET, *resnet], check=True, stdout=subprocess.DEVNULL)  # noqa: S603
        for version in (models / "digits" / "1", models / "digits" / "2", models / _RESNET / "1"):
            _compare_in_process(read_version(version), options.rounds)
        with _serving([*convscope, "serve", "--models", str(models), "--port", "0"]) as address:
            for name in ("digits", _RESNET):
                _measure_endpoints(address, name, options.rounds)


def _compare_in_process(version: PublishedVersion, rounds: int) -> None:
    """All layers and one layer, beside the plain unbatched prediction."""
    threads, spec = available_cores(), version.manifest.input
    engine = load_engine(version.manifest, version.onnx, Provider.CPU, threads)
    inspector = load_inspector(version, Provider.CPU, threads)
    pixels = np.random.default_rng(0).integers(0, 256, (spec.height, spec.width, spec.channels), np.uint8)
    first = next(layer.name for layer in inspector.layers if layer.kind == "conv")
    everything = {layer.name: values for layer, values in inspector.activations(pixels)}
    medians = _alternate({
        "prediction": lambda: engine.run(pixels[np.newaxis]),
        "all layers": lambda: inspector.activations(pixels),
        f"layer {first}": lambda: inspector.activations(pixels, [first]),
        "safetensors of all": lambda: to_safetensors(everything, {}),
    }, rounds)  # fmt: skip
    print(f"{version.name} version {version.version}, {len(inspector.layers)} layers, in the process")
    for what, seconds in medians.items():
        print(f"    {what:24} {seconds * 1e3:9.3f} ms   {seconds / medians['prediction']:6.2f} × a prediction")


def _measure_endpoints(address: str, name: str, rounds: int) -> None:
    """Of one layer and of all; the layer is the last convolution."""
    print(f"{name} over HTTP")
    picture = _noise()
    with httpx.Client(base_url=f"{address}/v1/models/{name}", timeout=120) as client:
        rows = client.get("/layers").raise_for_status().json()["layers"]
        layer = [row["name"] for row in rows if row["kind"] == "conv"][-1]

        def post(path: str, accept: str = "application/json") -> Callable[[], object]:
            def send() -> None:
                headers = {"Content-Type": "image/png", "Accept": accept}
                client.post(path, content=picture, headers=headers).raise_for_status()

            return send

        def get(path: str, accept: str = "application/json") -> Callable[[], object]:
            return lambda: client.get(path, headers={"Accept": accept}).raise_for_status()

        place = f"layer={layer}&channel=0&y=2&x=2"
        quick = {
            "predict": post("/predict"),
            "layers": get("/layers"),
            "weights, safetensors": get(f"/weights/{layer}", "application/vnd.safetensors"),
            "activations, safetensors": post("/activations", "application/vnd.safetensors"),
            f"activations of {layer}": post(f"/activations?layers={layer}", "application/vnd.safetensors"),
            "trace": post(f"/trace?{place}"),
            "attributions: gradient": post("/attributions?method=gradient"),
            "attributions: grad-cam": post("/attributions?method=grad-cam"),
            "attributions: grad-cam++": post("/attributions?method=grad-cam%2B%2B"),
        }
        slow = {
            f"attributions: {method}": post(f"/attributions?method={method}")
            for method in ("smoothgrad", "integrated-gradients", "occlusion", "score-cam")
        } | {"dream": lambda: client.post(f"/dream?layer={layer}&channel=0").raise_for_status()}
        for what, seconds in (_alternate(quick, rounds) | _alternate(slow, 2)).items():
            print(f"    {what:36} {seconds * 1e3:9.1f} ms")


def _alternate(works: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median time of each, in seconds; each is run once before."""
    seconds: dict[str, list[float]] = {what: [] for what in works}
    for work in works.values():
        work()
    for _ in range(rounds):
        for what, work in works.items():
            started = time.perf_counter()
            work()
            seconds[what].append(time.perf_counter() - started)
    return {what: statistics.median(each) for what, each in seconds.items()}


def _noise() -> bytes:
    content = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)).save(content, "PNG")
    return content.getvalue()


@contextmanager
def _serving(command: list[str]) -> Iterator[str]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            found = None
            while found is None:
                found = re.search(r"http://[\w.]+:\d+", process.stdout.readline())
            yield found.group()
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
