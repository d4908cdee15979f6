"""Gives a small network that has learnt ticks and crosses, in a second, and what belongs to it when it is published."""

from collections import OrderedDict

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from service.contract import Manifest, OnnxFile
from service.engine import Engine, Provider, load_engine
from service.publish import sha256
from tests.published import manifest
from training.data.dataset import Dataset
from training.export import export
from training.serving_graph import Preprocessing, ServingGraph


def small_network(outputs: int = 2) -> nn.Module:
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(1, 4, 5),  # (n, 4, 24, 24)
            relu=nn.ReLU(inplace=True),
            pool=nn.MaxPool2d(4),  # (n, 4, 6, 6)
            flatten=nn.Flatten(),
            dense=nn.Linear(144, outputs),
        )
    )


def learn(dataset: Dataset, steps: int = 60) -> ServingGraph:
    """A network that tells most of the training pictures' labels."""
    torch.manual_seed(0)
    graph = ServingGraph(Preprocessing([0.1], [0.3]), small_network(len(dataset.labels)), "softmax")
    optimizer = torch.optim.Adam(graph.parameters(), lr=0.01)
    random = np.random.default_rng(0)
    for _ in range(steps):
        chosen = random.integers(0, len(dataset.train), 64)
        logits = graph.logits(torch.tensor(dataset.train.pictures[chosen]))
        loss = functional.cross_entropy(logits, torch.tensor(dataset.train.labels[chosen]))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return graph.eval()


def load(graph: ServingGraph, dataset: Dataset) -> tuple[Engine, bytes, Manifest]:
    """The engine that will serve it, its ONNX file, and its manifest."""
    exported = export(graph, dataset.input)
    made = manifest(exported.onnx, labels=dataset.labels).model_copy(
        update={
            "name": "marks",
            "input": dataset.input,
            "onnx": OnnxFile(sha256=sha256(exported.onnx), opset=exported.opset, parameters=394),
            "dataset": dataset.record(),
        }
    )
    return load_engine(made, exported.onnx, Provider.CPU, 1), exported.onnx, made
