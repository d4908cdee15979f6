"""Turns the models folder into a table of what was published, without loading any of it."""

from pathlib import Path

from rich.table import Table

from service.contract import Manifest
from service.errors import ModelRefused, UnknownModel
from service.published import PublishedVersion, read_version
from service.registry import list_version_folders


def tabulate(models: Path) -> tuple[Table, list[str]]:
    """A row a version, oldest first; and a line for each that breaks the contract."""
    refused = []
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("model", no_wrap=True)
    for name in ("version", "accuracy", "weights", "size"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("input", no_wrap=True)
    table.add_column("learnt from")
    table.add_column("published", no_wrap=True)
    folders = sorted(list_version_folders(models), key=lambda folder: (folder.parent.name, len(folder.name), folder))
    for folder in folders:
        try:
            table.add_row(*_describe(read_version(folder)))
        except ModelRefused as error:
            table.add_row(folder.parent.name, folder.name, style="red")
            refused.append(f"{folder.parent.name} {folder.name} is refused: {error}")
    return table, refused


def find_folder(models: Path, name: str) -> Path:
    """The folder of a model's latest version.

    Raises:
        UnknownModel: there is none.
    """
    folders = [
        folder for folder in list_version_folders(models) if folder.parent.name == name and folder.name.isdecimal()
    ]
    if not folders:
        known = ", ".join(sorted({folder.parent.name for folder in list_version_folders(models)})) or "none"
        raise UnknownModel(f"no model is called {name!r} in {models}; there are: {known}")
    return max(folders, key=lambda folder: int(folder.name))


def _describe(version: PublishedVersion) -> list[str]:
    manifest, spec = version.manifest, version.manifest.input
    accuracy = manifest.metrics.get("accuracy")
    return [
        manifest.name,
        str(version.version),
        "" if accuracy is None else f"{accuracy:.2%}",
        f"{manifest.onnx.parameters:,}",
        f"{len(version.int8 or version.onnx) / 1e3:,.0f} kB",
        f"{spec.height}x{spec.width}x{spec.channels}" + (" int8" if version.int8 else ""),
        _origin(manifest),
        f"{manifest.created:%Y-%m-%d}",
    ]


def _origin(manifest: Manifest) -> str:
    """What a version learnt from, as far as that is known."""
    if manifest.imported:
        return f"unknown: {manifest.imported.file}"
    return manifest.dataset.name if manifest.dataset else "nothing"
