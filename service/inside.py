"""Turns a folder and a file's name into the file, if it truly lies in there.

A version's folder may come from someone else, with links in it that lead anywhere on the machine: what they lead to
must neither be answered with nor be loaded.
"""

from pathlib import Path


def find_inside(folder: Path, *names: str) -> Path | None:
    """The file of that name, its links followed; None where there is none, or it is no file or lies elsewhere.

    Args:
        folder: may be reached over links itself, and have links in it that lead to other places in it.
        names: of the folders below it, and of the file.
    """
    try:
        real = folder.joinpath(*names).resolve(strict=True)
        return real if real.is_relative_to(folder.resolve()) and real.is_file() else None
    except (OSError, ValueError, RuntimeError):  # not there; no name at all; links that lead in a circle
        return None
