"""Turns work that somebody waits for into work that ends soon after nobody does any more.

Threads can't be cancelled. But what takes long here is onnxruntime, which can be told to stop between two operators,
and loops around it. So a piece of work is an errand, everything that runs a session on it does so with `run`, and who
sent the errand may call it off.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import onnxruntime as ort
from numpy.typing import NDArray

from service.errors import ClientLeft

T = TypeVar("T")

_here = threading.local()
"""`_here.errand`: the one that this thread is on."""


class CalledOff(ClientLeft):
    """Nobody waits for the work any more, and so nobody hears of this."""


class Errand:
    """A piece of work, done in one thread and called off from another."""

    def __init__(self) -> None:
        self._options = ort.RunOptions()

    def do(self, work: Callable[[], T]) -> T:
        """Do the work in this thread.

        Raises:
            CalledOff: by whoever sent it.
        """
        before, _here.errand = getattr(_here, "errand", None), self
        try:
            check_errand()
            return work()
        finally:
            _here.errand = before

    def call_off(self) -> None:
        """Have it end with the operator that is being computed, or at the next look at it."""
        self._options.terminate = True

    @property
    def options(self) -> ort.RunOptions:
        """What sessions are run with, so that they end with it."""
        return self._options


def within(seconds: float, work: Callable[[], T]) -> T:
    """Do work here and now, if it doesn't take too long.

    Raises:
        CalledOff: it did.
    """
    errand = Errand()
    timer = threading.Timer(seconds, errand.call_off)
    timer.daemon = True
    timer.start()
    try:
        return errand.do(work)
    finally:
        timer.cancel()


def check_errand() -> None:
    """Go on, if somebody waits for the work that this thread is at.

    Raises:
        CalledOff: nobody does.
    """
    errand: Errand | None = getattr(_here, "errand", None)
    if errand is not None and errand.options.terminate:
        raise CalledOff("nobody waits for it any more")


def run(session: ort.InferenceSession, wanted: Sequence[str], feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """Run a session for as long as somebody waits for what it computes.

    Raises:
        CalledOff: nobody does any more.
    """
    check_errand()
    errand: Errand | None = getattr(_here, "errand", None)
    try:
        found: list[NDArray[Any]] = session.run(list(wanted), dict(feeds), errand and errand.options)
    except Exception:
        check_errand()  # onnxruntime reports a run that was told to stop as a failure
        raise
    return found
