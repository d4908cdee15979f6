"""The page at `/` and the API's documentation at `/docs`, both from files built into the package."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse, HTMLResponse, Response
from fastapi.staticfiles import StaticFiles

DIST = Path(__file__).parent.parent / "web" / "dist"
"""Where the package's build puts the page."""

_NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Convscope</title>
<h1>The page is not built</h1>
<p>The API works. The page is built when the package is: <code>make setup</code> in a checkout, or
<code>pip install .</code>; then start the service again.</p></html>"""

_DOCUMENTATION = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Convscope API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/docs/swagger-ui.css"><link rel="icon" href="/favicon.svg" type="image/svg+xml">
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></html>"""

_START = """SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, showExtensions: true, showCommonExtensions: true,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
});
"""
"""A file of its own, for the Content-Security-Policy forbids scripts within a page."""


def add_page(app: FastAPI, dist: Path = DIST) -> None:
    """Serve what lies in `dist`, each folder and file under its own name.

    Not as one mount at `/`: it would answer for every path, and a GET of a POST route would be 404 instead of 405.
    """
    router = APIRouter(include_in_schema=False)

    @router.get("/docs")
    async def documentation() -> HTMLResponse:
        return HTMLResponse(_DOCUMENTATION)

    @router.get("/docs/start.js")
    async def start() -> Response:
        return Response(_START, media_type="text/javascript")

    @router.api_route("/", methods=["GET", "HEAD"], response_model=None)
    async def page() -> FileResponse | HTMLResponse:
        if not (dist / "index.html").is_file():
            return HTMLResponse(_NOT_BUILT, status_code=503)
        # It names the scripts of its own build, so a kept copy would ask for files that are gone.
        return FileResponse(dist / "index.html", headers={"Cache-Control": "no-cache"})

    app.include_router(router)
    for entry in sorted(dist.iterdir()) if dist.is_dir() else []:
        if entry.is_dir():
            app.mount(f"/{entry.name}", StaticFiles(directory=entry), name=entry.name)
        elif entry.name != "index.html":
            app.add_api_route(
                f"/{entry.name}", _sender(entry), methods=["GET", "HEAD"], include_in_schema=False, response_model=None
            )


def _sender(file: Path) -> Callable[[], Awaitable[FileResponse]]:
    async def send() -> FileResponse:
        return FileResponse(file)

    return send
