"""Parameter counts and shapes of the networks, against published figures, and the smallest pictures they take."""

from typing import cast

import pytest
import torch
from torch import Tensor, nn

from training.errors import NetworkRefused
from training.networks.alexnet import alexnet
from training.networks.cat_stages import cat_lenet
from training.networks.catalogue import NETWORKS
from training.networks.lenet5 import lenet5
from training.networks.response_norm import ResponseNorm
from training.networks.tiny_vgg import tiny_vgg
from training.networks.vgg import vgg11
from training.networks.zfnet import zfnet

Input = tuple[int, int, int]

IMAGENET = (3, 224, 224)
CAT = (3, 320, 400)

PUBLISHED = {
    "tick-or-cross": ((1, 28, 28), 2, 296),
    "lenet5": ((1, 28, 28), 10, 61_706),
    "lenet5-tanh": ((1, 28, 28), 10, 61_706),
    "keras-mnist": ((1, 28, 28), 10, 421_642),
    "tiny-vgg": ((3, 64, 64), 10, 19_920),
    "alexnet": (IMAGENET, 1000, 61_100_840),
    "zfnet": (IMAGENET, 1000, 62_357_608),
    "vgg11": (IMAGENET, 1000, 132_863_336),
    "vgg16": (IMAGENET, 1000, 138_357_544),
    "vgg19": (IMAGENET, 1000, 143_667_240),
    "googlenet": (IMAGENET, 1000, 6_998_552),
    "googlenet-bn": (IMAGENET, 1000, 6_624_904),
    "resnet18": (IMAGENET, 1000, 11_689_512),
    "resnet34": (IMAGENET, 1000, 21_797_672),
    "resnet50": (IMAGENET, 1000, 25_557_032),
}

SMALLEST = {
    "tick-or-cross": 8, "lenet5": 12, "lenet5-tanh": 12, "keras-mnist": 4, "tiny-vgg": 16, "alexnet": 63, "zfnet": 53,
    "vgg11": 32, "vgg16": 32, "vgg19": 32, "googlenet": 31, "googlenet-bn": 31, "cat-conv3": 3, "cat-conv10": 10,
    "cat-conv15": 15, "cat-conv3-pool5": 7, "cat-conv3-relu-pool5": 7, "cat-lenet": 17,
    "small-cnn": 4, "small-resnet": 8, "mini-resnet": 8,
}  # fmt: skip


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def shapes(network: nn.Module, picture: Input) -> dict[str, tuple[int, ...]]:
    """What each layer of a network on the meta device gives, without the batch dimension."""
    seen: dict[str, tuple[int, ...]] = {}

    def watch(name: str, module: nn.Module) -> None:
        module.register_forward_hook(
            lambda _, __, output: seen.__setitem__(name, tuple(cast("Tensor", output).shape[1:]))
        )

    for name, module in network.named_modules():
        watch(name, module)
    network.eval()(torch.empty((2, *picture), device="meta"))
    return seen


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_the_published_ones(name: str) -> None:
    picture, outputs, count = PUBLISHED[name]
    with torch.device("meta"):
        network = NETWORKS[name](*picture, outputs)
    assert parameters(network) == count
    assert shapes(network, picture)[""] == (outputs,)


def test_lenet5_has_the_same_size_with_and_without_a_margin() -> None:
    for side, padding in ((28, 2), (32, 0)):
        network = lenet5(1, side, side, 10)
        assert parameters(network) == 61_706
        assert cast("nn.Conv2d", network.get_submodule("conv1")).padding == (padding, padding)
    assert lenet5(3, 40, 50, 4)(torch.zeros(2, 3, 40, 50)).shape == (2, 4)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (32, 32), (40, 56)])
def test_tiny_vgg_takes_other_sizes_and_numbers_of_filters(height: int, width: int) -> None:
    network = tiny_vgg(3, height, width, 10, filters=4)
    assert network(torch.zeros(2, 3, height, width)).shape == (2, 10)


def test_the_maps_of_the_networks_have_the_published_sizes() -> None:
    with torch.device("meta"):
        tiny, zeiler, krizhevsky = tiny_vgg(3, 64, 64, 10), zfnet(*IMAGENET, 1000), alexnet(*IMAGENET, 1000)
        inception, residual = NETWORKS["googlenet"](*IMAGENET, 1000), NETWORKS["resnet50"](*IMAGENET, 1000)
    maps = shapes(tiny, (3, 64, 64))
    names = ("conv1_1", "conv1_2", "pool1", "conv2_1", "conv2_2", "pool2")
    assert [maps[name][1] for name in names] == [62, 60, 30, 28, 26, 13]
    assert maps["flatten"] == (1690,)
    maps = shapes(zeiler, IMAGENET)
    names = ("conv1", "pool1", "conv2", "pool2", "conv5", "pool5")
    assert [maps[name][1] for name in names] == [110, 55, 26, 13, 13, 6]
    assert shapes(krizhevsky, IMAGENET)["pool5"] == (256, 6, 6)
    maps = shapes(inception, IMAGENET)
    assert maps["inception3b"] == (480, 28, 28)
    assert maps["inception4e"] == (832, 14, 14)
    assert maps["inception5b"] == (1024, 7, 7)
    assert shapes(residual, IMAGENET)["stage4"] == (2048, 7, 7)


@pytest.mark.parametrize(
    ("name", "layer", "shape"),
    [
        ("cat-conv3", "conv", (3, 318, 398)),
        ("cat-conv10", "conv", (3, 311, 391)),
        ("cat-conv15", "conv", (1, 306, 386)),
        ("cat-conv3-pool5", "pool", (3, 63, 79)),
        ("cat-conv3-relu-pool5", "pool", (3, 63, 79)),
        ("cat-lenet", "conv1", (3, 318, 398)),
        ("cat-lenet", "pool1", (3, 106, 132)),
        ("cat-lenet", "conv2", (3, 104, 130)),
        ("cat-lenet", "pool2", (3, 34, 43)),
    ],
)
def test_the_stages_of_the_cat_have_the_published_sizes(name: str, layer: str, shape: Input) -> None:
    with torch.device("meta"):
        network = NETWORKS[name](*CAT, 2)
    maps = shapes(network, CAT)
    assert maps[layer] == shape
    assert maps[""] == (2,)


def test_the_cats_filters_have_the_published_numbers_of_parameters() -> None:
    with torch.device("meta"):
        networks = [NETWORKS[name](*CAT, 2) for name in ("cat-conv3", "cat-conv10", "cat-conv15")]
        smaller = cat_lenet(*CAT, 2, last_pool=2)
    assert [parameters(network.get_submodule("conv")) for network in networks] == [84, 903, 676]
    assert shapes(smaller, CAT)["pool2"] == (3, 52, 65)


@pytest.mark.parametrize("name", NETWORKS)
def test_pictures_too_small_are_refused_with_the_smallest_size(name: str) -> None:
    side = SMALLEST.get(name, 1)
    with torch.device("meta"):
        assert shapes(NETWORKS[name](3, side, side, 4), (3, side, side))[""] == (4,)
        if side > 1:
            with pytest.raises(NetworkRefused, match=f"at least {side} × {side} pixels, these are {side - 1} × 500"):
                NETWORKS[name](3, side - 1, 500, 4)


def test_larger_maps_are_averaged_to_the_side_that_the_dense_layers_were_made_for() -> None:
    with torch.device("meta"):
        large, odd = vgg11(3, 448, 448, 10), alexnet(3, 300, 420, 10)
        plain = vgg11(*IMAGENET, 10)
    maps = shapes(large, (3, 448, 448))
    assert (maps["pool5"], maps["average"]) == ((512, 14, 14), (512, 7, 7))
    maps = shapes(odd, (3, 300, 420))
    assert (maps["pool5"], maps["average"]) == ((256, 8, 12), (256, 6, 6))
    assert not hasattr(plain, "average")


def test_the_averaging_is_pytorchs_adaptive_pooling_where_the_sides_are_multiples() -> None:
    with torch.device("meta"):
        network = vgg11(3, 448, 672, 10)
    values = torch.randn(2, 512, 14, 21)
    adaptive = nn.functional.adaptive_avg_pool2d(values, 7)
    torch.testing.assert_close(network.get_submodule("average")(values), adaptive)


def test_the_response_norm_is_the_papers() -> None:
    values = torch.randn(2, 7, 3, 3) * 50
    expected = torch.empty_like(values)
    for channel in range(7):
        near = values[:, max(0, channel - 2) : channel + 3]
        expected[:, channel] = values[:, channel] / (2 + 1e-4 * near.square().sum(dim=1)) ** 0.75
    torch.testing.assert_close(ResponseNorm()(values), expected)


@pytest.mark.parametrize(("name", "side"), [("alexnet", 64), ("zfnet", 64), ("vgg19", 32), ("googlenet", 32)])
def test_networks_without_batch_norm_start_with_values_that_can_be_learnt_from(name: str, side: int) -> None:
    """All labels are about equally likely, and a gradient of a fair size reaches the first layer."""
    torch.manual_seed(0)
    network = NETWORKS[name](3, side, side, 4).train()
    logits = network(torch.randn(4, 3, side, side))
    assert logits.abs().max() < 2
    first = next(network.parameters())
    (gradient,) = torch.autograd.grad(nn.functional.cross_entropy(logits, torch.arange(4)), first)
    assert 1e-3 < gradient.norm() < 100
