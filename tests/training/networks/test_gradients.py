"""Every network, exported and differentiated without PyTorch: its gradients are PyTorch's."""

from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from service.inspection.gradients import float_picture, gradient_model
from service.inspection.graph import read_layers
from tests.training.inspected import pixels_of, serving
from tests.training.networks.exported import exported
from training.export import export
from training.networks.catalogue import NETWORKS
from training.serving_graph import ServingGraph

CLOSE = 1e-4
"""Largest difference allowed, as a share of the largest number."""

LOGIT = 1

BATCH = 2

ATTEMPTS = 3
"""Weights that are tried. Where a ReLU's input is zero but for rounding, onnxruntime and PyTorch may round it to either
side, and the gradients differ by a path: rare, and a rule that is wrong is wrong for all weights."""

Numbers = NDArray[np.float32]


@dataclass(frozen=True)
class Case:
    """A network with its weights, its serving graph, and pixels to try it with."""

    network: ServingGraph
    model: onnx.ModelProto
    pixels: Numbers
    """(n, h, w, c) of 0 to 255."""


def make_case(name: str, seed: int) -> Case:
    made = exported(name, seed)
    pixels = np.stack([made.noise(seed), made.noise(seed + 1)])
    return Case(made.graph, made.model, pixels.astype(np.float32))


def middle_layer(case: Case) -> tuple[str, str]:
    """A layer halfway that is a module of its own: the module's name, and the value that it gives."""
    layers = [layer for layer in read_layers(case.model) if layer.kind in {"conv", "relu", "tanh", "max_pool"}]
    layer = layers[len(layers) // 2]
    return layer.name, layer.tensor


def by_pytorch(case: Case, module: str) -> tuple[Numbers, Numbers]:
    """Gradients of a logit: with respect to the pixels, and to what a module gave."""
    kept: list[Tensor] = []

    def keep(_: nn.Module, __: object, output: Tensor) -> None:
        kept.append(output)

    modules = {name.removeprefix("network."): each for name, each in case.network.named_modules()}
    handle = modules[module].register_forward_hook(keep)
    pixels = torch.from_numpy(case.pixels).requires_grad_()
    logit = case.network.logits(pixels)[:, LOGIT].sum()
    handle.remove()
    picture, layer = torch.autograd.grad(logit, [pixels, *kept])
    return picture.numpy(), layer.numpy()


def by_onnxruntime(case: Case, value: str) -> tuple[Numbers, Numbers]:
    """The same without PyTorch."""
    floats = float_picture(case.model)
    made = gradient_model(case.model, of="logits", wrt=[floats, value], feeds=[floats])
    options = ort.SessionOptions()
    options.intra_op_num_threads = 2
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    session = ort.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
    labels = next(output.shape[1] for output in session.get_outputs() if output.name == "logits")
    cotangent = np.zeros((BATCH, labels), np.float32)
    cotangent[:, LOGIT] = 1
    outputs = [f"gradient/{floats}", f"gradient/{value}"]
    picture, layer = session.run(outputs, {floats: case.pixels, "cotangent": cotangent})
    return picture, layer


def difference(case: Case) -> float:
    """The largest, as a share of the largest number."""
    module, value = middle_layer(case)
    found, expected = by_onnxruntime(case, value), by_pytorch(case, module)
    shares = []
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape
        assert np.abs(theirs).max() > 0
        shares.append(float(np.abs(ours - theirs).max() / np.abs(theirs).max()))
    return max(shares)


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_of_picture_and_middle_layer(name: str) -> None:
    tried = []
    for seed in range(ATTEMPTS):
        tried.append(difference(make_case(name, seed)))
        if tried[-1] <= CLOSE:
            return
    pytest.fail(f"for {ATTEMPTS} sets of weights the gradients differ by {tried}")


def test_at_full_size() -> None:
    """With so many ReLUs and maxima a few are always rounded to the other side, in whatever precision.

    Each costs a path of the gradient; measured, together up to 1 % of its length.
    """
    torch.manual_seed(0)
    spec = pixels_of(3, 224, 224)
    network = serving(NETWORKS["googlenet"](3, 224, 224, 1000), spec).eval()
    pixels = np.random.default_rng(0).integers(0, 255, (BATCH, 224, 224, 3)).astype(np.float32)
    case = Case(network, onnx.load_model_from_string(export(network, spec).onnx), pixels)
    module, value = middle_layer(case)
    for ours, theirs in zip(by_onnxruntime(case, value), by_pytorch(case, module), strict=True):
        assert np.linalg.norm(ours - theirs) <= 0.02 * np.linalg.norm(theirs)
