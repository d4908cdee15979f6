"""What later networks are built of, as both of PyTorch's exporters write it: its gradients are PyTorch's."""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from service.inspection.gradients import gradient_model

CLOSE = 1e-4
"""Largest difference allowed, as a share of the largest number."""


def normalised(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    """A convolution without a bias, and its BatchNorm."""
    return [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]


class DenseBlock(nn.Module):
    """DenseNet: every layer reads all before it; then the transition. G. Huang et al., 2017."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(8 + 4 * at), nn.ReLU(), *normalised(8 + 4 * at, 16, 1), nn.ReLU(),
                          nn.Conv2d(16, 4, 3, padding=1, bias=False))
            for at in range(3)
        )  # fmt: skip
        self.transition = nn.Sequential(nn.BatchNorm2d(20), nn.ReLU(), nn.Conv2d(20, 10, 1), nn.AvgPool2d(2))

    def forward(self, x: Tensor) -> Tensor:
        maps = [x]
        for layer in self.layers:
            maps.append(layer(torch.cat(maps, 1)))
        out: Tensor = self.transition(torch.cat(maps, 1))
        return out


class InvertedResidual(nn.Module):
    """MobileNet v2: expand, depthwise, project; ReLU6. M. Sandler et al., 2018."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.steps = nn.Sequential(
            *normalised(8, 24, 1), nn.ReLU6(), *normalised(24, 24, 3, stride, groups=24), nn.ReLU6(),
            *normalised(24, 8, 1),
        )  # fmt: skip
        self.is_residual = stride == 1

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.steps(x)
        return x + out if self.is_residual else out


class SqueezeExcite(nn.Module):
    """Channels are weighed by what the whole map shows. J. Hu et al., 2018."""

    def __init__(self, channels: int, inner: nn.Module, gate: nn.Module) -> None:
        super().__init__()
        self.steps = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, channels // 4, 1), inner,
            nn.Conv2d(channels // 4, channels, 1), gate,
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.steps(x)
        return out * x


def mobile_v3() -> nn.Module:
    """MobileNet v3's block: hard swish, hard sigmoid, a 5 x 5 depthwise convolution. A. Howard et al., 2019."""
    return nn.Sequential(
        *normalised(8, 24, 1), nn.Hardswish(), *normalised(24, 24, 5, 2, groups=24), nn.Hardswish(),
        SqueezeExcite(24, nn.ReLU(), nn.Hardsigmoid()), *normalised(24, 12, 1),
    )  # fmt: skip


def efficient() -> nn.Module:
    """EfficientNet's MBConv: SiLU and squeeze-and-excitation. M. Tan, Q. Le, 2019."""
    return nn.Sequential(
        *normalised(8, 32, 1), nn.SiLU(), *normalised(32, 32, 3, 2, groups=32), nn.SiLU(),
        SqueezeExcite(32, nn.SiLU(), nn.Sigmoid()), *normalised(32, 12, 1),
    )  # fmt: skip


class Fire(nn.Module):
    """SqueezeNet: squeeze, expand in two widths, overlapping pooling with a ceiling. F. Iandola et al., 2016."""

    def __init__(self) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(8, 4, 1)
        self.narrow, self.wide = nn.Conv2d(4, 8, 1), nn.Conv2d(4, 8, 3, padding=1)
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)

    def forward(self, x: Tensor) -> Tensor:
        squeezed = self.squeeze(x).relu()
        out: Tensor = self.pool(torch.cat([self.narrow(squeezed).relu(), self.wide(squeezed).relu()], 1))
        return out


class Shuffle(nn.Module):
    """ShuffleNet v2: half of the channels go through, then all are shuffled. N. Ma et al., 2018."""

    def __init__(self) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            *normalised(4, 4, 1), nn.ReLU(), *normalised(4, 4, groups=4), *normalised(4, 4, 1), nn.ReLU()
        )

    def forward(self, x: Tensor) -> Tensor:
        left, right = torch.chunk(x, 2, dim=1)
        joined = torch.cat([left, self.branch(right)], 1)
        batch, channels, height, width = joined.shape
        shuffled = joined.view(batch, 2, channels // 2, height, width).transpose(1, 2)
        out: Tensor = shuffled.reshape(batch, channels, height, width)
        return out


class Next(nn.Module):
    """ConvNeXt: depthwise 7 x 7, LayerNorm with channels last, GELU, a scale. Z. Liu et al., 2022."""

    def __init__(self) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(8, 8, 7, padding=3, groups=8)
        self.norm = nn.LayerNorm(8)
        self.expand, self.project = nn.Linear(8, 32), nn.Linear(32, 8)
        self.scale = nn.Parameter(torch.full((8,), 0.3))

    def forward(self, x: Tensor) -> Tensor:
        inner = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        inner = self.scale * self.project(functional.gelu(self.expand(inner)))
        out: Tensor = x + inner.permute(0, 3, 1, 2)
        return out


class Attention(nn.Module):
    """A patch embedding and a transformer's attention. A. Dosovitskiy et al., 2021."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(8, 12, 4, 4)
        self.mixed = nn.Linear(12, 36)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        batch, count, _ = tokens.shape
        query, key, value = self.mixed(tokens).reshape(batch, count, 3, 2, 6).permute(2, 0, 3, 1, 4).unbind(0)
        weights = (query @ key.transpose(-2, -1) / 6**0.5).softmax(-1)
        out: Tensor = (weights @ value).transpose(1, 2).reshape(batch, count, 12)
        return out


def grouped() -> nn.Module:
    """GroupNorm and InstanceNorm, average pools that count their pads or don't, a transposed convolution."""
    return nn.Sequential(
        nn.Conv2d(8, 12, 3, padding=1), nn.GroupNorm(3, 12), nn.ELU(), nn.AvgPool2d(3, 2, 1),
        nn.InstanceNorm2d(12, affine=True), nn.AvgPool2d(3, 1, 1, count_include_pad=False), nn.PReLU(12),
        nn.ConvTranspose2d(12, 6, 4, 2, 1), nn.PixelShuffle(1), nn.ReflectionPad2d(1), nn.Softmax(1),
    )  # fmt: skip


BLOCKS: Mapping[str, Callable[[], nn.Module]] = {
    "densenet": DenseBlock,
    "mobilenet v2": lambda: InvertedResidual(1),
    "mobilenet v2, stride 2": lambda: InvertedResidual(2),
    "mobilenet v3": mobile_v3,
    "efficientnet": efficient,
    "squeezenet": Fire,
    "shufflenet v2": Shuffle,
    "convnext": Next,
    "attention": Attention,
    "normalisations": grouped,
}

SHAPE = (8, 13, 12)
"""Of a picture: odd, so that strides don't divide it; even, so that they do."""


def export(block: nn.Module, example: Tensor, exporter: str, folder: Path) -> onnx.ModelProto:
    """With an open batch size, by the exporter of today or by the one of before."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporters' own internals
        if exporter == "dynamo":
            dynamic = ({0: torch.export.Dim("n")},)
            program = torch.onnx.export(
                block, (example,), dynamo=True, input_names=["x"], output_names=["y"], dynamic_shapes=dynamic,
                verbose=False,
            )  # fmt: skip
            assert program is not None
            return program.model_proto
        path = folder / "block.onnx"
        torch.onnx.export(
            block, (example,), path, dynamo=False, input_names=["x"], output_names=["y"],
            dynamic_axes={"x": {0: "n"}, "y": {0: "n"}}, opset_version=int(exporter.removeprefix("opset ")),
        )  # fmt: skip
        return onnx.load(path)


@pytest.mark.parametrize("exporter", ["dynamo", "opset 11", "opset 17"])
@pytest.mark.parametrize("name", BLOCKS)
def test_gradients_of_blocks(name: str, exporter: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    block = BLOCKS[name]()
    block.train()
    with torch.no_grad():
        block(torch.randn(8, *SHAPE) * 2 + 1)  # so that running statistics are not 0 and 1
    block.eval()
    made = gradient_model(export(block, torch.randn(2, *SHAPE), exporter, tmp_path), of="y", wrt=["x"])
    x = torch.randn(3, *SHAPE, requires_grad=True)
    y = block(x)
    cotangent = torch.randn_like(y)
    (truth,) = torch.autograd.grad(y, x, cotangent)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
    found, gradient = session.run(["y", "gradient/x"], {"x": x.detach().numpy(), "cotangent": cotangent.numpy()})
    for ours, theirs in ((found, y.detach().numpy()), (gradient, truth.numpy())):
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).max() <= CLOSE * np.abs(theirs).max()
