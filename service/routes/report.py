"""How a version's training went: `…/report`, a page for people or JSON, and `…/report/pictures/{file}`."""

from typing import Annotated

from fastapi import APIRouter, Header, Path, Request
from fastapi.responses import FileResponse, Response
from pydantic import Field

from service.contract import COURSE_FOLDER, REPORT_FILE
from service.errors import NoReport, UnknownReportPicture
from service.evidence import Corrections, Course, Epoch, Gate, LearningRate, ReliabilityBin
from service.inside import find_inside
from service.media import JSON, PICTURE, choose_format
from service.problems import document_problems
from service.published import PublishedVersion, read_course
from service.routes.served import Served
from service.schemas import Answer

router = APIRouter(tags=["models"])

_HTML = "text/html"

_NOTHING = Course(epochs=(), learning_rates=(), reliability_before=(), reliability=(), pictures=())


class ReportPicture(Answer):
    """A test picture, and what the version answered when it was published."""

    url: str = Field(description="path of the picture as the network sees it, at most 96 pixels a side")
    label: str = Field(description="what it shows")
    answered: str
    probability: float


class TrainingReport(Answer):
    """How a version was trained and what came of it, beside what its description has."""

    model: str
    version: int
    gate: Gate | None = Field(description="how it compared with the version that answered when it was published")
    corrections: Corrections | None = Field(description="corrected pictures that it learnt from")
    recorded: bool = Field(description="it came with what follows; a version without it is an import, or older")
    epochs: list[Epoch]
    learning_rates: list[LearningRate]
    reliability_before: list[ReliabilityBin] = Field(description="of the test answers, before they were calibrated")
    reliability: list[ReliabilityBin] = Field(description="as they are; least sure first")
    pictures: list[ReportPicture] = Field(
        description="wrong answers, the surest first, then right ones, the least sure first; some of each kind"
    )


# These are not `async`: reading takes its time, and FastAPI gives such a function a thread.
@router.get(
    "/report",
    response_class=Response,
    responses={
        200: {
            "model": TrainingReport,
            "content": {_HTML: {"schema": {"type": "string"}}},
            "description": "The report, a page that loads and runs nothing; or its figures.",
        },
        **document_problems(404, 406, 422),
    },
)
def show_report(
    request: Request, served: Served, accept: Annotated[str | None, Header(description="the form of the answer")] = None
) -> Response:
    """The training report of a version: curves, figures, mistakes. One HTML page, or JSON for programs."""
    published = served.published
    if choose_format(accept, (_HTML, JSON)) == JSON:
        return Response(_write(request, published), media_type=JSON)
    path = find_inside(published.folder, REPORT_FILE)
    if path is None:
        raise NoReport(f"{published.name} version {published.version} came without a training report")
    return FileResponse(path, media_type="text/html; charset=utf-8")


@router.get(
    "/report/pictures/{file}", response_class=FileResponse, responses={**PICTURE, **document_problems(404, 422)}
)
def get_report_picture(served: Served, file: Annotated[str, Path(examples=["00017.png"])]) -> FileResponse:
    """A test picture of the report, as the network sees it."""
    published = served.published
    course = read_course(published.folder) or _NOTHING
    is_named = any(picture.file == file for picture in course.pictures)  # only names from the document become paths
    path = find_inside(published.folder, COURSE_FOLDER, file) if is_named else None
    if path is None:
        raise UnknownReportPicture(f"the report of {published.name} version {published.version} has no {file!r}")
    return FileResponse(path)


def _write(request: Request, published: PublishedVersion) -> str:
    course = read_course(published.folder)
    known, evidence = course or _NOTHING, published.evidence
    return TrainingReport(
        model=published.name,
        version=published.version,
        gate=evidence.gate,
        corrections=evidence.corrections,
        recorded=course is not None,
        epochs=list(known.epochs),
        learning_rates=list(known.learning_rates),
        reliability_before=list(known.reliability_before),
        reliability=list(known.reliability),
        pictures=[
            ReportPicture(
                url=_path(request, published, picture.file),
                label=picture.label,
                answered=picture.answered,
                probability=picture.probability,
            )
            for picture in known.pictures
        ],
    ).model_dump_json()


def _path(request: Request, published: PublishedVersion, file: str) -> str:
    """Of a picture, under the version's own number: what the latest version is may have changed until it is fetched."""
    path: str = request.app.url_path_for(
        get_report_picture.__name__, model=published.name, version=str(published.version), file=file
    )
    return str(request.scope.get("root_path", "")) + path
