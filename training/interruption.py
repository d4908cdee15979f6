"""Turns Ctrl-C and SIGTERM into a question that the training loop asks after each batch."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interruption:
    """Whether somebody wants the run to stop."""

    def __init__(self) -> None:
        self.is_asked = False

    def ask(self, _: int, __: FrameType | None) -> None:
        """Note the first signal; the second one stops at once."""
        if self.is_asked:
            raise KeyboardInterrupt
        self.is_asked = True


@contextmanager
def listen_for_interruption() -> Iterator[Interruption]:
    """Catch both signals while the context lasts; outside the main thread, where that can't be, none."""
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, interruption.ask) for number in numbers}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
