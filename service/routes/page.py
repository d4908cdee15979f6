"""The page at `/` and the API's documentation at `/docs`, both from files built into the package."""

from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

DIST = Path(__file__).parent.parent / "web" / "dist"
"""Where the package's build puts the page."""

_NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Convscope</title>
<h1>The page is not built</h1>
<p>The API works. The page is built when the package is: <code>pip install .</code>, or, in a working copy,
<code>cd service/web &amp;&amp; npm install &amp;&amp; npm run build</code>, and start the service again.</p></html>"""


def add_page(app: FastAPI, dist: Path = DIST) -> None:
    """Serve the page; added last, since it takes every path that nothing else has taken."""
    router = APIRouter(include_in_schema=False)

    @router.get("/docs")
    async def documentation() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url=app.openapi_url or "/openapi.json",
            title="Convscope API",
            swagger_js_url="/docs/swagger-ui-bundle.js",
            swagger_css_url="/docs/swagger-ui.css",
            swagger_favicon_url="/favicon.svg",
        )

    @router.get("/")
    async def say_how_to_build() -> HTMLResponse:
        return HTMLResponse(_NOT_BUILT, status_code=503)

    if (dist / "index.html").is_file():
        router.routes.pop()
        app.include_router(router)
        app.mount("/", StaticFiles(directory=dist, html=True), name="page")
    else:
        app.include_router(router)
