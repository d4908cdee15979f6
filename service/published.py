"""Turns `models/<name>/<version>/` into a version, read and held against the contract, its graph not yet loaded."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import ConfigDict, Field, ValidationError

from service.contract import (
    CONTRACT,
    COURSE_FILE,
    COURSE_FOLDER,
    EVIDENCE_FILE,
    EXEMPLARS_FILE,
    EXEMPLARS_FOLDER,
    FILM_FOLDER,
    INT8_FILE,
    MANIFEST_FILE,
    MODEL_FILE,
    SAMPLES_FOLDER,
    Frame,
    Manifest,
)
from service.errors import ContractTooNew, ModelRefused
from service.evidence import Course, Evidence, Exemplars, Frozen
from service.inside import find_inside
from service.judge import MOST_BYTES, check_size, judge_file

Document = TypeVar("Document", bound=Frozen)

_MOST_OF_A_DOCUMENT = 2**26
"""Bytes of a JSON file or a sample picture of a version."""


class PublishedVersion(Frozen):
    """One version as it lies on disk, read and checked, its graph not yet loaded."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    folder: Path
    version: Annotated[int, Field(ge=1)]
    manifest: Manifest
    evidence: Evidence
    onnx: bytes = Field(repr=False)
    """The graph that is looked into, and that answers where there is no int8 one."""
    int8: bytes | None = Field(default=None, repr=False)
    """The graph that answers, where the manifest names one."""

    @property
    def name(self) -> str:
        """The model's name."""
        return self.manifest.name


def read_manifest(folder: Path) -> Manifest:
    """Read and validate `manifest.json`.

    Raises:
        ContractTooNew: it was written under a contract newer than `CONTRACT`.
        ModelRefused: it is missing, no JSON, or breaks the contract (an unknown key does).
    """
    document = _read_json(folder, MANIFEST_FILE)
    number = document.get("contract") if isinstance(document, dict) else None
    if isinstance(number, int) and number > CONTRACT:
        raise ContractTooNew(
            f"{_place(folder)} was published under contract {number}; this Convscope knows contracts up to {CONTRACT}:"
            " upgrade the service to serve it"
        )
    try:
        return Manifest.model_validate_json(json.dumps(document))
    except ValidationError as error:
        raise ModelRefused(f"{_place(folder)}/{MANIFEST_FILE}: {_first_problem(error)}") from error


def read_version(folder: Path, most_bytes: int = MOST_BYTES) -> PublishedVersion:
    """Read `models/<name>/<version>/` and check all that can be checked without running the graph.

    Args:
        folder: of the version.
        most_bytes: that a graph may have.

    Raises:
        ContractTooNew: see `read_manifest`.
        UnfitGraph: a graph breaks a rule; see `judge`.
        ModelRefused: a file is missing, broken or a link out of the folder, the names don't match, or `model.onnx` is
            not the file recorded.
    """
    manifest = read_manifest(folder)
    if manifest.name != folder.parent.name:
        raise ModelRefused(f"{_place(folder)} holds a version of {manifest.name!r}: a version can't change its model")
    try:
        evidence = Evidence.model_validate_json(_read_document(folder, EVIDENCE_FILE))
    except ValidationError as error:
        raise ModelRefused(f"{_place(folder)}/{EVIDENCE_FILE}: {_first_problem(error)}") from error
    for sample in evidence.samples:
        _check_document(folder, f"{SAMPLES_FOLDER}/{sample.file}")
    for frame in manifest.film:
        _find(folder, f"{FILM_FOLDER}/{frame.file}")
    return PublishedVersion(
        folder=folder,
        version=int(folder.name),
        manifest=manifest,
        evidence=evidence,
        onnx=_read_graph(folder, MODEL_FILE, manifest.onnx.sha256, most_bytes),
        int8=_read_graph(folder, INT8_FILE, manifest.int8.sha256, most_bytes) if manifest.int8 else None,
    )


def read_frame(version: PublishedVersion, frame: Frame, most_bytes: int = MOST_BYTES) -> PublishedVersion:
    """A version as it was at one point of its training: the same, but for its graph.

    Args:
        version: whose film it is in.
        frame: one of its manifest's.
        most_bytes: that a graph may have.

    Raises:
        UnfitGraph: the graph breaks a rule; see `judge`.
        ModelRefused: its file is missing, or is not the file recorded.
    """
    onnx = _read_graph(version.folder, f"{FILM_FOLDER}/{frame.file}", frame.sha256, most_bytes)
    return version.model_copy(update={"onnx": onnx, "int8": None})


def read_exemplars(folder: Path) -> Exemplars | None:
    """Read `exemplars/exemplars.json` of a version; None where it has none.

    Raises:
        ModelRefused: it is there, but broken.
    """
    return _read_extra(folder, f"{EXEMPLARS_FOLDER}/{EXEMPLARS_FILE}", Exemplars)


def read_course(folder: Path) -> Course | None:
    """Read `course/course.json` of a version; None where it has none.

    Raises:
        ModelRefused: it is there, but broken.
    """
    return _read_extra(folder, f"{COURSE_FOLDER}/{COURSE_FILE}", Course)


def _read_extra(folder: Path, file: str, document: type[Document]) -> Document | None:
    if find_inside(folder, file) is None:
        return None
    try:
        return document.model_validate_json(_read_document(folder, file))
    except ValidationError as error:
        raise ModelRefused(f"{_place(folder)}/{file}: {_first_problem(error)}") from error


def _read_graph(folder: Path, name: str, digest: str, most_bytes: int) -> bytes:
    place = f"{_place(folder)}/{name}"
    check_size(place, _measure(folder, name), most_bytes)
    onnx = _read_bytes(folder, name)
    found = hashlib.sha256(onnx).hexdigest()
    if found != digest:
        raise ModelRefused(
            f"{place} has sha256 {found}, its manifest says {digest}: the file was changed after it was published"
        )
    judge_file(place, onnx, most_bytes)
    return onnx


def _read_json(folder: Path, name: str) -> object:
    try:
        return json.loads(_read_document(folder, name))
    except (ValueError, RecursionError) as error:
        raise ModelRefused(f"{_place(folder)}/{name} is not JSON: {error}") from error


def _read_document(folder: Path, name: str) -> bytes:
    _check_document(folder, name)
    return _read_bytes(folder, name)


def _check_document(folder: Path, name: str) -> None:
    if (size := _measure(folder, name)) > _MOST_OF_A_DOCUMENT:
        raise ModelRefused(f"{_place(folder)}/{name} has {size:,} bytes; {_MOST_OF_A_DOCUMENT:,} are the limit")


def _measure(folder: Path, name: str) -> int:
    return _find(folder, name).stat().st_size


def _read_bytes(folder: Path, name: str) -> bytes:
    try:
        return _find(folder, name).read_bytes()
    except OSError as error:
        raise ModelRefused(f"{_place(folder)}/{name} can't be read: {error.strerror}") from error


def _find(folder: Path, name: str) -> Path:
    """The file, if it truly lies in the version's folder."""
    path = find_inside(folder, name)
    if path is None:
        if (folder / name).is_symlink():
            raise ModelRefused(f"{_place(folder)}/{name} is a link that leads out of the version's folder, or nowhere")
        raise ModelRefused(f"{_place(folder)}/{name} is missing, or is no file of the version's folder")
    return path


def _place(folder: Path) -> str:
    """`<name>/<version>`: what an operator looks for, without the path of the machine it is on."""
    return f"{folder.parent.name}/{folder.name}"


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    place = ".".join(str(part) for part in problem["loc"])
    return f"{place}: {problem['msg']}" if place else problem["msg"]
