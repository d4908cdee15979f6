"""Turns what is served, and what is refused, into the index of the models folder; see Triton's repository extension."""

from collections.abc import Mapping
from typing import Any

import orjson
from typing_extensions import TypedDict

from service.protocol.errors import MalformedRequest
from service.registry import Registry


class IndexEntry(TypedDict):
    """A version of a model, or a model that has none loaded."""

    name: str
    version: str
    state: str
    reason: str


def list_index(registry: Registry, *, only_ready: bool) -> list[IndexEntry]:
    """All versions that can be asked for, those that are refused, and models that are unloaded.

    Args:
        registry: what is served.
        only_ready: without those that can't be asked for.
    """
    entries = [
        IndexEntry(name=name, version=str(number), state="READY", reason="")
        for name, model in registry.models.items()
        for number in model.versions
    ]
    if not only_ready:
        served = {(entry["name"], entry["version"]) for entry in entries}
        entries += [
            IndexEntry(name=refusal.name, version=refusal.version, state="UNAVAILABLE", reason=str(refusal.error))
            for refusal in registry.refusals
            if (refusal.name, refusal.version) not in served
        ]
        entries += [
            IndexEntry(name=name, version="", state="UNAVAILABLE", reason="unloaded") for name in registry.unloaded
        ]
    return sorted(entries, key=lambda entry: (entry["name"], len(entry["version"]), entry["version"]))


def read_document(body: bytes) -> dict[str, Any]:
    """The JSON object in a body; an empty one where there is no body.

    Raises:
        MalformedRequest: it is no JSON object.
    """
    if not body.strip():
        return {}
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedRequest(f"the body is no JSON document: {error}") from error
    if not isinstance(document, dict):
        raise MalformedRequest("the body has to be a JSON object, or empty")
    return document


def wants_only_ready(document: Mapping[str, Any]) -> bool:
    """Whether a request for the index leaves out what isn't served.

    Raises:
        MalformedRequest: it says so in no words.
    """
    ready = document.get("ready", False)
    if not isinstance(ready, bool):
        raise MalformedRequest("'ready' has to be true or false")
    return ready


def read_parameters(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters of a request.

    Raises:
        MalformedRequest: they are no JSON object.
    """
    parameters = document.get("parameters", {})
    if not isinstance(parameters, dict):
        raise MalformedRequest("'parameters' has to be a JSON object")
    return parameters


def check_load(parameters: Mapping[str, Any]) -> None:
    """Refuse to load a model other than as it lies in the folder; other parameters are passed by.

    Raises:
        MalformedRequest: a configuration or files are sent along.
    """
    if sent := [name[:64] for name in parameters if name == "config" or name.startswith("file:")]:
        raise MalformedRequest(f"a model is loaded as it was published; it can't be changed by {sent[0]!r}")
