"""Turns a file of labels, in the forms they are passed around in, into one label for each output."""

import ast
import json
import re
from collections import Counter
from pathlib import Path

from service.importing.errors import LabelsRefused

_WORDNET = re.compile(r"^n\d{8}\s+(?=\S)")
"""ImageNet's number of a word, in front of it."""


def read_labels(path: Path | None, count: int) -> tuple[str, ...]:
    """Read as many labels as there are outputs; without a file they are "0" to "K-1".

    One a line, a JSON list, a JSON object of index to label or of label to index, or one with such an object under
    `id2label`; a label may be a list whose last word it is, `["n01440764", "tench"]`.

    Raises:
        LabelsRefused: the file can't be read, or has another number of labels.
    """
    if path is None:
        return tuple(str(index) for index in range(count))
    labels = _different(_parse(path))
    if len(labels) != count:
        hint = ""
        if count == 2 and len(labels) == 1:
            hint = "; one sigmoid output tells two labels apart: the first is that of no, the second that of yes"
        elif count == len(labels) + 1:
            hint = "; some networks have a first one for the background"
        raise LabelsRefused(f"{path.name} has {len(labels)} labels, the network tells {count} apart{hint}")
    return tuple(labels)


def _parse(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise LabelsRefused(f"{path}: the labels can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise LabelsRefused(f"{path.name}: the labels are no text in UTF-8") from error
    if text.lstrip()[:1] in {"[", "{"} or path.suffix == ".json":
        document = _parse_document(path, text)
        entries = _entries(document)
        if entries is None:
            raise LabelsRefused(f"{path.name} is neither a list of labels nor an object of index to label")
        return [_name(path, entry) for entry in entries]
    lines = [_WORDNET.sub("", line.strip()) for line in text.strip().splitlines()]
    if "" in lines:
        raise LabelsRefused(f"{path.name}: line {lines.index('') + 1} is empty")
    return lines


def _parse_document(path: Path, text: str) -> object:
    """JSON, or a Python literal: ImageNet's labels are passed around as one."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise LabelsRefused(f"{path.name} is no JSON") from error


def _entries(document: object) -> list[object] | None:
    """The labels in the order of their indices."""
    if isinstance(document, list | tuple):
        return list(document)
    if not isinstance(document, dict) or not document:
        return None
    if isinstance(document.get("id2label"), dict):
        return _entries(document["id2label"])
    if all(isinstance(index, int) and not isinstance(index, bool) for index in document.values()):
        document = {index: label for label, index in document.items()}
    try:
        by_index = {int(index): label for index, label in document.items()}
    except (TypeError, ValueError):
        return None
    if sorted(by_index) != list(range(len(document))):
        return None
    return [by_index[index] for index in range(len(by_index))]


def _name(path: Path, entry: object) -> str:
    name = entry[-1] if isinstance(entry, list | tuple) and entry else entry
    if isinstance(name, int | float) and not isinstance(name, bool):
        name = str(name)
    if not isinstance(name, str) or not name.strip():
        raise LabelsRefused(f"{path.name}: {entry!r} is no label")
    return name.strip()


def _different(labels: list[str]) -> list[str]:
    """The index behind a label that another one has too: ImageNet has two cranes, a bird and a machine."""
    times = Counter(labels)
    return [f"{label} ({index})" if times[label] > 1 else label for index, label in enumerate(labels)]
