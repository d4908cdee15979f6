"""Turns a version's name, as people write it, into what was published."""

from pathlib import Path

from service.errors import InvalidSetting
from service.published import PublishedVersion, read_version


def find_published(models: Path, name: str) -> PublishedVersion:
    """`digits/2`, or `digits` for its latest version.

    Raises:
        InvalidSetting: there is no such version.
        ModelRefused: it breaks the contract.
    """
    model, _, number = name.partition("/")
    folder = models / model
    numbers = [int(entry.name) for entry in folder.iterdir() if entry.name.isdecimal()] if folder.is_dir() else []
    if not numbers or (number and number not in map(str, numbers)):
        known = ", ".join(f"{model}/{found}" for found in sorted(numbers))
        raise InvalidSetting(f"there is no version {name!r} in {models}" + (f"; there are {known}" if known else ""))
    return read_version(folder / (number or str(max(numbers))))
