"""Holds the gradient of a small graph, computed by onnxruntime, to PyTorch's of the same function or to differences."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from service.inspection.gradients import gradient_model

Numbers = NDArray[np.float32]

CLOSE = 1e-4
"""Largest difference allowed, as a share of the largest number."""


def node(operator: str, *inputs: str, output: str = "y", **attributes: Any) -> NodeProto:  # noqa: ANN401 - of any type
    return named_node(operator, inputs, output, attributes)


def named_node(operator: str, inputs: Sequence[str], output: str, attributes: Mapping[str, Any]) -> NodeProto:
    made: NodeProto = helper.make_node(operator, list(inputs), [output], **attributes)
    return made


def normal(*shape: int, seed: int = 0, scale: float = 1.0) -> Numbers:
    return np.asarray(scale * np.random.default_rng(seed).standard_normal(shape), np.float32)


def positive(*shape: int) -> Numbers:
    return (np.abs(np.random.default_rng(0).standard_normal(shape)) + 0.1).astype(np.float32)


def network(
    nodes: Sequence[NodeProto],
    shape: Sequence[int],
    weights: Mapping[str, NDArray[np.generic]] | None = None,
    opset: int = 20,
    output: str = "y",
) -> onnx.ModelProto:
    """A graph that takes x, float32 (n, *shape)."""
    graph = helper.make_graph(
        list(nodes),
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *shape])],
        [helper.make_empty_tensor_value_info(output)],
        [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10 if opset < 24 else 11)


def run(model: onnx.ModelProto, feeds: Mapping[str, NDArray[np.generic]]) -> dict[str, Numbers]:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(feeds)), strict=True))


def difference(found: NDArray[np.generic], truth: NDArray[np.generic]) -> float:
    """The largest, as a share of the largest number."""
    assert found.shape == truth.shape
    assert np.isfinite(found.astype(np.float64)).all()
    scale = np.abs(truth).max()
    return float(np.abs(found.astype(np.float64) - truth.astype(np.float64)).max() / (scale or 1.0))


def hold(model: onnx.ModelProto, function: Callable[[torch.Tensor], torch.Tensor], x: Numbers) -> None:
    """Hold a graph and its gradient to a function of PyTorch's and its own.

    Args:
        model: from x, float32 (n, ...), to y.
        function: the same.
        x: where to compare.
    """
    pictures = torch.from_numpy(x.copy()).requires_grad_()
    y = function(pictures)
    cotangent = normal(*y.shape, seed=99)
    (truth,) = torch.autograd.grad(y, pictures, torch.from_numpy(cotangent))
    made = gradient_model(model, of="y", wrt=["x"])
    onnx.checker.check_model(made)
    found = run(made, {"x": x, "cotangent": cotangent})
    assert difference(found["y"], y.detach().numpy()) <= CLOSE, "the function is another one"
    assert difference(found["gradient/x"], truth.numpy()) <= CLOSE
    assert np.abs(found["gradient/x"]).max() > 0, "a comparison of zeros says nothing"


def hold_to_differences(model: onnx.ModelProto, x: Numbers) -> None:
    """Hold the gradient of a graph that is linear in x to differences of onnxruntime's own results.

    Args:
        model: from x, float32 (1, ...), to y.
        x: where to compare.
    """
    steps = np.eye(x.size, dtype=np.float32).reshape(x.size, *x.shape[1:])
    change = run(model, {"x": x + steps})["y"] - run(model, {"x": x})["y"]
    cotangent = normal(1, *change.shape[1:], seed=99)
    truth = (change.reshape(x.size, -1) @ cotangent.reshape(-1)).reshape(x.shape)
    found = run(gradient_model(model, of="y", wrt=["x"]), {"x": x, "cotangent": cotangent})
    assert difference(found["gradient/x"], truth) <= CLOSE
    assert np.abs(truth).max() > 0
