"""What the service logs, as whoever reads it gets it: from real processes, on pipes and on a terminal."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.published import white_png
from tests.service.routes.test_metrics_page import Samples, read, value
from tests.service.test_registry import PREDICT, put, wait

PNG = {"Content-Type": "image/png"}
KEY = "a-key-that-nobody-may-see"


class Service:
    """A service of two workers, and what it has said so far."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process, self.said = process, bytearray()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        wait(lambda: b"Convscope is at" in self.said)
        found = re.search(rb"http://localhost:\d+", self.said)
        assert found
        self.address = found.group().decode()
        headers = {"Authorization": f"Bearer {KEY}", "Connection": "close"}  # so that any worker may answer the next
        self.client = httpx.Client(base_url=self.address, headers=headers, timeout=20)

    def _read(self) -> None:
        assert self.process.stderr
        while some := os.read(self.process.stderr.fileno(), 1 << 16):
            self.said += some

    def lines(self) -> list[dict[str, Any]]:
        """All lines, each of which is JSON."""
        return [json.loads(line) for line in self.said[: self.said.rfind(b"\n") + 1].splitlines()]

    def ask(self, request_id: str, path: str = PREDICT, method: str = "POST") -> httpx.Response:
        """Ask on a connection of its own."""
        content = white_png() if method == "POST" else None
        return self.client.request(method, path, content=content, headers=PNG | {"X-Request-ID": request_id})

    def figures(self) -> Samples:
        return read(self.client)

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        finally:
            self.process.kill()
            self._reader.join(20)
            self.client.close()
            if self.process.stderr:
                self.process.stderr.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    models: Path = tmp_path_factory.mktemp("models")
    put(models)
    process = subprocess.Popen(
        [sys.executable, "-m", "service", "serve", "--port", "0", "--workers", "2", "--models", str(models)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "CONVSCOPE_API_KEYS": f"{KEY}:admin"},
    )
    running = Service(process)
    try:
        wait(lambda: is_whole(running))
        yield running
    finally:
        running.end()


def is_whole(service: Service) -> bool:
    """Whether both workers answer."""
    with suppress(httpx.TransportError):
        return value(service.figures(), "convscope_workers") == 2
    return False


def test_each_request_is_one_line_of_json_whoever_answers_it(service: Service) -> None:
    def work(number: int) -> None:
        for step in range(20):
            assert service.ask(f"{number}-{step}").status_code == 200

    def requests() -> list[dict[str, Any]]:
        return [line for line in service.lines() if line["event"] == "request"]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    service.ask("failed", "/v1/models/nobody/predict?token=hidden")
    wait(lambda: len(requests()) >= 121)
    rows = requests()
    ids = [row["request_id"] for row in rows]
    assert sorted(ids) == sorted([f"{number}-{step}" for number in range(6) for step in range(20)] + ["failed"])
    row = rows[ids.index("0-0")]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", row.pop("time"))
    assert 0 < row.pop("seconds") < 10
    assert row == {
        "level": "info", "event": "request", "request_id": "0-0", "method": "POST", "path": PREDICT, "status": 200,
        "route": "/v1/models/{model}/predict", "model": "brightness", "version": 1, "client": "127.0.0.1",
        "received": len(white_png()), "sent": len(service.ask("again").content),
    }  # fmt: skip
    row = rows[ids.index("failed")]
    assert (row["status"], row["code"], row["path"]) == (404, "unknown_model", "/v1/models/nobody/predict")
    assert "nobody" in row["detail"]
    assert "model" not in row


def test_probes_are_not_told_and_keys_never(service: Service) -> None:
    service.ask("probe-1", "/v2/health/ready", "GET")
    service.ask("probe-2", "/metrics", "GET")
    httpx.get(f"{service.address}/metrics", headers={"X-Request-ID": "refused", "X-API-Key": f"not-{KEY}"})
    wait(lambda: b'"refused"' in service.said)
    assert b"probe-" not in service.said
    assert KEY.encode() not in service.said
    assert b"hidden" not in service.said


def test_the_figures_of_all_workers_are_summed_and_outlive_them(service: Service) -> None:
    def answered() -> float:
        return value(service.figures(), "convscope_requests_total", status="200", route="/v1/models/{model}/predict")

    before = answered()
    for number in range(20):
        service.ask(f"summed-{number}")
    wait(lambda: answered() - before == 20)
    assert [answered() - before for _ in range(6)] == [20] * 6  # whoever tells it
    processes = {dict(labels)["worker"] for name, labels in service.figures() if name == "process_open_fds"}
    assert processes == {"0", "1"}
    victim = children(service.process.pid)[-1]
    os.kill(victim, signal.SIGKILL)
    wait(lambda: not is_whole(service) or victim not in children(service.process.pid))
    wait(lambda: is_whole(service))
    assert victim not in children(service.process.pid)
    assert [answered() - before for _ in range(6)] == [20] * 6
    service.ask("after")
    wait(lambda: answered() - before == 21)


def children(process: int) -> list[int]:
    """The workers: child processes that have a ledger open."""
    found = []
    for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
        with suppress(OSError):
            if any("convscope-" in str(file.readlink()) for file in Path(f"/proc/{child}/fd").iterdir()):
                found.append(int(child))
    return found


def test_in_the_end_nothing_is_lost_and_nothing_left(service: Service) -> None:
    (folder,) = {
        file.readlink().parent
        for child in children(service.process.pid)
        for file in Path(f"/proc/{child}/fd").iterdir()
        if "convscope-" in str(file.readlink())
    }
    for number in range(30):
        service.ask(f"last-{number}")
    service.end()
    assert service.process.returncode == 0
    assert {f"last-{number}" for number in range(30)} <= {line.get("request_id") for line in service.lines()}
    assert service.lines()[-1]["event"] == "stopped"
    assert not folder.exists()


PROGRAM = """
import logging, sys, warnings
from service.journal import Form
from service.logs import Level, set_up_logs
from service.visit import Visit, current
set_up_logs(Form(sys.argv[1]), Level.INFO, all_requests=True, alone=True)
current.set(visit := Visit())
visit.request_id = "the-id"
logging.getLogger("convscope").info("swapped %s", "digits", extra={"version": 3})
logging.getLogger("convscope").debug("not told")
warnings.warn("beware")
try:
    secret = "hidden"
    raise ValueError("broken \\ud800")
except ValueError:
    logging.getLogger("uvicorn.error").exception("a fault", extra={"color_message": "coloured"})
"""


def test_everything_else_takes_the_same_form() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM, "json"], capture_output=True, check=True)
    swapped, warning, fault = [json.loads(line) for line in ended.stderr.splitlines()]
    assert list(swapped)[:3] == ["time", "level", "event"]
    assert (swapped["level"], swapped["event"], swapped["version"]) == ("info", "swapped digits", 3)
    assert warning["level"] == "warning"
    assert "beware" in warning["event"]
    assert (fault["level"], fault["event"], fault["request_id"]) == ("error", "a fault", "the-id")
    assert fault["exception"][0]["exc_type"] == "ValueError"
    assert fault["exception"][0]["frames"][-1]["lineno"] > 10
    assert "color_message" not in fault
    assert b"hidden" not in ended.stderr


def test_people_get_lines_that_they_can_read() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM, "pretty"], capture_output=True, text=True, check=True)
    first, *_ = ended.stderr.splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d \[info\] swapped digits +request_id=the-id version=3", first)
    assert "ValueError: broken" in ended.stderr
    assert "\x1b" not in ended.stderr  # no colours where there is no terminal


@contextmanager
def terminal(*arguments: str) -> Iterator[tuple["subprocess.Popen[bytes]", bytearray]]:
    """A command on a terminal of its own, and what is on that."""
    outer, inner = pty.openpty()
    shown = bytearray()

    def look() -> None:
        with suppress(OSError):  # the other side is closed
            while some := os.read(outer, 4096):
                shown.extend(some)

    with subprocess.Popen(
        [sys.executable, "-m", "service", *arguments], stdin=inner, stdout=inner, stderr=inner,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "200"},
    ) as process:  # fmt: skip
        os.close(inner)
        looking = threading.Thread(target=look)
        looking.start()
        try:
            yield process, shown
        finally:
            process.kill()
            looking.join()
            os.close(outer)


def test_a_terminal_shows_where_it_is_and_a_line_a_request(tmp_path: Path) -> None:
    put(tmp_path)
    with terminal("serve", "--port", "0", "--models", str(tmp_path)) as (process, shown):
        wait(lambda: b"Ctrl-C stops it" in shown)
        plain = re.sub(r"\x1b\[[0-9;]*m", "", shown.decode())
        found = re.fullmatch(r"Convscope is at (http://localhost:\d+)   \(API: \1/docs, Ctrl-C stops it\)\r\n", plain)
        assert found
        httpx.post(f"{found[1]}{PREDICT}", content=white_png(), headers=PNG | {"X-Request-ID": "mine"})
        httpx.post(f"{found[1]}/v1/models/%1b[31m/predict", headers={"X-Request-ID": "another's"})
        wait(lambda: b"another's" in shown)
        process.send_signal(signal.SIGINT)
        process.wait(20)
        time.sleep(0.2)
        first, second, third, *_ = re.sub(r"\x1b\[[0-9;]*m", "", shown.decode()).split("\r\n")[1:]
    assert re.fullmatch(rf"\d\d:\d\d:\d\d 200 POST {PREDICT}  brightness 1  [\d.]+ ms  mine", first)
    assert re.match(r"\d\d:\d\d:\d\d 404 POST /v1/models/\\x1b\[31m/predict  [\d.]+ ms  unknown_model: ", second)
    assert third == "stopped"
