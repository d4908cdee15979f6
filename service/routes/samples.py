"""The pictures that come with a version: `…/samples` and `…/samples/{file}`."""

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import FileResponse

from service.contract import SAMPLES_FOLDER
from service.errors import UnknownSample
from service.inside import find_inside
from service.media import PICTURE
from service.problems import document_problems
from service.routes.served import Served
from service.schemas import SamplePicture, Samples

router = APIRouter(tags=["models"])


@router.get("/samples", responses=document_problems(404, 422))
async def list_samples(served: Served) -> Samples:
    """Held-out pictures to try the model on."""
    published = served.published
    return Samples(
        model=published.name,
        version=published.version,
        samples=[SamplePicture(file=sample.file, label=sample.label) for sample in published.evidence.samples],
    )


@router.get("/samples/{file}", response_class=FileResponse, responses={**PICTURE, **document_problems(404, 422)})
async def get_sample(served: Served, file: Annotated[str, Path(examples=["7.png"])]) -> FileResponse:
    """One of them, as it was published."""
    published = served.published
    known = [sample.file for sample in published.evidence.samples]
    if file not in known:  # only names from the evidence become paths
        raise UnknownSample(f"no sample is called {file!r}; there are {', '.join(known)}")
    path = find_inside(published.folder, SAMPLES_FOLDER, file)
    if path is None:  # a version goes on answering when its folder is gone
        raise UnknownSample(f"the file of sample {file!r} is not in the models folder any more")
    return FileResponse(path)
