"""Every network, exported and taken into the service: each layer is there, of its kind, and what PyTorch computes."""

import gc
from collections import Counter

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from service.engine import Provider, load_engine
from service.inspection.graph import read_layers
from tests.training.inspected import compare, pixels_of, published, serving
from tests.training.networks.exported import exported
from training.export import export
from training.networks.catalogue import NETWORKS
from training.networks.googlenet import Inception
from training.networks.resnet import BasicBlock, Bottleneck

RESIDUAL = {"conv", "batch_norm", "relu", "max_pool", "add", "global_average_pool", "flatten", "dense"}
LENET = {"conv", "relu", "max_pool", "flatten", "dense"}

KINDS = {
    "tick-or-cross": LENET,
    "lenet5": LENET,
    "lenet5-tanh": {"conv", "tanh", "average_pool", "flatten", "dense"},
    "keras-mnist": LENET,
    "tiny-vgg": LENET,
    "alexnet": LENET,
    "zfnet": LENET | {"lrn"},
    "vgg11": LENET,
    "googlenet": LENET | {"lrn", "concat", "global_average_pool"},
    "googlenet-bn": LENET | {"batch_norm", "concat", "global_average_pool"},
    "resnet18": RESIDUAL,
    "resnet34": RESIDUAL,
    "resnet50": RESIDUAL,
    "cat-conv3": {"conv", "flatten", "dense"},
    "cat-conv10": {"conv", "flatten", "dense"},
    "cat-conv15": {"conv", "flatten", "dense"},
    "cat-conv3-pool5": {"conv", "max_pool", "flatten", "dense"},
    "cat-conv3-relu-pool5": LENET,
    "cat-lenet": LENET,
}
"""The kinds of each network's layers; VGG-16 and 19 are VGG-11 with more of the same."""


BLOCKS: dict[str, tuple[type[nn.Module], ...]] = {"add": (BasicBlock, Bottleneck), "concat": (Inception,)}


@pytest.mark.parametrize("name", KINDS)
def test_every_layer_is_of_its_kind_and_what_pytorchs_hooks_see(name: str) -> None:
    made = exported(name)
    graph = made.graph
    inspector = compare(graph, made.version, [made.noise()])
    assert {layer.kind for layer in inspector.layers} == KINDS[name] | {"preprocessing", "softmax"}
    assert sum(layer.parameters for layer in inspector.layers) == sum(each.numel() for each in graph.parameters())
    modules = {name.removeprefix("network."): module for name, module in graph.named_modules()}
    for layer in inspector.layers:
        assert all(layer.output_shape), f"{layer.name} has a shape"
        module = modules[layer.name]  # a layer that is no module would be clutter of the exporter's
        assert isinstance(module, BLOCKS.get(layer.kind, (nn.Module,))), "sums and joins have their block's name"


def test_a_global_maximum_is_a_kind_of_its_own() -> None:
    made = exported("small-resnet")
    inspector = compare(made.graph, made.version, [np.full((32, 32, 3), 100, np.uint8)])
    assert Counter(layer.kind for layer in inspector.layers)["global_max_pool"] == 1


def test_tiny_vggs_layer_table_is_cnn_explainers() -> None:
    spec = pixels_of(3, 64, 64)
    graph = serving(NETWORKS["tiny-vgg"](3, 64, 64, 10), spec)
    layers = {layer.name: layer for layer in read_layers(onnx.load_model_from_string(export(graph, spec).onnx))}
    assert sum(layer.macs for layer in layers.values()) == 5_608_780
    assert sum(layer.parameters for layer in layers.values()) == 19_920
    names = ("conv1_1", "conv1_2", "pool1", "conv2_1", "conv2_2", "pool2")
    rows = [layers[name] for name in names]
    assert [row.macs for row in rows if row.macs] == [1_037_880, 3_240_000, 705_600, 608_400]
    assert layers["dense"].macs == 16_900
    assert [row.receptive_field for row in rows] == [[side, side] for side in (3, 5, 6, 10, 14, 16)]
    assert [row.jump for row in rows] == [[step, step] for step in (1, 1, 2, 2, 2, 4)]


@pytest.mark.parametrize("name", ["alexnet", "vgg16", "googlenet"])
def test_at_full_size_the_engine_answers_what_pytorch_answers(name: str) -> None:
    torch.manual_seed(0)
    spec = pixels_of(3, 224, 224)
    graph = serving(NETWORKS[name](3, 224, 224, 1000), spec).eval()
    version = published(export(graph, spec), spec, 1000)
    pixels = np.random.default_rng(0).integers(0, 255, (1, 224, 224, 3), np.uint8)
    with torch.inference_mode():
        expected = graph.logits(torch.from_numpy(pixels)).numpy()
    del graph
    engine = load_engine(version.manifest, version.onnx, Provider.CPU, threads=2)
    del version
    difference = np.abs(engine.run(pixels).logits - expected).max()
    del engine
    gc.collect()  # half a gigabyte each
    assert difference <= 1e-4 * np.abs(expected).max()
