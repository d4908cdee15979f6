"""ZFNet, AlexNet with a finer first look; 62,357,608 parameters for 3 x 224 x 224 pixels and a thousand labels.

Source: M. D. Zeiler, R. Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, figure 3.
"""

from collections import OrderedDict

from torch import nn

from training.networks.dense_head import dense_head
from training.networks.first_weights import draw_he_weights
from training.networks.map_size import Layers, average_to, map_shape
from training.networks.response_norm import ResponseNorm


def zfnet(channels: int, height: int, width: int, outputs: int) -> nn.Module:
    """Five convolutions and three dense layers; shapes are those of 224 x 224 pixels, larger maps are averaged to 6."""
    layers: Layers = OrderedDict(
        conv1=nn.Conv2d(channels, 96, kernel_size=7, stride=2, padding=1),  # (n, 96, 110, 110)
        relu1=nn.ReLU(),
        pool1=nn.MaxPool2d(kernel_size=3, stride=2, padding=1),  # (n, 96, 55, 55)
        norm1=ResponseNorm(),
        conv2=nn.Conv2d(96, 256, kernel_size=5, stride=2),  # (n, 256, 26, 26)
        relu2=nn.ReLU(),
        pool2=nn.MaxPool2d(kernel_size=3, stride=2, padding=1),  # (n, 256, 13, 13)
        norm2=ResponseNorm(),
        conv3=nn.Conv2d(256, 384, kernel_size=3, padding=1),  # (n, 384, 13, 13)
        relu3=nn.ReLU(),
        conv4=nn.Conv2d(384, 384, kernel_size=3, padding=1),  # (n, 384, 13, 13)
        relu4=nn.ReLU(),
        conv5=nn.Conv2d(384, 256, kernel_size=3, padding=1),  # (n, 256, 13, 13)
        relu5=nn.ReLU(),
        pool5=nn.MaxPool2d(kernel_size=3, stride=2),  # (n, 256, 6, 6)
    )
    shape = map_shape("ZFNet", layers, (channels, height, width))
    averaging, shape = average_to(6, shape, "average")
    layers |= averaging  # none at 224 x 224
    layers |= dense_head(shape, outputs)  # (n, 9216) -> (n, K)
    return draw_he_weights(nn.Sequential(layers), "fan_out")
