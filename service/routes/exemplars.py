"""What excites a channel: `…/exemplars`, `…/exemplars/{layer}/{channel}` and `…/exemplars/pictures/{file}`."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import FileResponse
from pydantic import Field

from service.contract import EXEMPLARS_FILE, EXEMPLARS_FOLDER
from service.errors import NoExemplars, UnknownExemplar
from service.evidence import Exemplars
from service.inside import find_inside
from service.inspection.errors import UnknownChannel, UnknownLayer
from service.media import PICTURE
from service.problems import document_problems
from service.published import PublishedVersion, read_exemplars
from service.routes.served import Served
from service.schemas import Answer, ChannelExemplars, ExemplarPicture
from service.served import ServedVersion

router = APIRouter(tags=["inspection"])

_KEPT = 8
"""Versions whose exemplars stay in memory: some megabytes each, which take a tenth of a second to read."""


class ExemplarLayers(Answer):
    """The layers of a version that have exemplars."""

    model: str
    version: int
    pictures: int = Field(description="how many validation pictures were looked at")
    layers: list[str] = Field(description="names from the layer table, in the order of computation")


# These are not `async`: reading takes its time, and FastAPI gives such a function a thread.
@router.get("/exemplars", responses=document_problems(404, 422))
def list_exemplars(served: Served) -> ExemplarLayers:
    """The layers that came with pictures of what excites their channels."""
    published = served.published
    document = _find(published).document
    return ExemplarLayers(
        model=published.name, version=published.version, pictures=document.pictures, layers=list(document.layers)
    )


@router.get(
    "/exemplars/pictures/{file}", response_class=FileResponse, responses={**PICTURE, **document_problems(404, 422)}
)
def get_exemplar_picture(served: Served, file: Annotated[str, Path(examples=["00017.png"])]) -> FileResponse:
    """A validation picture as the network sees it."""
    published = served.published
    path = find_inside(published.folder, EXEMPLARS_FOLDER, file) if file in _find(published).files else None
    if path is None:  # only names from the document become paths
        raise UnknownExemplar(f"{_name(published)} has no exemplar picture {file!r}")
    return FileResponse(path)


@router.get("/exemplars/{layer}/{channel}", responses=document_problems(404, 422))
def show_exemplars(
    request: Request,
    served: Served,
    layer: Annotated[str, Path(description="a name from the layer table", examples=["conv1"])],
    channel: Annotated[int, Path(description="counted from 0", examples=[0])],
) -> ChannelExemplars:
    """The validation pictures that excite a channel of a layer most."""
    published = served.published
    document = _find(published).document
    channels = document.layers.get(layer)
    if channels is None:
        raise _refusal(served, layer, document)
    if not 0 <= channel < len(channels):
        raise UnknownChannel(f"layer {layer!r} has the channels 0 to {len(channels) - 1}, there is no {channel}")
    pictures = [
        ExemplarPicture(
            url=_path(request, published, item.file), label=item.label, value=item.value, y=item.y, x=item.x
        )
        for item in channels[channel]
    ]
    return ChannelExemplars(
        model=published.name,
        version=published.version,
        layer=layer,
        channel=channel,
        pictures=document.pictures,
        exemplars=pictures,
    )


@dataclass(frozen=True)
class _Shown:
    document: Exemplars
    files: frozenset[str]
    """The pictures that it names."""


def _find(published: PublishedVersion) -> _Shown:
    """What a version has.

    Raises:
        NoExemplars: nothing.
    """
    try:
        changed = (published.folder / EXEMPLARS_FOLDER / EXEMPLARS_FILE).stat().st_mtime_ns
    except OSError as error:
        raise NoExemplars(f"{_name(published)} came without pictures of what excites its channels") from error
    return _read(published.folder, changed)


@lru_cache(maxsize=_KEPT)
def _read(folder: FilePath, changed: int) -> _Shown:
    """Read once what stays the same; `changed` tells it from a later version that took the number of a removed one."""
    del changed
    document = read_exemplars(folder) or Exemplars(pictures=0, layers={})
    files = {item.file for channels in document.layers.values() for kept in channels for item in kept}
    return _Shown(document, frozenset(files))


def _refusal(served: ServedVersion, layer: str, document: Exemplars) -> UnknownLayer | NoExemplars:
    """Why a layer isn't in the document: the model has none of that name, or it came without pictures."""
    known = [known.name for known in served.inspector().layers]
    if layer not in known:
        return UnknownLayer(f"no layer is called {layer!r}; the layers are {', '.join(known)}")
    shown = ", ".join(document.layers) or "none"
    return NoExemplars(f"layer {layer!r} came without pictures of what excites it; those that have them are {shown}")


def _path(request: Request, published: PublishedVersion, file: str) -> str:
    """Of a picture, under the version's own number: what the latest version is may have changed until it is fetched."""
    path: str = request.app.url_path_for(
        get_exemplar_picture.__name__, model=published.name, version=str(published.version), file=file
    )
    return str(request.scope.get("root_path", "")) + path


def _name(published: PublishedVersion) -> str:
    return f"{published.name} version {published.version}"
