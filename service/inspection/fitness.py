"""Turns whatever a strange graph brings looking inside to into one refusal.

A graph that answers pictures may still be none that can be looked into: names that are no text, operators that
onnxruntime only computes once it has optimised them, shapes that contradict each other. Each fails in another place,
with another exception.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from service.errors import ConvscopeError, ModelRefused
from service.inspection.errors import NotInspectable

log = logging.getLogger("convscope")


@contextmanager
def looking_into(name: str) -> Iterator[None]:
    """Look into a model; refusals by name are left as they are.

    Raises:
        NotInspectable: it can't be done; the log has the whole story, which may be a fault of ours.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, ConvscopeError) and not isinstance(error, ModelRefused):
            raise
        log.exception("looking into %s failed", name)
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise NotInspectable(f"{name} answers, but this can't be seen of its graph: {reason}") from error
