"""What a channel looks for: `…/dream`."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Annotated

import orjson
from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import Field
from starlette.types import Receive, Scope, Send

from service.body import find_body
from service.decode import Picture
from service.inspection.activations import Inspector
from service.inspection.dream import Dream, Moment, dream, find_goal, usual_steps
from service.inspection.render import to_png
from service.media import BINARY, JSON, PNG, choose_format
from service.pipeline import Pipeline
from service.problems import document_problems
from service.routes.served import Served, Stages
from service.schemas import Answer
from service.served import ServedVersion

router = APIRouter(tags=["inspection"])

EVENTS = "text/event-stream"

_EVENT = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "event": {"enum": ["step", "result"], "description": "`result` is the last"},
        "data": {"type": "string", "contentMediaType": JSON, "description": "of `result`: the answer as JSON"},
    },
}

_PICTURES = 12
"""Pictures among the events of one dream, besides the last."""


class DreamPicture(Answer):
    """A picture that excites a channel."""

    model: str
    version: int
    layer: str
    channel: int
    seed: int
    steps: int
    start: float = Field(description="the channel's mean in the noise that it began with")
    activation: float = Field(description="the channel's mean in the picture")
    picture: str = Field(description="PNG of the network's input size, as a data URI")


class DreamQuery(Answer):
    """The parameters of the request."""

    layer: str = Field(description="a name from the layer table", examples=["conv1"])
    channel: int = Field(description="counted from 0; of a dense layer, the unit", examples=[0])
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="the same seed gives the same picture")
    steps: int | None = Field(default=None, ge=1, le=2048, description="of the climb; none: what takes a few seconds")


class _Work:
    """A dream that is being dreamt in a thread, and what it tells the event loop. Made in the loop's own thread."""

    def __init__(self, pipeline: Pipeline, served: ServedVersion, query: DreamQuery) -> None:
        self._query, self._budget = query, pipeline.budget
        self._events: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self.task = asyncio.create_task(pipeline.examine(served, self._dream))
        self.task.add_done_callback(self._end)

    async def events(self) -> AsyncIterator[bytes]:
        """What it tells of its steps, until it is done."""
        while (event := await self._events.get()) is not None:
            yield event

    def abandon(self) -> None:
        """End it: it is not begun if it still waits, else it ends with the step that it is at."""
        self.task.cancel()

    def _dream(self, inspector: Inspector) -> Dream:
        goal = find_goal(inspector.table, self._query.layer, self._query.channel)
        steps = self._query.steps or usual_steps(inspector.table, goal)

        def watch(moment: Moment) -> None:
            told: dict[str, object] = {"step": moment.step, "steps": steps, "activation": moment.activation}
            if moment.step % max(1, steps // _PICTURES) == 0:
                told["picture"] = _data_uri(moment.paint())
            self._loop.call_soon_threadsafe(self._events.put_nowait, _event("step", orjson.dumps(told)))

        return dream(inspector, goal, steps=steps, seed=self._query.seed, budget=self._budget, watch=watch)

    def _end(self, task: asyncio.Task[Dream]) -> None:
        self._events.put_nowait(None)
        if not task.cancelled():
            task.exception()  # looked at, so that asyncio doesn't complain where nobody waits for it any more


class _Progress(StreamingResponse):
    """Events, until the client goes away."""

    def __init__(self, content: AsyncIterator[bytes], work: _Work) -> None:
        super().__init__(content, media_type=EVENTS, headers={"Cache-Control": "no-store"})
        self._work = work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._work.abandon()


@router.post(
    "/dream",
    response_class=Response,
    responses={
        200: {
            "model": DreamPicture,
            "content": {
                PNG: BINARY,
                EVENTS: {"itemSchema": _EVENT},
            },
        },
        **document_problems(404, 406, 413, 422, 429),
    },
)
async def show_dream(
    request: Request,
    served: Served,
    pipeline: Stages,
    query: Annotated[DreamQuery, Query()],
    accept: Annotated[str | None, Header(description="the format of the answer")] = None,
) -> Response:
    """A picture that excites a channel of a layer, climbed to from noise; as events, with its progress.

    The work ends when the client goes away.
    """
    form = choose_format(accept, (JSON, PNG, EVENTS))
    await find_body(request.scope, request.receive).skip()
    work = _Work(pipeline, served, query)
    if form == EVENTS:
        events = work.events()
        try:
            first = await anext(events, None)
        except asyncio.CancelledError:
            work.abandon()
            raise
        if first is None:
            work.task.result()  # what is refused is refused before the answer has begun
        return _Progress(_stream(first, events, work, served, query), work)
    made = await work.task
    return Response(to_png(made.picture) if form == PNG else _to_json(served, query, made), media_type=form)


async def _stream(
    first: bytes | None, others: AsyncIterator[bytes], work: _Work, served: ServedVersion, query: DreamQuery
) -> AsyncIterator[bytes]:
    if first is not None:
        yield first
    async for event in others:
        yield event
    yield _event("result", _to_json(served, query, work.task.result()))


def _event(name: str, data: bytes) -> bytes:
    """One server-sent event. Source: WHATWG HTML standard, section 9.2.6."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data)


def _data_uri(picture: Picture) -> str:
    return "data:image/png;base64," + base64.b64encode(to_png(picture)).decode()


def _to_json(served: ServedVersion, query: DreamQuery, made: Dream) -> bytes:
    answer = DreamPicture(
        model=served.published.name,
        version=served.published.version,
        layer=query.layer,
        channel=query.channel,
        seed=query.seed,
        steps=made.steps,
        start=made.start,
        activation=made.activation,
        picture=_data_uri(made.picture),
    )
    return answer.model_dump_json().encode()
