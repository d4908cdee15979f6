"""Turns what trying something came to into the name of an outcome, or into a finding."""

from collections.abc import Callable

from service.errors import ConvscopeError


class Finding(AssertionError):
    """Neither an answer nor a refusal: a fault of ours, or two ways of doing the same that differ."""


def outcome(attempt: Callable[[], object]) -> str:
    """`answered`, or the code of the error of the tree that it was refused with.

    Raises:
        Exception: whatever else it ends in; each is a finding.
    """
    try:
        attempt()
    except ConvscopeError as error:
        if not str(error):
            raise Finding(f"{type(error).__name__} says nothing") from error
        return error.code
    return "answered"
