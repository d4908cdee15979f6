"""How a version's training went: `…/report`, a page for people."""

from fastapi import APIRouter
from fastapi.responses import FileResponse

from service.contract import REPORT_FILE
from service.errors import NoReport
from service.inside import find_inside
from service.problems import document_problems
from service.routes.served import Served

router = APIRouter(tags=["models"])


@router.get(
    "/report",
    response_class=FileResponse,
    responses={
        200: {"content": {"text/html": {"schema": {"type": "string"}}}, "description": "The report."},
        **document_problems(404, 422),
    },
)
async def show_report(served: Served) -> FileResponse:
    """The training report of a version: curves, figures, mistakes. One HTML page that loads and runs nothing."""
    published = served.published
    path = find_inside(published.folder, REPORT_FILE)
    if path is None:
        raise NoReport(f"{published.name} version {published.version} came without a training report")
    return FileResponse(path, media_type="text/html; charset=utf-8")
