"""Turns one address into several processes that answer there, and keeps them answering.

This process answers nothing itself. It holds the address, and one end of a channel to each worker: a byte from the
worker says that it answers, the end of the channel that it is gone. The worker hears the end of the channel, too, so
none outlives this process. Signals are passed on; a terminal's Ctrl-C reaches the workers only from here, because each
is a process group of its own.
"""

import logging
import math
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from service.errors import StartFailed

log = logging.getLogger("convscope")

_PROGRAM = "import gc; gc.disable(); from service.worker import main; main()"
"""Nothing that imports make is garbage; the application enables collection when it has settled."""

_LIVED = 10.0
"""Seconds that a worker has to live for its end not to count as one of a series."""

_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
"""Seconds before the third start of such a series, doubled with each further one, and at most."""

_MARGIN = 5.0
"""Seconds that a worker may take longer to end than it was given."""


@dataclass(eq=False)
class _Worker:
    process: "subprocess.Popen[bytes]"
    channel: socket.socket
    started: float = field(default_factory=time.monotonic)
    answers: bool = False


class Workers:
    """The processes that answer at one address."""

    def __init__(
        self,
        count: int,
        address: socket.socket,
        environment: Mapping[str, str],
        *,
        longest_stop: float,
        buried: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Make them; `run` starts them.

        Args:
            count: how many, at least 1.
            address: from `endpoint.reserve`.
            environment: theirs, with all settings.
            longest_stop: seconds that they have to end in.
            buried: called with the process id of each one that has ended.
        """
        self._count = count
        self._address = address
        # They import what this process would, whatever folder it was started in.
        self._environment = {**environment, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONSAFEPATH": "1"}
        self._longest_stop = longest_stop
        self._buried = buried
        self._workers: list[_Worker] = []
        self._selector = selectors.DefaultSelector()
        self._failures = 0
        """Workers in a row that ended soon."""
        self._next_start = 0.0
        self._stop_until: float | None = None

    def run(self, announce: Callable[[], None]) -> None:
        """Keep them answering until told to stop.

        Args:
            announce: called once, when all of them answer.

        Raises:
            StartFailed: not one of them can be started.
        """
        is_announced = False
        with _signals() as told, self._selector:
            self._selector.register(told, selectors.EVENT_READ)
            try:
                while self._stop_until is None or self._workers:
                    self._keep_up()
                    for key, _ in self._selector.select(self._wait()):
                        if key.data is None:
                            self._obey(told.recv(1)[0])
                        else:
                            self._hear(key.data)
                    if not is_announced and sum(worker.answers for worker in self._workers) == self._count:
                        is_announced = True
                        announce()
            finally:
                self._kill()
                for worker in self._workers:
                    worker.channel.close()

    def _keep_up(self) -> None:
        """Start or end what is due."""
        now = time.monotonic()
        if self._stop_until is None:
            while len(self._workers) < self._count and now >= self._next_start:
                self._start()
        elif now >= self._stop_until:
            log.error("%d workers had to be killed, they did not end in time", len(self._workers))
            self._stop_until = math.inf
            self._kill()

    def _wait(self) -> float | None:
        """Seconds until something may be due; None: not before somebody says something."""
        due = self._next_start if len(self._workers) < self._count else math.inf
        due = due if self._stop_until is None else self._stop_until
        return None if due == math.inf else max(0.0, due - time.monotonic())

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        when = "late" if self._workers else "early"  # one tells probes that models are being loaded
        descriptors = (self._address.fileno(), theirs.fileno())
        command = [sys.executable, "-c", _PROGRAM, *map(str, descriptors), when]
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - our own program
                command, env=self._environment, pass_fds=descriptors, stdin=subprocess.DEVNULL, process_group=0
            )
        worker = _Worker(process, ours)
        self._workers.append(worker)
        self._selector.register(ours, selectors.EVENT_READ, worker)

    def _hear(self, worker: _Worker) -> None:
        if worker.channel.recv(1):
            worker.answers = True
            log.info("worker %d answers", worker.process.pid)
            return
        self._selector.unregister(worker.channel)
        worker.channel.close()
        self._workers.remove(worker)
        status = worker.process.wait()
        self._buried(worker.process.pid)
        if self._stop_until is None:
            self._plan_another(worker, status)

    def _plan_another(self, worker: _Worker, status: int) -> None:
        lived = time.monotonic() - worker.started
        self._failures = 0 if worker.answers and lived > _LIVED else self._failures + 1
        if not worker.answers and self._failures >= self._count and not any(other.answers for other in self._workers):
            raise StartFailed(f"no worker can be started; the last ended with {_name(status)}, what it said is above")
        pause = min(_PAUSE * 2 ** (self._failures - 2), _LONGEST_PAUSE) if self._failures > 1 else 0.0
        self._next_start = time.monotonic() + pause
        log.error("worker %d ended with %s; another starts in %g s", worker.process.pid, _name(status), pause)

    def _obey(self, number: int) -> None:
        if self._stop_until is None:
            self._stop_until = time.monotonic() + self._longest_stop + _MARGIN
            self._address.close()
            for worker in self._workers:
                worker.process.send_signal(number)
        elif number == signal.SIGINT:
            self._kill()
            os._exit(128 + number)

    def _kill(self) -> None:
        for worker in self._workers:
            worker.process.kill()
            worker.process.wait()


def _name(status: int) -> str:
    with suppress(ValueError):
        return signal.Signals(-status).name
    return f"status {status}"


@contextmanager
def _signals() -> Iterator[socket.socket]:
    """A socket from which the number of each signal that tells to stop can be read."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    numbers = (signal.SIGINT, signal.SIGTERM)
    with reader, writer:
        earlier = signal.set_wakeup_fd(writer.fileno())
        before = {number: signal.signal(number, lambda *_: None) for number in numbers}
        try:
            yield reader
        finally:
            signal.set_wakeup_fd(earlier)
            for number, handler in before.items():
                signal.signal(number, handler)
