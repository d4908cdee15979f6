"""Turns the rules that hold for every path into what the OpenAPI document says of them."""

from typing import Any

from service.access import Rule, find_rule
from service.keys import Scope
from service.problems import document_errors, document_problems

_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "one of the service's API keys"},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "the same"},
}


def describe_access(schema: dict[str, Any]) -> None:
    """Add to every operation which key it takes, and how it is refused without one, and for want of room or time."""
    schema["components"]["securitySchemes"] = _SCHEMES
    for path, operations in schema["paths"].items():
        rule = find_rule(path)
        if rule.is_open:
            continue
        statuses = (401, 403, 429, 503) if rule.is_limited else (401, 403)
        for operation in operations.values():
            operation["security"] = _ways(rule)
            document = document_errors if path.startswith("/v2") else document_problems
            for status, problem in document(*statuses).items():
                operation["responses"].setdefault(str(status), problem)
            operation["responses"] = dict(sorted(operation["responses"].items()))


def _ways(rule: Rule) -> list[dict[str, list[str]]]:
    """A key in one header or the other; or none, where the service has none."""
    scopes = [rule.scope.value] if rule.scope else []
    ways = [{name: scopes} for name in _SCHEMES]
    return ways if rule.scope is Scope.ADMIN else [{}, *ways]
