"""Draws a network's first weights so that values keep their size on the way through many ReLU layers.

Source: K. He, X. Zhang, S. Ren, J. Sun, "Delving Deep into Rectifiers: Surpassing Human-Level Performance on ImageNet
Classification", ICCV 2015.
"""

from typing import Literal

from torch import nn

LAST_LAYER_DEVIATION = 0.01
"""Of the last dense layer: a new network holds all labels for about equally likely."""


def draw_he_weights(network: nn.Sequential, fan: Literal["fan_in", "fan_out"]) -> nn.Sequential:
    """Give convolutions and dense layers normal weights of variance 2 / fan, the last layer small ones.

    Biases stay the small random numbers that PyTorch drew: the exporter leaves a bias of zeros out, and an untrained
    network, or the first frame of a film, would be published with fewer parameters than it has.

    Args:
        network: its last module is the dense layer that gives the scores.
        fan: what a convolution's variance is reckoned by: its inputs, which keeps the values' size on the way forward,
            or its outputs, which keeps the gradients' on the way back. Where the channels go up and down, as in
            GoogLeNet, the values outgrow themselves with the latter.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode=fan, nonlinearity="relu")
        elif module is network[-1] and isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=LAST_LAYER_DEVIATION)
        elif isinstance(module, nn.Linear):
            nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
    return network
