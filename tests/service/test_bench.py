"""Measuring a server: the real one, and one that refuses, resets, stalls and stays silent when it is told to."""

import asyncio
import json
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count, cycle
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.__main__ import make_cli
from service.bench.figures import Figures, summarise
from service.bench.measurement import Measurement
from service.bench.options import Arrivals, Load
from service.bench.run import measure
from service.bench.table import explain, warn
from service.errors import BenchFailed
from tests.conftest import MODELS

PICTURE = MODELS / "digits" / "1" / "samples" / "07-7.png"
LOAD = Load(seconds=0.25, warmup=0.05, timeout=10, connections=2)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
TOO_MANY = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]
"""What is done about a request that was read."""


@contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """A server of the plainest kind; gives its address."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    loop, over = asyncio.new_event_loop(), asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split()[0])
                assert await reader.readexactly(length) == PICTURE.read_bytes()
                await answer(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def serve() -> None:
        async with await asyncio.start_server(handle, sock=listener):
            await over.wait()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/predict"
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()


def every(number: int, fault: Answer) -> Answer:
    """Answers well, but for each request of that number."""
    numbers = count(1)

    async def answer(writer: asyncio.StreamWriter) -> None:
        if next(numbers) % number == 0:
            await fault(writer)
        else:
            writer.write(OK)

    return answer


async def refuse(writer: asyncio.StreamWriter) -> None:
    writer.write(TOO_MANY)


async def reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()


async def break_off(writer: asyncio.StreamWriter) -> None:
    writer.write(OK[:-1])
    writer.close()


async def keep_silent(_: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


def stall(after: float, seconds: float) -> Answer:
    """Answers nobody for a while, some seconds after the first request; then everybody who waited."""
    first: list[float] = []

    async def answer(writer: asyncio.StreamWriter) -> None:
        now = time.monotonic()
        first.append(now)
        if 0 <= now - first[0] - after < seconds:
            await asyncio.sleep(first[0] + after + seconds - now)
        writer.write(OK)

    return answer


def test_a_closed_loop_measures_the_service_with_a_sample_of_its_own(address: str, tmp_path: Path) -> None:
    url = f"{address}/v1/models/digits/predict"
    written = tmp_path / "bench.json"
    options = ["--connections", "2", "--seconds", "0.3", "--warmup", "0.1", "--json", str(written)]
    ended = CliRunner().invoke(make_cli(), ["bench", url, *options])
    assert ended.exit_code == 0, ended.output
    assert "closed loop, 2 connections, 0.3 s after 0.1 s of warm-up" in ended.output
    for word in ("requests/s", "status      200", "errors      none", "p99.9", "measured", "corrected"):
        assert word in ended.output
    figures = json.loads(written.read_text())
    assert figures["succeeded"]
    assert figures["statuses"] == {"200": figures["requests"]}
    assert figures["requests"] > 1
    assert figures["bytes_per_second"] > 100 * figures["requests_per_second"] > 0
    latencies = list(figures["latency_ms"].values())
    assert latencies == sorted(latencies)
    assert 0 < latencies[0] <= latencies[-1] == figures["corrected_ms"]["max"]


def test_an_open_loop_sends_what_was_asked_for(address: str) -> None:
    load = replace(LOAD, rate=100, connections=8)
    url = f"{address}/v1/models/digits/versions/1/predict?top_k=1"
    figures = measure(url, PICTURE, load)
    assert figures.succeeded
    assert figures.requests == sum(figures.statuses.values()) == pytest.approx(25, abs=1)
    assert figures.corrected_ms is None
    random = measure(url, PICTURE, replace(load, arrivals=Arrivals.POISSON))
    assert random.succeeded
    assert 10 < random.requests < 60


@pytest.mark.parametrize("rate", [None, 100])
def test_refusals_are_no_success_and_their_speed_flatters_nobody(rate: float | None) -> None:
    numbers = count(1)

    async def answer(writer: asyncio.StreamWriter) -> None:
        if next(numbers) % 2:
            await asyncio.sleep(0.02)
            writer.write(OK)
        else:
            writer.write(TOO_MANY)

    with answering(answer) as url:
        figures = measure(url, PICTURE, replace(LOAD, rate=rate, connections=4))
    assert not figures.succeeded
    assert set(figures.statuses) == {200, 429}
    assert abs(figures.statuses[200] - figures.statuses[429]) <= 4
    assert not figures.errors
    assert 0 < figures.successes_per_second < figures.requests_per_second
    assert figures.latency_ms
    assert figures.latency_ms.min > 19


def test_it_exits_with_1_where_any_answer_was_not_2xx() -> None:
    with answering(every(2, refuse)) as url:
        ended = CliRunner().invoke(make_cli(), ["bench", url, str(PICTURE), "--seconds", "0.1", "--warmup", "0"])
    assert ended.exit_code == 1
    assert ", 429: " in ended.output
    assert "with 2xx" in ended.output


def test_broken_connections_are_counted_by_kind() -> None:
    faults = cycle([reset, hang_up, break_off])

    async def fail(writer: asyncio.StreamWriter) -> None:
        await next(faults)(writer)

    with answering(every(4, fail)) as url:
        figures = measure(url, PICTURE, replace(LOAD, seconds=0.4, connections=4))
    assert not figures.succeeded
    assert set(figures.errors) == {
        "connection reset by peer",
        "connection closed without an answer",
        "answer broken off",
    }
    assert figures.requests == figures.statuses[200] + sum(figures.errors.values())


def test_requests_given_up_count_with_the_time_that_they_were_waited_for() -> None:
    with answering(every(4, keep_silent)) as url:
        figures = measure(url, PICTURE, replace(LOAD, timeout=0.15))
    assert figures.errors["timed out"] >= 1
    assert figures.latency_ms
    assert figures.latency_ms.max >= 150


def test_an_open_loop_counts_a_stall_for_all_requests_due_meanwhile() -> None:
    """For more than a third of the time nobody is answered: the requests due then waited half of it on average."""
    with answering(stall(after=0.2, seconds=0.25)) as url:
        figures = measure(url, PICTURE, Load(seconds=0.65, warmup=0, timeout=10, connections=512, rate=100))
    assert figures.succeeded
    assert figures.requests == pytest.approx(65, abs=1)
    assert figures.most_under_way >= 15
    assert figures.latency_ms
    assert figures.latency_ms.p90 > 100
    assert figures.latency_ms.max > 200


def test_a_closed_loop_misses_a_stall_and_the_correction_finds_it_again() -> None:
    """One request of thousands met it, and those that a steady stream would have sent are not there."""
    with answering(stall(after=0.2, seconds=0.25)) as url:
        figures = measure(url, PICTURE, Load(seconds=0.65, warmup=0, timeout=10, connections=1))
    assert figures.latency_ms
    assert figures.corrected_ms
    assert figures.latency_ms.max > 200
    assert figures.latency_ms.p90 < 50
    assert figures.corrected_ms.p90 > 100


def test_few_connections_make_an_open_loop_wait_for_one_and_that_counts() -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.04)
        writer.write(OK)

    with answering(answer) as url:
        figures = measure(url, PICTURE, replace(LOAD, rate=50, warmup=0, connections=1))
    assert figures.latency_ms
    assert figures.latency_ms.max > 100
    assert any("1 connections were in use" in line for line in explain(figures))


def test_the_correction_adds_what_a_slow_answer_held_up_and_leaves_the_rest() -> None:
    figures = _measured([0.001] * 1000 + [0.1])
    assert figures.latency_ms
    assert figures.corrected_ms
    assert figures.latency_ms.p99 == pytest.approx(1, rel=0.01)
    assert figures.corrected_ms.p90 == pytest.approx(1, rel=0.01)
    assert figures.corrected_ms.p99 == pytest.approx(90, abs=1)  # of 1,099 values, the eleventh from above
    even = _measured([thousandth / 1e6 for thousandth in range(900, 1100)])
    assert even.corrected_ms == even.latency_ms


def test_latency_counts_from_when_a_request_was_due_or_sent_whichever_was_first() -> None:
    assert _measured([0.05], sent_after=0.03).lateness_ms == pytest.approx(30, rel=0.01)
    for sent_after, milliseconds in ((0.03, 50), (-0.001, 51)):
        latency = _measured([0.05], sent_after).latency_ms
        assert latency
        assert latency.max == pytest.approx(milliseconds)


def test_it_says_when_the_measuring_was_the_bottleneck() -> None:
    figures = replace(_measured([0.001]), cpu_share=0.5, waited_share=0.1, lateness_ms=1.0)
    assert not list(warn(figures))
    (line,) = warn(replace(figures, cpu_share=0.95))
    assert "the tool itself was the bottleneck: it took 95% of a core" in line
    (line,) = warn(replace(figures, waited_share=0.45))
    assert "wanted another 45%" in line
    (line,) = warn(replace(figures, lateness_ms=12.0))
    assert "sent 12.0 ms late" in line


def _measured(latencies: list[float], sent_after: float = 0) -> Figures:
    """The figures of answers that came so many seconds after they were due."""
    measurement = Measurement()
    measurement.open(time.perf_counter(), 10)
    measurement.begin()
    for latency in latencies:
        due = measurement.begins
        measurement.record_answer(measurement.begin_request(due, due + sent_after), due + latency, 200, 2)
    measurement.end()
    return summarise("http://localhost/", LOAD, measurement)


@pytest.mark.parametrize(
    ("url", "picture", "words"),
    [
        ("localhost:8000/v1/models/digits/predict", PICTURE, "it has to begin with http:// or https://"),
        ("http://localhost:70000/", PICTURE, "'http://localhost:70000/' is no address"),
        ("http://127.0.0.1:{closed}/v1/models/digits/predict", None, "connection refused"),
        ("http://127.0.0.1:{closed}/v1/models/digits/predict", PICTURE, "connection refused"),
        ("{address}/v1/models/digits/predict", Path("nowhere.png"), "No such file or directory"),
        ("{address}/v1/models/digits/predict", Path(__file__), "predict answers 415: "),
        ("{address}/v1/models/doors/predict", PICTURE, "predict answers 404: no model is called 'doors'"),
        ("{address}/v1/models/doors/predict", None, "samples answers 404: no model is called 'doors'"),
        ("{address}/v1/workbench", None, "no picture to send: name one"),
    ],
)
def test_what_cant_be_measured_is_one_clear_line(address: str, url: str, picture: Path | None, words: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = listener.getsockname()[1]
    with pytest.raises(BenchFailed) as raised:
        measure(url.format(address=address, closed=closed), picture, LOAD)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def test_ctrl_c_prints_what_was_measured_so_far() -> None:
    numbers = count(1)
    many = threading.Event()

    async def answer(writer: asyncio.StreamWriter) -> None:
        if next(numbers) >= 50:
            many.set()
        writer.write(OK)

    with answering(answer) as url:
        command = [sys.executable, "-m", "service", "bench", url, str(PICTURE), "--warmup", "0", "--seconds", "60"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert many.wait(30)
        process.send_signal(signal.SIGINT)
        said, complaints = process.communicate(timeout=20)
    assert process.returncode == 0
    assert not complaints
    assert "status      200" in said
    assert "p99.9" in said


def test_a_service_without_the_extra_starts_and_names_it_when_asked_to_measure() -> None:
    program = (
        "import sys; sys.modules.update(aiohttp=None, hdrh=None); sys.argv[1:] = ['bench', 'http://localhost/'];"
        " from service.__main__ import main; main()"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert ended.stderr.strip() == "convscope: aiohttp is missing: install convscope[bench]"
