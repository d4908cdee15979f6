"""A network's name, or file.py:Class, to what builds it."""

import sys
from pathlib import Path

import pytest
import torch

from service.errors import ConvscopeError
from training.errors import NetworkRefused
from training.networks.catalogue import NETWORKS, find_network
from training.networks.lenet5 import lenet5

OWN = """
import torch
from torch import nn
{before}

class Own(nn.Module):
    def __init__(self{arguments}):
        super().__init__()
        self.dense = nn.Linear({inputs}, {outputs})

    def forward(self, pictures):
        return {returned}
"""


def own(folder: Path, **parts: str) -> str:
    """A file with a network of one's own, and its name."""
    parts = {
        "before": "",
        "arguments": ", channels, height, width, outputs",
        "inputs": "channels * height * width",
        "outputs": "outputs",
        "returned": "self.dense(pictures.flatten(1))",
    } | parts
    path = folder / "own.py"
    path.write_text(OWN.format(**parts))
    return f"{path}:Own"


def test_a_known_name_gives_its_builder() -> None:
    assert find_network("lenet5") is lenet5
    assert all(name == name.lower() and "_" not in name for name in NETWORKS)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(NetworkRefused, match="no network is called 'lenet'") as refused:
        find_network("lenet")
    assert all(name in str(refused.value) for name in NETWORKS)
    assert isinstance(refused.value, ConvscopeError)


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"arguments": ", outputs, channels, **rest", "inputs": "channels * 35"},
        {
            "arguments": ", in_channels, num_classes=10, hidden=3",
            "inputs": "in_channels * 35",
            "outputs": "num_classes",
        },
        {"arguments": ", *, labels", "inputs": "70", "outputs": "labels"},
        {"arguments": "", "inputs": "70", "outputs": "3"},
    ],
)
def test_ones_own_class_is_given_the_arguments_that_it_names(tmp_path: Path, parts: dict[str, str]) -> None:
    network = find_network(own(tmp_path, **parts))(2, 5, 7, 3)
    assert type(network).__name__ == "Own"
    assert network.training
    assert network(torch.zeros(4, 2, 5, 7)).shape == (4, 3)


def test_a_function_does_as_well_and_may_import_its_neighbours(tmp_path: Path) -> None:
    own(tmp_path)
    (tmp_path / "makes_it.py").write_text(
        "from own import Own\n\ndef make(height, width, labels):\n    return Own(1, height, width, labels)\n"
    )
    network = find_network(f"{tmp_path / 'makes_it.py'}:make")(1, 4, 4, 2)
    assert network(torch.zeros(1, 1, 4, 4)).shape == (1, 2)
    assert str(tmp_path) not in sys.path
    del sys.modules["own"]


def test_a_dataclass_in_the_file_finds_its_module(tmp_path: Path) -> None:
    before = "from dataclasses import dataclass\n@dataclass\nclass Widths:\n    first: 'int'"
    assert find_network(own(tmp_path, before=before))(1, 4, 4, 2)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"arguments": ", outputs, depth"}, r"own.py:Own wants an argument 'depth', which has no default; known are "),
        ({"inputs": "missing"}, r"own.py:Own failed while it was built: NameError: name 'missing' is not defined$"),
        ({"inputs": "7"}, r"^Own failed on a picture of 1 × 4 × 5: RuntimeError: mat1 and mat2"),
        ({"outputs": "6"}, r"^Own gives \(2, 6\) for two pictures, but \(2, 3\) is needed"),
        ({"returned": "self.dense(pictures.flatten(1)).sum(0)"}, r"^Own gives \(3,\) for two pictures"),
        ({"returned": "[self.dense(pictures.flatten(1))]"}, r"^Own gives a list, not a tensor of logits$"),
    ],
)
def test_a_network_that_is_no_classifier_is_refused_in_a_line(
    tmp_path: Path, parts: dict[str, str], message: str
) -> None:
    build = find_network(own(tmp_path, **parts))
    with pytest.raises(NetworkRefused, match=message) as refused:
        build(1, 4, 5, 3)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("before", "message"),
    [
        ("import no_such_library", r"own.py can't be loaded: ModuleNotFoundError: No module named 'no_such_library'$"),
        ("def broken(:", r"own.py can't be loaded: SyntaxError: invalid syntax"),
        ("raise ValueError", r"own.py can't be loaded: ValueError$"),
    ],
)
def test_a_file_that_fails_is_refused_in_a_line(tmp_path: Path, before: str, message: str) -> None:
    with pytest.raises(NetworkRefused, match=message):
        find_network(own(tmp_path, before=before))
    assert "own_network_own" not in sys.modules


def test_what_a_file_has_not_is_refused(tmp_path: Path) -> None:
    name = own(tmp_path, before="made = nn.Linear(3, 3)\nnumber = 3\nwhole = int\ndef text(): return 'a'")
    file = name.removesuffix(":Own")
    with pytest.raises(NetworkRefused, match=r"there is no file .*other.py$"):
        find_network(f"{tmp_path / 'other.py'}:Own")
    with pytest.raises(NetworkRefused, match=r"own.py has nothing called 'Other'$"):
        find_network(f"{file}:Other")
    for unnamed in (file, f"{file}:"):
        with pytest.raises(NetworkRefused, match="names a file but no class in it"):
            find_network(unnamed)
    for thing in ("made", "number"):
        with pytest.raises(NetworkRefused, match=f"'{thing}' in .*own.py is neither a class nor a function"):
            find_network(f"{file}:{thing}")
    with pytest.raises(NetworkRefused, match=r"own.py:whole failed while it was built: ValueError: no signature"):
        find_network(f"{file}:whole")(1, 4, 4, 2)
    with pytest.raises(NetworkRefused, match=r"own.py:text gave a str, not a torch.nn.Module$"):
        find_network(f"{file}:text")(1, 4, 4, 2)
