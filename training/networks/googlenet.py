"""GoogLeNet, inception modules that look in four ways at once; 6,998,552 parameters, with BatchNorm 6,624,904.

These are the counts for three channels and a thousand labels, without the auxiliary heads, which only training needed.

Sources: C. Szegedy, W. Liu, Y. Jia, P. Sermanet, S. Reed, D. Anguelov, D. Erhan, V. Vanhoucke, A. Rabinovich, "Going
Deeper with Convolutions", CVPR 2015, table 1; BatchNorm: S. Ioffe, C. Szegedy, "Batch Normalization: Accelerating Deep
Network Training by Reducing Internal Covariate Shift", ICML 2015.
"""

from collections import OrderedDict
from typing import NamedTuple

import torch
from torch import Tensor, nn

from training.networks.first_weights import draw_he_weights
from training.networks.map_size import Layers, Shape, map_shape
from training.networks.response_norm import ResponseNorm


class Widths(NamedTuple):
    """Filters of an inception module, named as in the paper's table."""

    single: int
    reduce3: int
    conv3: int
    reduce5: int
    conv5: int
    project: int


_MODULES = {
    "3a": Widths(64, 96, 128, 16, 32, 32),  # -> (n, 256, 28, 28)
    "3b": Widths(128, 128, 192, 32, 96, 64),  # -> (n, 480, 28, 28)
    "4a": Widths(192, 96, 208, 16, 48, 64),  # -> (n, 512, 14, 14)
    "4b": Widths(160, 112, 224, 24, 64, 64),
    "4c": Widths(128, 128, 256, 24, 64, 64),
    "4d": Widths(112, 144, 288, 32, 64, 64),  # -> (n, 528, 14, 14)
    "4e": Widths(256, 160, 320, 32, 128, 128),  # -> (n, 832, 14, 14)
    "5a": Widths(256, 160, 320, 32, 128, 128),  # -> (n, 832, 7, 7)
    "5b": Widths(384, 192, 384, 48, 128, 128),  # -> (n, 1024, 7, 7)
}
_POOLED_AFTER = {"3b": "pool3", "4e": "pool4"}


class Form(NamedTuple):
    """What the two networks differ in."""

    name: str
    has_batch_norm: bool
    large_kernel: int
    """Of an inception module's third branch."""
    dropout: float


def googlenet(channels: int, height: int, width: int, outputs: int) -> nn.Module:
    """As published: biases, response normalisation, 5 x 5 in each module's third branch."""
    return _googlenet(Form("GoogLeNet", False, 5, 0.4), (channels, height, width), outputs)


def googlenet_bn(channels: int, height: int, width: int, outputs: int) -> nn.Module:
    """As it is trained today: BatchNorm in place of biases and of response normalisation, 3 x 3 in place of 5 x 5."""
    return _googlenet(Form("GoogLeNet", True, 3, 0.2), (channels, height, width), outputs)


class Inception(nn.Module):
    """(n, c, h, w) -> (n, c', h, w): four branches side by side, their channels one after the other."""

    def __init__(self, channels: int, widths: Widths, form: Form) -> None:
        super().__init__()
        large = form.large_kernel
        self.branch1 = nn.Sequential(_convolution("conv", channels, widths.single, 1, form))
        self.branch2 = nn.Sequential(
            _convolution("reduce", channels, widths.reduce3, 1, form)
            | _convolution("conv", widths.reduce3, widths.conv3, 3, form)
        )
        self.branch3 = nn.Sequential(
            _convolution("reduce", channels, widths.reduce5, 1, form)
            | _convolution("conv", widths.reduce5, widths.conv5, large, form)
        )
        self.branch4 = nn.Sequential(
            OrderedDict[str, nn.Module](pool=nn.MaxPool2d(kernel_size=3, stride=1, padding=1))
            | _convolution("project", channels, widths.project, 1, form)
        )

    def forward(self, values: Tensor) -> Tensor:
        """The four branches' channels."""
        return torch.cat(
            [self.branch1(values), self.branch2(values), self.branch3(values), self.branch4(values)], dim=1
        )


def _googlenet(form: Form, picture: Shape, outputs: int) -> nn.Module:
    layers = _stem(picture[0], form)
    channels = 192
    for number, widths in _MODULES.items():
        layers[f"inception{number}"] = Inception(channels, widths, form)
        channels = widths.single + widths.conv3 + widths.conv5 + widths.project
        if number in _POOLED_AFTER:
            layers[_POOLED_AFTER[number]] = _halve()
    map_shape(form.name, layers, picture)
    layers |= OrderedDict(
        average=nn.AdaptiveAvgPool2d(1),  # (n, 1024, 1, 1)
        flatten=nn.Flatten(),  # (n, 1024)
        dropout=nn.Dropout(form.dropout),
        dense=nn.Linear(channels, outputs),
    )
    return draw_he_weights(nn.Sequential(layers), "fan_in")


def _stem(channels: int, form: Form) -> Layers:
    """Everything before the first inception module, down to an eighth of the picture's side."""
    layers = _convolution("conv1", channels, 64, 7, form, stride=2)  # (n, 64, 112, 112)
    layers["pool1"] = _halve()  # (n, 64, 56, 56)
    if not form.has_batch_norm:
        layers["norm1"] = ResponseNorm()
    layers |= _convolution("reduce2", 64, 64, 1, form)
    layers |= _convolution("conv2", 64, 192, 3, form)  # (n, 192, 56, 56)
    if not form.has_batch_norm:
        layers["norm2"] = ResponseNorm()
    layers["pool2"] = _halve()  # (n, 192, 28, 28)
    return layers


def _halve() -> nn.Module:
    return nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)


def _convolution(  # noqa: PLR0913, PLR0917 - a convolution is told in five words
    name: str, channels: int, filters: int, kernel: int, form: Form, stride: int = 1
) -> Layers:
    """A convolution that keeps the map's size up to the stride, and its ReLU."""
    layers: Layers = OrderedDict()
    layers[name] = nn.Conv2d(
        channels, filters, kernel, stride=stride, padding=kernel // 2, bias=not form.has_batch_norm
    )
    if form.has_batch_norm:
        layers[f"{name}_norm"] = nn.BatchNorm2d(filters, eps=1e-3)
    layers[f"{name}_relu"] = nn.ReLU()
    return layers
