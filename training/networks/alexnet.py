"""AlexNet in one column; 61,100,840 parameters for 3 x 224 x 224 pixels and a thousand labels.

Source: A. Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014, which joins the two
columns of A. Krizhevsky, I. Sutskever, G. E. Hinton, "ImageNet Classification with Deep Convolutional Neural
Networks", NIPS 2012, and leaves its response normalisation out.
"""

from collections import OrderedDict

from torch import nn

from training.networks.dense_head import dense_head
from training.networks.first_weights import draw_he_weights
from training.networks.map_size import Layers, average_to, map_shape


def alexnet(channels: int, height: int, width: int, outputs: int) -> nn.Module:
    """Five convolutions and three dense layers; shapes are those of 224 x 224 pixels, larger maps are averaged to 6."""
    layers: Layers = OrderedDict(
        conv1=nn.Conv2d(channels, 64, kernel_size=11, stride=4, padding=2),  # (n, 64, 55, 55)
        relu1=nn.ReLU(),
        pool1=nn.MaxPool2d(kernel_size=3, stride=2),  # (n, 64, 27, 27)
        conv2=nn.Conv2d(64, 192, kernel_size=5, padding=2),  # (n, 192, 27, 27)
        relu2=nn.ReLU(),
        pool2=nn.MaxPool2d(kernel_size=3, stride=2),  # (n, 192, 13, 13)
        conv3=nn.Conv2d(192, 384, kernel_size=3, padding=1),  # (n, 384, 13, 13)
        relu3=nn.ReLU(),
        conv4=nn.Conv2d(384, 256, kernel_size=3, padding=1),  # (n, 256, 13, 13)
        relu4=nn.ReLU(),
        conv5=nn.Conv2d(256, 256, kernel_size=3, padding=1),  # (n, 256, 13, 13)
        relu5=nn.ReLU(),
        pool5=nn.MaxPool2d(kernel_size=3, stride=2),  # (n, 256, 6, 6)
    )
    shape = map_shape("AlexNet", layers, (channels, height, width))
    averaging, shape = average_to(6, shape, "average")
    layers |= averaging  # none at 224 x 224
    layers |= dense_head(shape, outputs)  # (n, 9216) -> (n, K)
    return draw_he_weights(nn.Sequential(layers), "fan_out")
