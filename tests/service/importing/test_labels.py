"""Labels come in the forms that they are passed around in; another number of them than outputs is refused."""

from pathlib import Path

import pytest

from service.importing.errors import LabelsRefused
from service.importing.labels import read_labels


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "cat\ndog\nowl\n"),
        ("a.txt", "\ufeffcat\r\ndog\r\nowl\r\n\r\n"),
        ("a.txt", "n02121620 cat\nn02084071 dog\nn01621127 owl"),
        ("a.json", '["cat", "dog", "owl"]'),
        ("a.json", '{"0": "cat", "2": "owl", "1": "dog"}'),
        ("a.json", '{"0": ["n02121620", "cat"], "1": ["n02084071", "dog"], "2": ["n01621127", "owl"]}'),
        ("a.json", '{"cat": 0, "owl": 2, "dog": 1}'),
        ("config.json", '{"model_type": "resnet", "id2label": {"0": "cat", "1": "dog", "2": "owl"}}'),
        ("a.txt", "{0: 'cat',\n 1: 'dog',\n 2: 'owl'}"),
    ],
)
def test_every_form_gives_the_labels_in_the_order_of_the_outputs(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_bytes(text.encode())
    assert read_labels(path, 3) == ("cat", "dog", "owl")


def test_without_a_file_they_are_numbers(tmp_path: Path) -> None:
    assert read_labels(None, 3) == ("0", "1", "2")
    path = tmp_path / "a.json"
    path.write_text("[3, 4.5]")
    assert read_labels(path, 2) == ("3", "4.5")


def test_labels_of_the_same_name_get_their_index(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("crane\nowl\ncrane\n")
    assert read_labels(path, 3) == ("crane (0)", "owl", "crane (2)")


@pytest.mark.parametrize(
    ("name", "text", "count", "said"),
    [
        ("a.txt", "cat\ndog", 3, "has 2 labels, the network tells 3 apart; some networks have a first one"),
        ("a.txt", "cat\ndog", 9, "has 2 labels, the network tells 9 apart$"),
        ("a.txt", "cat", 2, "one sigmoid output tells two labels apart"),
        ("a.txt", "cat\n\nowl", 3, "line 2 is empty"),
        ("a.json", "[1, ", 3, "is no JSON"),
        ("a.json", '"cat"', 3, "neither a list of labels nor an object"),
        ("a.json", "{}", 3, "neither a list of labels nor an object"),
        ("a.json", '{"a": "cat"}', 1, "neither a list of labels nor an object"),
        ("a.json", '{"1": "cat"}', 1, "neither a list of labels nor an object"),
        ("a.json", '["cat", null]', 2, "None is no label"),
        ("a.json", '["cat", true]', 2, "True is no label"),
        ("a.json", "[" * 100000, 2, "is no JSON"),
    ],
)
def test_what_cant_be_the_labels_is_refused(tmp_path: Path, name: str, text: str, count: int, said: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(LabelsRefused, match=said):
        read_labels(path, count)


def test_a_file_that_cant_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(LabelsRefused, match="No such file"):
        read_labels(tmp_path / "labels.txt", 2)
    (tmp_path / "labels.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LabelsRefused, match="no text in UTF-8"):
        read_labels(tmp_path / "labels.txt", 2)
