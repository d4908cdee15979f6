"""Pictures that were answered wrongly, given with their true labels: `…/feedback`."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request

from service.body import find_body
from service.errors import CrossSite, UnknownLabel
from service.intake import check_label
from service.media import describe_body
from service.problems import document_problems
from service.routes.served import Corrections, Served
from service.schemas import KeptPicture, KeptPictures

router = APIRouter(tags=["feedback"])

_LABEL = "label"

_OWN = {None, "same-origin", "none"}
"""What browsers say of requests that this service's own page or a person makes; other clients say nothing.

Forms of any site can post to any address, without asking first. Source: W3C, Fetch Metadata Request Headers.
"""

_FORM = describe_body(**{_LABEL: {"type": "string", "description": "what the picture shows, as the query's `label`"}})


@router.post(
    "/feedback", openapi_extra=_FORM, responses=document_problems(400, 403, 404, 413, 415, 422, 429, 503, 507)
)  # fmt: skip
async def keep_feedback(
    request: Request,
    served: Served,
    intake: Corrections,
    label: Annotated[str | None, Query(description="what the picture shows: one of the model's labels")] = None,
    sec_fetch_site: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> KeptPicture:
    """Keep a picture with its true label, to learn from: the request's body itself, or the field `file` of a form.

    A picture is kept once, under its newest label. `convscope train … --add-feedback` learns from those that are kept.
    """
    intake.open_archive()
    if sec_fetch_site not in _OWN:
        raise CrossSite("a page of another site may not teach this service's models: send it from this service's page")
    if label is not None:
        check_label(served, label)
    form = await find_body(request.scope, request.receive).form(intake.pipeline.limits.max_bytes, most=1)
    label = form.fields.get(_LABEL) if label is None else label
    if label is None:
        raise UnknownLabel(f"say what the picture shows, in the query or the form's field '{_LABEL}': ?{_LABEL}=…")
    answered, outcome = await intake.take(served, form.pictures[0], label)
    return KeptPicture(
        model=served.published.name,
        version=served.published.version,
        label=label,
        predicted=answered["label"],
        probability=answered["probability"],
        outcome=outcome,
    )


@router.get("/feedback", responses=document_problems(404, 422, 429, 507))
async def count_feedback(served: Served, intake: Corrections) -> KeptPictures:
    """How many pictures are kept of the model, by label."""
    labels = await intake.count(served)
    published = served.published
    return KeptPictures(model=published.name, version=published.version, pictures=sum(labels.values()), labels=labels)
