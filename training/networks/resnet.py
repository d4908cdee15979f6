"""ResNet, blocks with a way around them; 11,689,512 (18), 21,797,672 (34) and 25,557,032 (50 layers) parameters.

These are the counts for three channels and a thousand labels; the picture's size doesn't change them.

Source: K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, table 1. A block
that halves the map does so in its 3 x 3 convolution, also where the paper's bottleneck does in the 1 x 1 before it:
the form that is trained today, a little more accurate.
"""

from collections import OrderedDict

from torch import Tensor, nn

from training.networks.first_weights import draw_he_weights
from training.networks.map_size import Layers

_WIDTHS = (64, 128, 256, 512)
"""Of the stages; at 224 x 224 their maps have sides of 56, 28, 14, 7."""


def resnet18(channels: int, height: int, width: int, outputs: int) -> nn.Module:  # noqa: ARG001 - one signature for all
    """2, 2, 2, 2 blocks of two convolutions."""
    return _resnet(BasicBlock, (2, 2, 2, 2), channels, outputs)


def resnet34(channels: int, height: int, width: int, outputs: int) -> nn.Module:  # noqa: ARG001 - one signature for all
    """3, 4, 6, 3 blocks of two convolutions."""
    return _resnet(BasicBlock, (3, 4, 6, 3), channels, outputs)


def resnet50(channels: int, height: int, width: int, outputs: int) -> nn.Module:  # noqa: ARG001 - one signature for all
    """3, 4, 6, 3 blocks of three convolutions, narrow in their middle."""
    return _resnet(Bottleneck, (3, 4, 6, 3), channels, outputs)


class BasicBlock(nn.Module):
    """(n, c, h, w) -> (n, width, h / stride, w / stride): two convolutions, and the input added to what they give."""

    expansion = 1
    """Channels of the output, in widths."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, kernel_size=3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.shortcut = _shortcut(channels, width, stride)
        self.relu2 = nn.ReLU()

    def forward(self, values: Tensor) -> Tensor:
        """Convolutions and shortcut, added."""
        around = values if self.shortcut is None else self.shortcut(values)
        inner = self.relu1(self.norm1(self.conv1(values)))
        result: Tensor = self.relu2(self.norm2(self.conv2(inner)) + around)
        return result


class Bottleneck(nn.Module):
    """(n, c, h, w) -> (n, 4 · width, h / stride, w / stride): down to `width` channels, a 3 x 3 there, and up again."""

    expansion = 4
    """Channels of the output, in widths."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, kernel_size=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, stride=stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU()
        self.conv3 = nn.Conv2d(width, width * self.expansion, kernel_size=1, bias=False)
        self.norm3 = nn.BatchNorm2d(width * self.expansion)
        self.shortcut = _shortcut(channels, width * self.expansion, stride)
        self.relu3 = nn.ReLU()

    def forward(self, values: Tensor) -> Tensor:
        """Convolutions and shortcut, added."""
        around = values if self.shortcut is None else self.shortcut(values)
        narrow = self.relu1(self.norm1(self.conv1(values)))
        inner = self.relu2(self.norm2(self.conv2(narrow)))
        result: Tensor = self.relu3(self.norm3(self.conv3(inner)) + around)
        return result


def _shortcut(channels: int, outputs: int, stride: int) -> nn.Module | None:
    """What brings a block's input to its output's shape; nothing where it has it."""
    if stride == 1 and channels == outputs:
        return None
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(channels, outputs, kernel_size=1, stride=stride, bias=False),
            norm=nn.BatchNorm2d(outputs),
        )
    )


def _resnet(
    block: type[BasicBlock] | type[Bottleneck], depths: tuple[int, ...], channels: int, outputs: int
) -> nn.Module:
    layers: Layers = OrderedDict(
        conv1=nn.Conv2d(channels, 64, kernel_size=7, stride=2, padding=3, bias=False),  # (n, 64, 112, 112)
        norm1=nn.BatchNorm2d(64),
        relu1=nn.ReLU(),
        pool1=nn.MaxPool2d(kernel_size=3, stride=2, padding=1),  # (n, 64, 56, 56)
    )
    channels = 64
    for stage, (depth, width) in enumerate(zip(depths, _WIDTHS, strict=True), start=1):
        blocks: Layers = OrderedDict()
        for number in range(1, depth + 1):
            blocks[f"block{number}"] = block(channels, width, stride=2 if number == 1 < stage else 1)
            channels = width * block.expansion
        layers[f"stage{stage}"] = nn.Sequential(blocks)  # (n, width · expansion, 56 / 2^(stage - 1), ...)
    layers |= OrderedDict(
        average=nn.AdaptiveAvgPool2d(1),  # (n, c, 1, 1)
        flatten=nn.Flatten(),  # (n, c)
        dense=nn.Linear(channels, outputs),
    )
    return draw_he_weights(nn.Sequential(layers), "fan_out")
