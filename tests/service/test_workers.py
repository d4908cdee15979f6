"""Several processes on one socket, as they start, die and stop under load: real processes, real signals."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from service import workers
from service.endpoint import join, listen, reserve
from service.errors import StartFailed
from service.workers import Workers
from tests.conftest import MODELS
from tests.program import started


class Load:
    """Clients that ask all the time, each on a connection of its own, and go elsewhere when they are told to."""

    def __init__(self, address: str, picture: bytes, clients: int = 32) -> None:
        self.host, self.port = str(urlsplit(address).hostname), urlsplit(address).port or 0
        self.picture = picture
        self.seen: Counter[str] = Counter()
        self.is_ready = True
        self.threads = [threading.Thread(target=self.ask) for _ in range(clients)]
        self.threads.append(threading.Thread(target=self.probe))
        for thread in self.threads:
            thread.start()

    def ask(self) -> None:
        client = http.client.HTTPConnection(self.host, self.port, timeout=20)
        while self.is_ready:
            try:
                client.request("POST", "/v1/models/digits/predict", self.picture, {"Content-Type": "image/png"})
                answer = client.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.seen[repr(error)] += 1
                client.close()
            else:
                self.seen[str(answer.status)] += 1
        client.close()

    def probe(self) -> None:
        while self.is_ready:
            client = http.client.HTTPConnection(self.host, self.port, timeout=20)
            try:
                client.request("GET", "/v2/health/ready")
                if client.getresponse().status != 200:
                    self.is_ready = False
            except (OSError, http.client.HTTPException) as error:
                self.seen[f"probe: {error!r}"] += 1
            client.close()
            time.sleep(0.1)

    def wait_for(self, answers: int) -> None:
        wait_until(lambda: self.seen["200"] >= answers)

    def stop(self) -> Counter[str]:
        self.is_ready = False
        for thread in self.threads:
            thread.join()
        return self.seen


def wait_until(holds: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def children(process: int) -> set[int]:
    found = Path(f"/proc/{process}/task/{process}/children")
    return {int(child) for child in found.read_text().split()}


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("count", [1, 2])
def test_stopped_under_load_no_request_fails(count: int, seven: bytes) -> None:
    options = ("--models", str(MODELS), "--workers", str(count))
    with started(*options, CONVSCOPE_DRAIN_SECONDS="1") as (process, address, _):
        load = Load(address, seven)
        load.wait_for(200)
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=30)
        assert not load.is_ready  # it heard of it before the address was closed
        assert load.stop().keys() == {"200"}
        assert process.returncode == 0
        assert json.loads(rest.splitlines()[-1])["event"] == "stopped"


def test_a_killed_worker_comes_back_and_none_outlives_its_parent(seven: bytes) -> None:
    with started("--models", str(MODELS), "--workers", "2") as (process, address, _):
        before = children(process.pid)
        assert len(before) == 2
        load = Load(address, seven, clients=4)
        load.wait_for(50)
        killed = before.pop()
        os.kill(killed, signal.SIGKILL)
        assert process.stdout is not None
        while "answers" not in (said := process.stdout.readline()):
            assert said
        load.wait_for(load.seen["200"] + 50)
        seen = load.stop()
        # Only those that the killed process had can fail: one of each client and the probe, and who was at its door.
        assert seen.total() - seen["200"] <= 8
        orphans = children(process.pid)
        assert len(orphans) == 2
        assert killed not in orphans
        process.kill()
        process.wait()
        wait_until(lambda: not any(map(is_running, orphans)))
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", load.port))


@pytest.mark.parametrize("count", [1, 2])
def test_a_second_interrupt_stops_at_once(count: int) -> None:
    options = ("--models", str(MODELS), "--workers", str(count))
    with started(*options, CONVSCOPE_DRAIN_SECONDS="300") as (process, address, _):
        workers = children(process.pid) if count > 1 else set()
        process.send_signal(signal.SIGTERM)
        client = http.client.HTTPConnection(str(urlsplit(address).hostname), urlsplit(address).port or 0)
        wait_until(lambda: get_status(client) == 503)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert not any(map(is_running, workers))


def get_status(client: http.client.HTTPConnection) -> int:
    client.request("GET", "/v2/health/ready")
    answer = client.getresponse()
    answer.read()
    return answer.status


def test_where_no_worker_can_start_it_ends_with_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    with reserve("127.0.0.1", 0) as address:
        broken = Workers(2, address, {**os.environ, "CONVSCOPE_PORT": "http"}, longest_stop=1)
        with pytest.raises(StartFailed, match="no worker can be started"):
            broken.run(lambda: pytest.fail("none answers"))
    assert "CONVSCOPE_PORT" in capfd.readouterr().err


def test_an_address_can_be_reserved_again_where_one_process_has_just_answered() -> None:
    with listen("127.0.0.1", 0) as alone:
        address = alone.getsockname()
        client = socket.create_connection(address)
        alone.accept()[0].close()  # who closes first is left with a connection that lingers
        client.close()
    with reserve(*address) as reserved, join(reserved) as listener:
        socket.create_connection(listener.getsockname()).close()


def test_workers_that_die_again_and_again_are_started_less_and_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    dies = "import socket, sys; socket.socket(fileno=int(sys.argv[2])).sendall(b'.'); sys.exit(3)"
    monkeypatch.setattr(workers, "_PROGRAM", dies)
    ended: list[int] = []
    with reserve("127.0.0.1", 0) as address:
        mortal = Workers(2, address, os.environ, longest_stop=1, buried=ended.append)
        threading.Timer(2, os.kill, (os.getpid(), signal.SIGTERM)).start()
        mortal.run(lambda: None)
    assert 2 <= len(ended) <= 6  # without pauses, dozens
    assert not children(os.getpid()) & set(ended)


def test_nobody_has_to_be_there_to_read_what_it_says(seven: bytes) -> None:
    port = listen("127.0.0.1", 0)
    number = port.getsockname()[1]
    port.close()
    command = f"exec {sys.executable} -m service serve --port {number} --models {MODELS} >/dev/full 2>&-"
    with subprocess.Popen(["bash", "-c", command], env={**os.environ, "CONVSCOPE_DRAIN_SECONDS": "0"}) as process:
        client = http.client.HTTPConnection("127.0.0.1", number)

        def answers() -> bool:
            try:
                return get_status(client) == 200
            except OSError:
                client.close()
                return False

        try:
            wait_until(answers)
            client.request("POST", "/v1/models/digits/predict", seven, {"Content-Type": "image/png"})
            assert client.getresponse().status == 200
            client.close()
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
