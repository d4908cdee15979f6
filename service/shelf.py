"""Turns the models folder into a table of what was published, without loading any of it."""

from pathlib import Path

from rich.table import Table

from service.contract import Manifest
from service.errors import ModelRefused, UnknownModel
from service.promotion import find_answering
from service.published import PublishedVersion, read_version
from service.versions import ModelOnDisk, VersionOnDisk, list_models


def tabulate(models: Path) -> tuple[Table, list[str]]:
    """A row a version, oldest first; and a line for each that breaks the contract."""
    refused = []
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("model", no_wrap=True)
    table.add_column("version", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for name in ("accuracy", "weights"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("input", no_wrap=True)
    table.add_column("learnt from")
    table.add_column("published", no_wrap=True)
    for name, model in _list(models).items():
        readable: dict[int, PublishedVersion] = {}
        for number, version in model.versions.items():
            try:
                readable[number] = read_version(version.folder)
            except ModelRefused as error:
                refused.append(f"{name} {number} is refused: {error}")
        refused += [f"{name} {stray} is refused: a version's folder is named 1, 2, 3 …" for stray in model.strays]
        answering = find_answering(model, readable.__contains__)
        for number, version in model.versions.items():
            if number in readable:
                role = _role(model, version, is_answering=number == answering)
                table.add_row(name, str(number), role, *_describe(readable[number]))
            else:
                table.add_row(name, str(number), style="red")
    return table, refused


def find_folder(models: Path, name: str) -> Path:
    """The folder of a model's latest version.

    Raises:
        UnknownModel: there is none.
    """
    found = _list(models)
    if name not in found or not found[name].versions:
        raise UnknownModel(f"no model is called {name!r} in {models}; there are: {', '.join(found) or 'none'}")
    return max(found[name].versions.items())[1].folder


def _list(models: Path) -> dict[str, ModelOnDisk]:
    try:
        return list_models(models)
    except OSError:
        return {}


def _role(model: ModelOnDisk, version: VersionOnDisk, *, is_answering: bool) -> str:
    """What a version is for, if anything sets it apart."""
    if is_answering:
        if not model.state.loaded:
            return "unloaded"
        return "answers" if model.state.pinned is None else "pinned"
    return "held" if version.held else ""


def _describe(version: PublishedVersion) -> list[str]:
    manifest, spec = version.manifest, version.manifest.input
    accuracy = manifest.metrics.get("accuracy")
    return [
        "" if accuracy is None else f"{accuracy:.2%}",
        f"{manifest.onnx.parameters:,}",
        f"{spec.height}x{spec.width}x{spec.channels}" + (" int8" if version.int8 else ""),
        _origin(manifest),
        f"{manifest.created:%Y-%m-%d}",
    ]


def _origin(manifest: Manifest) -> str:
    """What a version learnt from, as far as that is known."""
    if manifest.imported:
        return f"unknown: {manifest.imported.file}"
    return manifest.dataset.name if manifest.dataset else "nothing"
