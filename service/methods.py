"""Turns a path into the methods that it takes: the `Allow` of a 405, which a router fills from one route alone."""

from collections.abc import Iterable
from functools import lru_cache
from re import Pattern

from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute, compile_path


def list_methods(routes: Iterable[BaseRoute], path: str) -> list[str]:
    """All that any of the routes takes there, in alphabetical order.

    Source: RFC 9110, section 10.2.1.
    """
    found: set[str] = set()
    for route in iter_route_contexts(list(routes)):
        if route.path is not None and route.methods and _pattern(route.path).match(path):
            found |= route.methods
    return sorted(found)


@lru_cache(maxsize=512)
def _pattern(template: str) -> Pattern[str]:
    return compile_path(template)[0]
