"""Turns the models folder into a table of what was published, without loading any of it."""

from pathlib import Path

from rich.table import Table

from service.contract import PublishedVersion, read_version
from service.errors import ModelRefused
from service.registry import list_version_folders


def tabulate(models: Path) -> Table:
    """A row a version, oldest first; one that breaks the contract says why."""
    table = Table("model", "version", "accuracy", "parameters", "size", "input", "learnt from", "published")
    for name in ("version", "accuracy", "parameters", "size"):
        next(column for column in table.columns if column.header == name).justify = "right"
    folders = sorted(list_version_folders(models), key=lambda folder: (folder.parent.name, len(folder.name), folder))
    for folder in folders:
        try:
            table.add_row(*_describe(read_version(folder)))
        except ModelRefused as error:
            table.add_row(folder.parent.name, folder.name, "refused", "", "", "", str(error), style="red")
    return table


def _describe(version: PublishedVersion) -> list[str]:
    manifest, spec = version.manifest, version.manifest.input
    accuracy = manifest.metrics.get("accuracy")
    return [
        manifest.name,
        str(version.version),
        "" if accuracy is None else f"{accuracy:.2%}",
        f"{manifest.onnx.parameters:,}",
        f"{len(version.int8 or version.onnx) / 1e6:.2f} MB" + (" int8" if version.int8 else ""),
        f"{spec.height} x {spec.width} x {spec.channels}",
        manifest.dataset.name if manifest.dataset else "nothing",
        f"{manifest.created:%Y-%m-%d %H:%M}",
    ]
