"""Turns a serving graph into one with 8-bit weights and activations, and finds out whether that is worth serving."""

import logging
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from service.contract import PIXELS, PictureInput
from service.engine import Engine, Pixels
from service.evidence import Quantization
from training.data.dataset import Dataset

PICTURES = 512
"""At most so many tell the range of each value; evenly spread over those given."""

OPERATORS = ("Conv", "Gemm", "MatMul", "Add", "Relu", "MaxPool")
"""Nearly all the arithmetic, and what lies between: a chain that isn't left needs no conversions in its middle."""

_DENSE = {"Gemm", "MatMul"}

LARGEST_LOSS = 0.003
"""Of accuracy, as a share: 0.3 points."""

_ROUNDING = 1e-9
"""0.9 - 0.897 is just above 0.003 in binary."""

_BATCH = 32
_SIZES = (1, 8)
"""Pictures in a run: a single request's, and what the service gathers when there are several."""
_ROUNDS = 60
_SECONDS = 5.0
"""The measurement of one size ends after so long, however slow the network."""


def quantize(graph: bytes, pixels: NDArray[np.uint8]) -> bytes:
    """Quantise statically, in the QDQ form; inputs and outputs stay those of the contract, the pixels uint8.

    Weights have a scale for each channel and 7 bits: with 8, processors without the VNNI instructions overflow where
    products are summed in pairs, and what was proved on the publishing machine would not hold on the serving one. The
    last dense layer stays in float32: its inputs, averages over whole maps, differ too much in size for one scale.

    Args:
        graph: the bytes of `model.onnx`.
        pixels: (n, h, w, c), of the training split; n is 1 at least.
    """
    with tempfile.TemporaryDirectory() as folder, _quiet():
        given, prepared, result = (Path(folder) / name for name in ("given.onnx", "prepared.onnx", "result.onnx"))
        given.write_bytes(graph)
        # Folds each normalisation into its convolution. Symbolic shapes are skipped: the exporter wrote the real ones.
        quant_pre_process(str(given), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(result),
            _Reader(pixels),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(OPERATORS),
            nodes_to_exclude=_last_dense(prepared),
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,  # on x86 up to twice as fast as QInt8
            weight_type=QuantType.QInt8,
        )
        return result.read_bytes()


def _last_dense(path: Path) -> list[str]:
    """The name of the last dense layer's node, if there is one."""
    nodes = onnx.load(path).graph.node
    return [node.name for node in nodes if node.op_type in _DENSE][-1:]


def judge(
    float_engine: Engine, int8_engine: Engine, dataset: Dataset, accuracy: float, int8_accuracy: float
) -> Quantization:
    """Whether the int8 graph serves: it loses at most 0.3 points of accuracy on the test split and is faster.

    Args:
        float_engine: with the float graph.
        int8_engine: with the int8 graph.
        dataset: its test split judges.
        accuracy: of the float graph on the test split, in [0, 1].
        int8_accuracy: of the int8 graph.
    """
    speedup = round(measure(float_engine, int8_engine, dataset.input), 3)
    is_proved = len(dataset.test) > 0
    serves = is_proved and is_worth_it(accuracy, int8_accuracy, speedup)
    return Quantization(accuracy=int8_accuracy, speedup=speedup, serves=serves)


def is_worth_it(float_accuracy: float, int8_accuracy: float, speedup: float) -> bool:
    """The rule itself, for shares of right answers."""
    return float_accuracy - int8_accuracy <= LARGEST_LOSS + _ROUNDING and speedup > 1


def measure(float_engine: Engine, int8_engine: Engine, spec: PictureInput) -> float:
    """How many times faster the int8 graph answers: the lesser of the ratios for one picture and for eight.

    So a graph that counts as faster is so for a lone request and for a busy service. Both are timed in turns, so that
    what else the machine does meets both; the ratio is that of the medians.
    """
    return min(_ratio(float_engine, int8_engine, spec, size) for size in _SIZES)


def _ratio(float_engine: Engine, int8_engine: Engine, spec: PictureInput, size: int) -> float:
    shape = (size, spec.height, spec.width, spec.channels)
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    times: list[tuple[float, float]] = []
    deadline = time.perf_counter() + _SECONDS
    while len(times) < _ROUNDS and (not times or time.perf_counter() < deadline):
        times.append((_time(float_engine, pixels), _time(int8_engine, pixels)))
    medians = np.median(np.array(times), axis=0)
    return float(medians[0] / medians[1])


def _time(engine: Engine, pixels: Pixels) -> float:
    """Seconds of one run, the second of two: the first brings the network back into the caches."""
    engine.run(pixels)
    started = time.perf_counter()
    engine.run(pixels)
    return time.perf_counter() - started


class _Reader(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    """Hands the pictures to onnxruntime, a batch at a time."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        chosen = np.unique(np.linspace(0, len(pixels) - 1, min(len(pixels), PICTURES)).astype(np.int64))
        self._batches = iter([pixels[chosen[at : at + _BATCH]] for at in range(0, len(chosen), _BATCH)])

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """The next batch, or None after the last."""
        batch = next(self._batches, None)
        return None if batch is None else {PIXELS: batch}


@contextmanager
def _quiet() -> Iterator[None]:
    """The quantiser advises on the root logger; what it makes is measured afterwards instead."""
    before = logging.root.level
    logging.root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logging.root.setLevel(before)
