"""Turns a network's name, or file.py:Class, into what builds it."""

from collections.abc import Mapping

from training.errors import NetworkRefused
from training.networks.alexnet import alexnet
from training.networks.cat_stages import (
    cat_conv3,
    cat_conv3_pool5,
    cat_conv3_relu_pool5,
    cat_conv10,
    cat_conv15,
    cat_lenet,
)
from training.networks.googlenet import googlenet, googlenet_bn
from training.networks.keras_mnist import keras_mnist
from training.networks.lenet5 import lenet5, lenet5_tanh
from training.networks.own import Build, is_own, load_own
from training.networks.resnet import resnet18, resnet34, resnet50
from training.networks.small_cnn import small_cnn
from training.networks.small_resnet import mini_resnet, small_resnet
from training.networks.tick_or_cross import tick_or_cross
from training.networks.tiny_vgg import tiny_vgg
from training.networks.vgg import vgg11, vgg16, vgg19
from training.networks.zfnet import zfnet

NETWORKS: Mapping[str, Build] = {
    "tick-or-cross": tick_or_cross,
    "lenet5": lenet5,
    "lenet5-tanh": lenet5_tanh,
    "keras-mnist": keras_mnist,
    "tiny-vgg": tiny_vgg,
    "small-cnn": small_cnn,
    "mini-resnet": mini_resnet,
    "small-resnet": small_resnet,
    "alexnet": alexnet,
    "zfnet": zfnet,
    "vgg11": vgg11,
    "vgg16": vgg16,
    "vgg19": vgg19,
    "googlenet": googlenet,
    "googlenet-bn": googlenet_bn,
    "resnet18": resnet18,
    "resnet34": resnet34,
    "resnet50": resnet50,
    "cat-conv3": cat_conv3,
    "cat-conv10": cat_conv10,
    "cat-conv15": cat_conv15,
    "cat-conv3-pool5": cat_conv3_pool5,
    "cat-conv3-relu-pool5": cat_conv3_relu_pool5,
    "cat-lenet": cat_lenet,
}
"""By the name that the command line knows; small ones first."""


def find_network(name: str) -> Build:
    """What builds a network.

    Args:
        name: one of `NETWORKS`, or `path/to/file.py:Class` for a network of one's own.

    Raises:
        NetworkRefused: the name is unknown, or the file can't be loaded or has nothing of that name. What is given
            back raises it too: where the pictures are too small, or one's own network isn't what it has to be.
    """
    if name in NETWORKS:
        return NETWORKS[name]
    if is_own(name):
        return load_own(name)
    raise NetworkRefused(
        f"no network is called {name!r}; there are {', '.join(NETWORKS)}, and your own as path/to/file.py:Class"
    )
