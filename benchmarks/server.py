"""Turns a contestant into a running server that answers on a loopback port, and that ends with the block."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import environments
from benchmarks.contestants import PROJECT, Contestant
from benchmarks.material import NETWORKS, PEERS, ROOT, convscope, plain_environment
from benchmarks.message import Message, compose
from benchmarks.plan import Plan
from benchmarks.processes import Memory, find_tree, read_cpu, read_memory

_LONGEST_START = 120.0
"""Seconds."""

_PORTS = 10
"""In a row: some servers take more than one."""

_LONGEST_END = 20.0
"""Seconds that a server has to end by itself."""


class NotServing(Exception):
    """It did not come up, or is gone."""


@dataclass(frozen=True)
class Server:
    """One that answers."""

    process: int
    address: str
    message: Message
    """The picture that the network is measured with, in the form that this server takes."""
    answer: bytes
    """To the first message."""
    start: float
    """Seconds from the start of its program to the first answer."""
    idle: Memory
    """After the first answer."""

    def read_cpu(self) -> float:
        """Seconds, of all its processes."""
        return read_cpu(find_tree(self.process))

    def read_memory(self) -> Memory:
        """Of all its processes."""
        return read_memory(find_tree(self.process))


@contextmanager
def serving(contestant: Contestant, plan: Plan) -> Iterator[Server]:
    """Start it, and stop it in the end.

    Raises:
        NotServing: it gives no answer.
    """
    port, software = find_ports(), contestant.software
    folder = plan.scratch / contestant.name
    folder.mkdir(exist_ok=True)
    command, prepare, environment, cwd = _complete(contestant, plan, port, folder)
    if prepare:
        silent = subprocess.DEVNULL
        subprocess.run(prepare, env=environment, check=True, cwd=cwd, stdout=silent, stderr=silent)  # noqa: S603
    message = compose(
        software.kind, software.path.format(model=contestant.model), plan.data / NETWORKS[contestant.model].picture
    )
    address, log = f"http://127.0.0.1:{port}", plan.scratch / f"{contestant.name}.log"
    started = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            command, env=environment, cwd=cwd, stdout=output, stderr=output, start_new_session=True
        )
    try:
        answer = _wait_for_answer(process, address, message, log)
        taken = time.perf_counter() - started
        yield Server(process.pid, address, message, answer, taken, read_memory(find_tree(process.pid)))
    finally:
        stop(process)


def _complete(
    contestant: Contestant, plan: Plan, port: int, folder: Path
) -> tuple[list[str], list[str], dict[str, str], Path]:
    """The command, what is run before it, their environment and their folder."""
    software, environment = contestant.software, plain_environment()
    if contestant.name == PROJECT:
        folder_name = contestant.settings.get("models", contestant.model)
        command = convscope("serve", "--models", plan.published / folder_name, "--port", str(port))
        workers = contestant.settings["workers"]
        return command + (["--workers", workers] if workers != "1" else []), [], environment, ROOT
    programs = environments.ensure(plan.work, software.environment)
    environment |= {f"PEER_{name.upper()}": value for name, value in contestant.settings.items()}
    environment |= {
        "PATH": f"{programs}{os.pathsep}{environment['PATH']}",
        "PYTHONPATH": str(PEERS),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PEER_DATA": str(plan.data),
        "PEER_MODEL": contestant.model,
        "OMP_NUM_THREADS": "1",
        "BENTOML_HOME": str(plan.scratch / "bentoml-home"),
        "BENTOML_DO_NOT_TRACK": "True",
        "RAY_SERVE_LOG_TO_STDERR": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "TS_CONFIG_FILE": "config.properties",
        "LOG_LOCATION": "logs",
        "METRICS_LOCATION": "logs",
    }
    names = {"bin": programs, "port": port, "folder": folder, "peers": PEERS, **contestant.settings}
    command, prepare = ([part.format(**names) for part in parts] for parts in (software.command, software.prepare))
    return command, prepare, environment, folder


def find_ports() -> int:
    """The first of several free ones in a row."""
    while True:
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError, OverflowError):
            first = stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
            for port in range(first + 1, first + _PORTS):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
            return int(first)


def _wait_for_answer(process: "subprocess.Popen[bytes]", address: str, message: Message, log: Path) -> bytes:
    until, reason = time.perf_counter() + _LONGEST_START, "no answer"
    while process.poll() is None and time.perf_counter() < until:
        try:
            return message.send(address)
        except OSError as error:
            reason = str(error)
            time.sleep(0.05)
    raise NotServing(f"it did not come up ({reason}); its own words are in {log}")


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Ask it to end, then end what is left of its tree."""
    tree = find_tree(process.pid)
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_LONGEST_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    time.sleep(0.5)
    for each in tree[1:]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
