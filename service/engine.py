"""Turns (n, h, w, c) uint8 pixels into (n, K) logits and probabilities: one ONNX graph on CPU or CUDA."""

import logging
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper

from service.buffers import Buffers
from service.choices import Provider as Provider  # noqa: PLC0414 - also to be had here
from service.contract import LOGITS, PIXELS, PROBABILITIES, Manifest
from service.errand import CalledOff, run, within
from service.errors import ModelRefused, ProviderUnavailable

Pixels = NDArray[np.uint8]
"""(n, h, w, c) uint8."""


_RUNTIME_NAME = {Provider.CUDA: "CUDAExecutionProvider", Provider.CPU: "CPUExecutionProvider"}


_FIRST_RUN = 60.0
"""Seconds that a graph may take for its first picture."""

# onnxruntime's numbers for its log levels.
_WARNING, _FATAL = 2, 4

log = logging.getLogger("convscope")


@dataclass(frozen=True)
class Scores:
    """What the network answers to n pictures, a row each."""

    logits: NDArray[np.float32]
    """(n, K) float32."""
    probabilities: NDArray[np.float32]
    """(n, K) float32 in [0, 1]."""


class Engine:
    """A loaded serving graph; safe to call from several threads. Made by `load_engine`.

    A graph with a single sigmoid output z tells two labels apart: its answer is that of the logits (0, z), of which
    softmax makes (1 - sigmoid(z), sigmoid(z)).
    """

    def __init__(
        self,
        session: ort.InferenceSession,
        *,
        is_single: bool = False,
        device: str | None = None,
        shrink: bool = False,
    ) -> None:
        """Take a session over.

        Args:
            session: of a serving graph.
            is_single: it has a single sigmoid output.
            device: onnxruntime's name of where buffers stay between runs; None: there are none.
            shrink: memory that a run set aside goes back to the system after it; the next one sets it aside anew.
        """
        self._session = session
        self._is_single = is_single
        self._device = device
        self._run_options = ort.RunOptions() if shrink else None
        if self._run_options:
            self._run_options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        self._buffers: dict[int, Buffers] = {}

    def run(self, pixels: Pixels) -> Scores:
        """Classify n pictures.

        Args:
            pixels: (n, h, w, c) uint8 of the manifest's input size.
        """
        logits, probabilities = self._session.run([LOGITS, PROBABILITIES], {PIXELS: pixels})
        if self._is_single:
            logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
            probabilities = np.concatenate([1 - probabilities, probabilities], axis=1)
        return Scores(logits=logits, probabilities=probabilities)

    def classify(self, pixels: Pixels) -> NDArray[np.float32]:
        """The probabilities alone, (n, K) float32: what a prediction needs.

        Args:
            pixels: (n, h, w, c) uint8 of the manifest's input size.
        """
        if self._is_single:
            return self.run(pixels).probabilities
        if self._device is not None:
            return self._find_buffers(pixels.shape, self._device).run(pixels)
        probabilities: NDArray[np.float32] = self._session.run([PROBABILITIES], {PIXELS: pixels}, self._run_options)[0]
        return probabilities

    def _find_buffers(self, shape: tuple[int, ...], device: str) -> Buffers:
        size = shape[0]
        if size not in self._buffers:
            labels = next(node.shape[1] for node in self._session.get_outputs() if node.name == PROBABILITIES)
            self._buffers[size] = Buffers(self._session, shape, labels, device)
        return self._buffers[size]


def load_engine(manifest: Manifest, onnx: bytes, provider: Provider, threads: int, *, shrink: bool = False) -> Engine:
    """Load a graph, hold its signature against the manifest, and run it once so that the first caller needn't wait.

    Args:
        manifest: what the graph has to agree with.
        onnx: the bytes of `model.onnx`.
        provider: `cpu` or `cuda`, as `choose_provider` gave it.
        threads: of the arithmetic inside one run.
        shrink: see `Engine`.

    Raises:
        ModelRefused: onnxruntime can't load the graph or run it, or its inputs and outputs break the contract.
    """
    session = load_session(manifest.name, onnx, provider, threads, optimised=True)
    is_single = _has_single_output(session, manifest)
    _check_signature(session, manifest, outputs=1 if is_single else len(manifest.labels))
    engine = Engine(session, is_single=is_single, device="cuda" if provider is Provider.CUDA else None, shrink=shrink)
    spec = manifest.input
    black = np.zeros((1, spec.height, spec.width, spec.channels), np.uint8)
    try:
        within(_FIRST_RUN, lambda: run(session, [LOGITS, PROBABILITIES], {PIXELS: black}))
    except CalledOff as error:
        raise ModelRefused(f"{manifest.name}: the graph takes more than {_FIRST_RUN:g} s for one picture") from error
    except Exception as error:  # onnxruntime's exceptions share no base but Exception
        raise ModelRefused(f"{manifest.name}: onnxruntime can't run the graph: {error}") from error
    return engine


def load_session(  # noqa: PLR0913 - each is what a session is made with
    name: str, onnx: bytes, provider: Provider, threads: int, *, optimised: bool, profile: Path | None = None
) -> ort.InferenceSession:
    """Make an onnxruntime session.

    Unoptimised, every value of the graph can be an output: optimisation would fuse some of them away.

    Args:
        name: of the model, for messages.
        onnx: the bytes of the graph.
        provider: `cpu` or `cuda`.
        threads: of the arithmetic inside one run.
        optimised: with onnxruntime's fusions.
        profile: what the file begins with that the time of every operator is written to; None: they aren't measured.

    Raises:
        ModelRefused: onnxruntime can't load the graph.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads  # the default is the host's cores, whatever the container's quota
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # spinning starves the other sessions
    options.enable_mem_pattern = (
        False  # a block for each batch size, set aside at its second run: a quarter more memory
    )
    # Bytes could also be in a form of onnxruntime's own, which nobody has judged.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    options.log_severity_level = _FATAL  # what goes wrong is raised: it needn't be written to the terminal besides
    if profile is not None:
        options.enable_profiling, options.profile_file_prefix = True, str(profile)
    level = ort.GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_ENABLE_ALL if optimised else level.ORT_DISABLE_ALL
    providers = [_RUNTIME_NAME[provider]]
    if provider is Provider.CUDA:
        providers.append(_RUNTIME_NAME[Provider.CPU])  # for the few operators that CUDA lacks
    try:
        return ort.InferenceSession(onnx, options, providers=providers)
    except Exception as error:  # onnxruntime's exceptions share no base but Exception
        raise ModelRefused(f"{name}: onnxruntime can't load the graph: {error}") from error


def choose_provider(wanted: Provider) -> Provider:
    """Resolve `auto`, and refuse a provider that isn't there.

    Raises:
        ProviderUnavailable: `cuda` was asked for, and this onnxruntime has none or it doesn't start.
    """
    if wanted is Provider.CPU:
        return Provider.CPU
    problem = _cuda_problem()
    if problem is None:
        return Provider.CUDA
    if wanted is Provider.AUTO:
        if _RUNTIME_NAME[Provider.CUDA] in ort.get_available_providers():
            log.warning("running on the CPU: this onnxruntime has CUDA, but %s", problem)
        return Provider.CPU
    raise ProviderUnavailable(f"provider 'cuda' was asked for, but {problem}; use 'cpu', or 'auto' to take what works")


def _cuda_problem() -> str | None:
    """Why CUDA can't be used, or None. That it is listed isn't enough: onnxruntime falls back without an error."""
    if _RUNTIME_NAME[Provider.CUDA] not in ort.get_available_providers():
        return "this onnxruntime has no CUDA (install the extra 'gpu' in place of 'cpu')"
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "probe", [value], [result])
    probe = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    ort.set_default_logger_severity(_FATAL)  # what goes wrong is said below, in one line
    with redirect_stdout(StringIO()):
        ort.preload_dlls()  # CUDA's libraries, from the packages that the extra brings along
    try:
        session = load_session("probe", probe.SerializeToString(), Provider.CUDA, 1, optimised=True)
    except ModelRefused as error:
        return f"it doesn't start here: {error}"
    finally:
        ort.set_default_logger_severity(_WARNING)
    if _RUNTIME_NAME[Provider.CUDA] not in session.get_providers():
        return "it doesn't start here: a driver or a library of it is missing"
    return None


def _has_single_output(session: ort.InferenceSession, manifest: Manifest) -> bool:
    """Whether one sigmoid output stands for two labels."""
    logits = next((node for node in session.get_outputs() if node.name == LOGITS), None)
    return manifest.head == "sigmoid" and len(manifest.labels) == 2 and logits is not None and logits.shape[1:] == [1]


def _check_signature(session: ort.InferenceSession, manifest: Manifest, outputs: int) -> None:
    """Hold inputs and outputs against the manifest; only the batch size may be open.

    Raises:
        ModelRefused: they differ.
    """
    spec = manifest.input
    found = {node.name: (node.type, list(node.shape)) for node in [*session.get_inputs(), *session.get_outputs()]}
    expected = {
        PIXELS: ("tensor(uint8)", [spec.height, spec.width, spec.channels]),
        LOGITS: ("tensor(float)", [outputs]),
        PROBABILITIES: ("tensor(float)", [outputs]),
    }
    if set(found) != set(expected):
        raise ModelRefused(f"{manifest.name}: the graph has {sorted(found)}, the contract wants {sorted(expected)}")
    for name, (kind, shape) in expected.items():
        found_kind, found_shape = found[name]
        if found_kind != kind or found_shape[1:] != shape or isinstance(found_shape[0], int):
            raise ModelRefused(
                f"{manifest.name}: {name!r} is {found_kind} {found_shape} in the graph; by its manifest it has to be"
                f" {kind} ['n', {', '.join(map(str, shape))}]"
            )
