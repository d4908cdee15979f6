"""Turns settings into the web application: routes, errors, and what lives as long as it runs."""

import asyncio
import gc
import logging
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from math import inf
from typing import Any

from fastapi import Depends, FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from service.admission import Admission, Limits
from service.batching import Patience
from service.cores import available_cores, share_cores
from service.decoders import fitted_decoders
from service.departure import Attentive
from service.edge import Edge
from service.engine import Provider, choose_provider
from service.errors import ConvscopeError
from service.feedback.archive import Archive
from service.film import Films
from service.grpc.start import answering_calls
from service.guard import Guard, admit_origins
from service.intake import Intake
from service.journal import Journal, record_failure
from service.keys import Keys
from service.life import Life
from service.metrics import Metrics
from service.pipeline import Pipeline
from service.pool import Pool
from service.problems import add_problem_handlers, answer_error
from service.registry import Registry
from service.routes import (
    activations,
    attributions,
    dream,
    exemplars,
    feedback,
    film,
    health,
    layers,
    metrics_page,
    models,
    page,
    predict,
    promotion,
    report,
    samples,
    timings,
    trace,
    weights,
    workbench,
)
from service.routes.description import describe_access
from service.routes.express import Express
from service.routes.served import document_version
from service.routes.templates import index_routes
from service.routes.v2 import infer, metadata, repository
from service.routes.v2.schemas import InferenceError
from service.schemas import Problem
from service.served import Loader, Runtime
from service.settings import Settings
from service.stock import Room, Stock
from service.tracing import Tracing
from service.watch import watch

log = logging.getLogger("convscope")

_MAX_BATCH = {Provider.CPU: 16, Provider.CUDA: 64}

_OF_MODELS = ("/v1/", "/v2/models/", "/v2/repository/")
"""What can't be answered before the models are loaded, probes excepted."""

_SWITCH = 0.5e-3
"""Seconds after which a thread that computes in Python lets another one do so."""

_LIVING = 20_000
"""Objects more than at the last collection of garbage, before there is another one: as many as a busy service has at
hand without any of them being garbage."""

_FEEDBACK_QUEUE = 8
"""Corrected pictures that wait to be written, at most."""

_DESCRIPTION = """A model server you can see through: POST a picture, get the prediction and everything the network
computed on the way. Errors are `application/problem+json` with a stable `code`."""


class Application(FastAPI):
    """FastAPI behind an edge and a guard, but plain requests for predictions don't go through FastAPI."""

    def __init__(
        self,
        keys: Keys,
        limits: Limits,
        patience: float,
        edge: Callable[[ASGIApp], Edge],
        origins: Sequence[str] = (),
        **options: Any,  # noqa: ANN401 - FastAPI's own
    ) -> None:
        """Make it.

        Args:
            keys: that are known.
            limits: of all requests together.
            patience: seconds that a request waits for the models that were there at the start.
            edge: goes around it all.
            origins: other sites whose pages may use it.
            options: FastAPI's.
        """
        super().__init__(**options)
        self.life = self.state.life = Life()
        self._patience = patience
        self._express = Express(self.state)
        self._attentive = Attentive(super().__call__)
        self._guard = Guard(Admission(self._work, limits), self._rest, keys)
        self.edge = edge(admit_origins(self._guard, origins))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as the ASGI specification says."""
        await (self.edge if scope["type"] == "http" else self._guard)(scope, receive, send)

    async def _wait_for_models(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Where a request can't be answered without models, wait for them; False: in vain, and that is its answer."""
        if not _needs_models(scope):
            return True
        try:
            await self.life.wait_for_models(self._patience)
        except ConvscopeError as error:
            await answer_error(error)(scope, receive, send)
            return False
        return True

    async def _rest(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.life.is_loaded or await self._wait_for_models(scope, receive, send):
            await super().__call__(scope, receive, send)

    async def _work(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self.life.is_loaded and not await self._wait_for_models(scope, receive, send):
            return
        plain = self._express.recognise(scope)
        if plain is None:
            await self._attentive(scope, receive, send)
        else:
            await self._express.answer(plain, scope, receive, send)


def create_app(settings: Settings, journal: Journal | None = None, tracing: Tracing | None = None) -> Application:
    """Make the application; models are loaded when it starts, not here.

    Args:
        settings: of the service.
        journal: where requests are logged; none: only those that fail are, by `logging`.
        tracing: makes spans of requests; none: there are none.
    """
    metrics = Metrics(settings.metrics_folder)
    if journal is not None:
        journal.lines.on_drop = metrics.count_dropped_lines

    @asynccontextmanager
    async def run(app: Application) -> AsyncIterator[None]:
        share = share_cores(settings.workers, available_cores())
        provider = choose_provider(settings.provider)
        runtime = Runtime(
            provider=provider,
            threads=settings.threads or share,
            max_batch=settings.max_batch or _MAX_BATCH[provider],
            inline=settings.inline,
            patience=Patience(settings.queue, settings.patience, settings.max_wait),
            shrink=settings.shrink_memory,
            max_model_bytes=settings.max_model_bytes,
            metrics=metrics,
        )
        with (
            fitted_decoders(settings.max_pixels),
            ThreadPoolExecutor(share, thread_name_prefix="engine") as engines,
            Pool(
                "decoding", settings.decode_threads or share, settings.queue, settings.max_wait, metrics.pool
            ) as workers,
            ThreadPoolExecutor(1, thread_name_prefix="loader") as loading,
            Pool(
                "inspection", max(1, share // 2), settings.inspection_queue, settings.patience, metrics.pool
            ) as inspection,
            Pool("feedback", 1, _FEEDBACK_QUEUE, inf, metrics.pool) as keeping,
        ):
            stock = Stock(Loader(runtime, engines), Room(settings.old_versions, settings.old_bytes), loading)
            registry = Registry(settings.models, stock, loading)
            app.state.registry = registry
            app.state.pipeline = Pipeline(settings.limits, workers, inspection, settings.max_inspection_bytes)
            app.state.films = Films()
            app.state.intake = Intake(_open_archive(settings), keeping, app.state.pipeline)
            await registry.refresh()
            _report(registry, app.state.intake, settings)
            _settle()
            app.state.life.begin()
            watching = asyncio.create_task(watch(registry, settings.watch, settings.watch_seconds))
            async with answering_calls(
                settings, app.state.life, registry, app.state.pipeline, app.edge.visiting
            ) as app.state.grpc_port:
                yield
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
        app.edge.settle()
        if tracing is not None:
            tracing.close()
        if journal is not None:
            journal.lines.flush()

    app = Application(
        keys=settings.read_keys(),
        limits=Limits(settings.max_in_flight, settings.request_seconds),
        patience=settings.patience,
        origins=settings.origins,
        edge=lambda inner: Edge(inner, metrics, journal.record if journal else record_failure, tracing),
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},  # ours is at the edge
        title="Convscope",
        version=version("convscope"),
        description=_DESCRIPTION,
        lifespan=run,
        docs_url=None,  # FastAPI's own page fetches its script from elsewhere; ours comes with the package
        redoc_url=None,
    )
    app.state.metrics = metrics
    add_problem_handlers(app)
    _add_routes(app)
    app.edge.find_route = index_routes(app)
    return app


def _add_routes(app: FastAPI) -> None:
    app.include_router(models.models_router)
    latest, pinned = "/v1/models/{model}", "/v1/models/{model}/versions/{version}"
    for router in (
        models.model_router, samples.router, report.router, predict.router, layers.router, activations.router,
        exemplars.router, weights.router, film.router, trace.router, timings.router, attributions.router, dream.router,
        feedback.router,
    ):  # fmt: skip
        app.include_router(router, prefix=latest)
        app.include_router(router, prefix=pinned, dependencies=[Depends(document_version)])
    app.include_router(promotion.router)
    for router in (metadata.model_router, infer.router):
        app.include_router(router, prefix="/v2/models/{model}")
        app.include_router(
            router, prefix="/v2/models/{model}/versions/{version}", dependencies=[Depends(document_version)]
        )
    app.include_router(metadata.server_router)
    app.include_router(repository.router)
    app.include_router(workbench.router)
    app.include_router(health.router)
    app.include_router(metrics_page.router)
    page.add_page(app)
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        schema = describe()
        schema["components"]["schemas"] |= {
            "Problem": Problem.model_json_schema(), "InferenceError": InferenceError.model_json_schema(),
            **workbench.STEP_SCHEMAS, **infer.REQUEST_SCHEMAS,
        }  # fmt: skip
        describe_access(schema)
        return schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend the schema


def _needs_models(scope: Scope) -> bool:
    return scope["type"] == "http" and scope["path"].startswith(_OF_MODELS) and not scope["path"].endswith("/ready")


def _open_archive(settings: Settings) -> Archive | None:
    """Where corrected pictures are kept; None where they aren't."""
    folder = settings.feedback
    return None if folder is None else Archive(folder, settings.feedback_bytes, settings.feedback_count)


def _settle() -> None:
    """Fit the interpreter to a server: what is loaded now stays, and threads hand over quickly.

    Without it each full collection looks at every module's objects again, tens of milliseconds in which nobody is
    answered; and a thread that has an answer waits for up to 5 ms until the event loop's lets it deliver.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_LIVING)
    gc.enable()
    sys.setswitchinterval(_SWITCH)


def _report(registry: Registry, intake: Intake, settings: Settings) -> None:
    if intake.archive is not None and (problem := intake.archive.find_problem()) is not None:
        log.warning("corrected pictures can't be kept in %s: %s", settings.feedback, problem)
    if not registry.models:
        log.warning("no model in %s yet: publish one with `convscope train`", settings.models)
