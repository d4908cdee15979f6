"""Turns the path of a request into the rule that holds there: what has to be shown, and what a browser may do with it.

Whatever no rule speaks of takes an admin's key where there are keys: a route that was forgotten here is shut, not open.
A test walks all routes and finds none forgotten.
"""

from typing import NamedTuple

from service.keys import Scope
from service.policies import DATA, PAGE, REPORT, Headers


class Rule(NamedTuple):
    """What holds for a group of paths."""

    scope: Scope | None
    """That a key has to have; None: any key will do."""
    is_open: bool = False
    """No key is ever needed."""
    is_known: bool = True
    """There is something at these paths."""
    is_limited: bool = True
    """It is work, of which there can be too much. What tells how the service is, and what mends it, always gets in."""
    headers: Headers = DATA


PAGE_RULE = Rule(None, is_open=True, headers=PAGE)
HEALTH = Rule(None, is_open=True, is_limited=False)
METRICS = Rule(None, is_limited=False)
PREDICT = Rule(Scope.PREDICT)
INSPECT = Rule(Scope.INSPECT)
REPORT_RULE = Rule(Scope.INSPECT, headers=REPORT)
ADMIN = Rule(Scope.ADMIN, is_limited=False)
UNKNOWN = Rule(Scope.ADMIN, is_known=False)

_PATHS = {
    "": PAGE_RULE, "favicon.svg": PAGE_RULE, "docs": PAGE_RULE, "openapi.json": Rule(None, is_open=True),
    "metrics": METRICS, "v1/models": PREDICT, "v1/workbench": INSPECT, "v2": PREDICT, "v2/repository/index": PREDICT,
}  # fmt: skip

_FOLDERS = {"assets": PAGE_RULE, "docs": PAGE_RULE, "v2/health": HEALTH, "v2/repository": ADMIN}
"""By what a path begins with."""

_OF_A_MODEL = {
    "v1": {
        "": PREDICT, "predict": PREDICT, "predict-batch": PREDICT, "samples": PREDICT, "feedback": PREDICT,
        "input": INSPECT, "layers": INSPECT, "weights": INSPECT, "activations": INSPECT, "trace": INSPECT,
        "timings": INSPECT, "attributions": INSPECT, "dream": INSPECT, "exemplars": INSPECT, "film": INSPECT,
        "report": REPORT_RULE,
        "promote": ADMIN, "rollback": ADMIN,
    },
    "v2": {"": PREDICT, "ready": PREDICT, "config": PREDICT, "stats": PREDICT, "infer": PREDICT},
}  # fmt: skip
"""By what follows `/v1/models/{m}/` or `/v1/models/{m}/versions/{v}/`, and the same below `/v2`."""


def find_rule(path: str) -> Rule:
    """The rule that holds at a path, decoded as the router sees it."""
    parts = path.strip("/\n").split("/")  # a router's `$` matches before a last \n too
    if len(parts) > 2 and parts[0] in _OF_A_MODEL and parts[1] == "models":
        below = parts[5:] if parts[3:4] == ["versions"] else parts[3:]
        return _OF_A_MODEL[parts[0]].get(below[0] if below else "", UNKNOWN)
    if (rule := _PATHS.get("/".join(parts))) is not None:
        return rule
    return _FOLDERS.get(parts[0]) or _FOLDERS.get("/".join(parts[:2]), UNKNOWN)
