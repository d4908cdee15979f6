"""Turns the path of a request into the template of the route that it leads to: a few dozen names, whatever comes."""

import re
from collections.abc import Callable

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from service.metrics import OTHER

_MOST, _LONGEST = 1024, 256
"""Paths that are remembered, and characters of one."""


def index_routes(app: FastAPI) -> Callable[[str], str]:
    """A function that finds the template of a path, `other` for what no route answers.

    Args:
        app: with all its routes.
    """
    routes: list[tuple[re.Pattern[str], str]] = []
    for route in iter_route_contexts(app.routes):
        template = route.path_format
        if template is not None:
            routes.append((route.path_regex, template))
        elif route.path:  # a folder of files
            routes.append((route.path_regex, f"{route.path}/{{path}}"))

    known: dict[str, str] = {}

    def learn(path: str) -> str:
        template = next((template for pattern, template in routes if pattern.match(path)), OTHER)
        if len(known) >= _MOST:
            known.clear()
        if len(path) <= _LONGEST:
            known[path] = template
        return template

    def find(path: str) -> str:
        return known.get(path) or learn(path)

    return find
