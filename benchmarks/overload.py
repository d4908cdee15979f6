"""Turns ResNet-18 at ten times its peak, in an open loop, into what became of requests, memory, recovery."""

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence

from benchmarks.contestants import PROJECT, Contestant
from benchmarks.load import put_under_load, watch_memory
from benchmarks.open_loop import BROKEN, UNSENT, Log, OpenLoop
from benchmarks.plan import Plan, Row
from benchmarks.processes import wait_for_quiet
from benchmarks.server import Server, serving
from benchmarks.table import tabulate
from service.settings import Settings

_MODEL = "resnet18"
_TIMES = 10
_BATCH = 16
"""Pictures in one run at most, on a CPU, where nothing else is set."""
_LONE = 20
"""Requests one after the other, whose median is the latency of a lone one."""
_RECOVERY = 60.0
"""Seconds that recovery is waited for."""
_EDGE = 5.0
"""Seconds at the beginning and at the end, whose memory is compared."""


def measure(plan: Plan) -> Iterator[Row]:
    """One row."""
    wait_for_quiet(plan.patience)
    with serving(Contestant(PROJECT, _MODEL), plan) as server:
        put_under_load(server, 32, 2)
        peak = put_under_load(server, 32, plan.seconds).requests_per_second
        time.sleep(1)
        with watch_memory(server) as seen:
            before, recovery, log = asyncio.run(_overload(server, _TIMES * peak, plan.overload_seconds))
    memory = [(second, memory.rss) for second, memory in seen if second <= plan.overload_seconds]
    settings = Settings.model_construct()
    yield {
        "model": _MODEL, "peak": peak, "rate": _TIMES * peak, "seconds": plan.overload_seconds,
        **_summarise(log),
        "promised": settings.patience + (settings.max_batch or _BATCH) / peak,
        "lone_before": before, "recovery": recovery,
        "rss_first": statistics.mean(rss for second, rss in memory if second <= _EDGE),
        "rss_last": statistics.mean(rss for second, rss in memory if second >= plan.overload_seconds - _EDGE),
        "rss_each_second": [rss for _, rss in memory],
    }  # fmt: skip


async def _overload(server: Server, rate: float, seconds: float) -> tuple[float, float | None, Log]:
    """The latency of a lone request before, seconds until it is so again (at most twice as long), and the log."""
    loop = OpenLoop(server.address, server.message)
    before = statistics.median([(await loop.ask())[1] for _ in range(_LONE)])
    load = asyncio.create_task(loop.run(rate, seconds))
    await asyncio.sleep(seconds)
    recovery = await _recover(server, 2 * before)
    await load
    await loop.close()
    return before, recovery, loop.log


async def _recover(server: Server, goal: float) -> float | None:
    """Seconds from the last request of the load until a lone one is answered in time; None: never."""
    lone, ended = OpenLoop(server.address, server.message), time.perf_counter()
    while (waited := time.perf_counter() - ended) < _RECOVERY:
        status, taken = await lone.ask()
        if status == 200 and taken <= goal:
            await lone.close()
            return waited
        await asyncio.sleep(0.01)
    return None


def _summarise(log: Log) -> Row:
    """Counts by status, latencies in milliseconds by status, and how well the load was kept up."""
    statuses = Counter(_name(status) for _, _, status in log.records)
    latencies = {}
    for name in statuses:
        taken = sorted(seconds * 1e3 for _, seconds, status in log.records if _name(status) == name)
        latencies[name] = {"p50": taken[len(taken) // 2], "p99": taken[len(taken) * 99 // 100], "max": taken[-1]}
    late = sorted(log.lateness)
    return {
        "requests": len(log.records), "statuses": dict(statuses), "latency_ms": latencies,
        "sent_late_ms": late[len(late) * 99 // 100] * 1e3, "connections": log.connections,
    }  # fmt: skip


def _name(status: int) -> str:
    return {BROKEN: "broken", UNSENT: "not sent"}.get(status, str(status))


def report(rows: Sequence[Row]) -> Iterator[str]:
    """A table and some lines for each run."""
    for row in rows:
        yield (
            f"\n{row['model']}: peak {row['peak']:.1f} requests/s; {row['rate']:.0f} requests/s for {row['seconds']} s,"
            f" at most {row['connections']} connections, sent {row['sent_late_ms']:.1f} ms late (p99)\n"
        )
        lines = [
            [
                name,
                f"{count:,}",
                f"{count / row['seconds']:,.1f}",
                *(f"{row['latency_ms'][name][key]:,.1f}" for key in ("p50", "p99", "max")),
            ]
            for name, count in sorted(row["statuses"].items())
        ]
        yield from tabulate(["answer", "requests", "a second", "p50 ms", "p99 ms", "max ms"], lines)
        slowest = row["latency_ms"].get("200", {"max": 0.0})["max"] / 1e3
        kept = "all within" if slowest <= row["promised"] else "NOT all within"
        yield f"\nSlowest 200 after {slowest:.2f} s: {kept} patience and a batch, {row['promised']:.2f} s."
        change = row["rss_last"] / row["rss_first"] - 1
        yield f"RSS, mean of 5 s: first {row['rss_first']:.0f} MiB, last {row['rss_last']:.0f} MiB ({change:+.1%})."
        again = "never" if row["recovery"] is None else f"{row['recovery']:.2f} s after the load's end"
        yield f"A lone request took {row['lone_before'] * 1e3:.1f} ms before; at most twice that again {again}."
