"""Turns the name and checksum of a public file into a local, verified file: downloaded once, resumed where it broke."""

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.errors import DatasetUnavailable

_CHUNK = 2**16
_TIMEOUT_SECONDS = 20


@dataclass(frozen=True)
class PublicFile:
    """A file whose content is known beforehand."""

    name: str
    sha256: str


def find_file(file: PublicFile, folder: Path) -> Path:
    """A file that has to lie in a folder, checked.

    Raises:
        DatasetUnavailable: it isn't there, or is another one.
    """
    path = folder / file.name
    if not path.is_file():
        raise DatasetUnavailable(f"{path} is missing")
    if _digest(path) != file.sha256:
        raise DatasetUnavailable(f"{path} is not the published file: its sha256 is {_digest(path)}, not {file.sha256}")
    return path


def fetch_file(file: PublicFile, mirrors: Sequence[str], cache: Path) -> Path:
    """The file from the cache, or from the first mirror that has it.

    Args:
        file: what is wanted.
        mirrors: addresses of folders, tried in turn.
        cache: the folder it is kept in.

    Raises:
        DatasetUnavailable: no mirror answers, or what they send is something else.
    """
    path = cache / file.name
    if path.is_file() and _digest(path) == file.sha256:
        return path
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatasetUnavailable(f"{file.name} can't be kept in {cache}: {error.strerror}") from error
    partial = path.with_name(path.name + ".part")
    reasons = []
    for mirror in mirrors:
        try:
            _download(f"{mirror.rstrip('/')}/{file.name}", partial)
        except (OSError, http.client.HTTPException) as error:
            reasons.append(f"{mirror}: {getattr(error, 'reason', None) or error}")
            continue
        if _digest(partial) == file.sha256:
            partial.replace(path)
            return path
        partial.unlink()
        reasons.append(f"{mirror}: what it sent has another sha256")
    raise DatasetUnavailable(
        f"{file.name} can't be downloaded ({'; '.join(reasons)}); if you have the file, name its folder with --data"
    )


def _download(address: str, partial: Path) -> None:
    """Append what is missing of a file to what is already there."""
    have = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(address, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - addresses are ours
            resumed = answer.status == http.client.PARTIAL_CONTENT
            with partial.open("ab" if resumed else "wb") as file:
                while chunk := answer.read(_CHUNK):
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
    except urllib.error.HTTPError as error:
        if error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE:  # then all of it is there already
            raise


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
