"""Turns a network into its latency at 70 % of its peak: the peak first, then `convscope bench` by the clock.

The peak is the requests a second of a closed loop of 32 connections: once by wrk, and once by `convscope bench` itself,
which takes more of the cores that it shares with the server. Where the tool's own core was busy (what it used and what
it wanted besides are together near 1), its latencies are its own rather than the server's.
"""

import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.contestants import PROJECT, Contestant
from benchmarks.load import children_cpu, put_under_load
from benchmarks.material import NETWORKS, ROOT, convscope, plain_environment
from benchmarks.plan import Plan, Row
from benchmarks.processes import wait_for_quiet, watch_others
from benchmarks.server import Server, serving
from benchmarks.table import group, show_median, show_spread, tabulate

_CONNECTIONS = 32
_SHARE = 0.7
_SECONDS = 10


def measure(plan: Plan) -> Iterator[Row]:
    """Two rows a network and round, one worker each."""
    for number in range(plan.rounds):
        for model in plan.models:
            wait_for_quiet(plan.patience)
            with serving(Contestant(PROJECT, model), plan) as server:
                put_under_load(server, _CONNECTIONS, 2)
                picture = plan.data / NETWORKS[model].picture
                peaks = {
                    "wrk": put_under_load(server, _CONNECTIONS, plan.seconds).requests_per_second,
                    "convscope bench": _bench(server, plan, picture, plan.seconds)["reached"],
                }
                for by, peak in peaks.items():
                    with watch_others(lambda: time.process_time() + server.read_cpu() + children_cpu()) as foreign:
                        found = _bench(server, plan, picture, _SECONDS, _SHARE * peak)
                    yield {"model": model, "by": by, "round": number, "peak": peak, "rate": _SHARE * peak,
                           "foreign": foreign.cores, **found}  # fmt: skip


def _bench(server: Server, plan: Plan, picture: Path, seconds: int, rate: float | None = None) -> Row:
    """What `convscope bench` found out; without a rate, in a closed loop."""
    file = plan.scratch / "bench.json"
    command = convscope("bench", server.address + server.message.path, picture, "--seconds", str(seconds))
    command += ["--json", str(file), *(["--rate", f"{rate:.1f}"] if rate else ["--connections", str(_CONNECTIONS)])]
    before = server.read_cpu()
    result = _read(command, file)
    latency = result["latency_ms"]
    return {
        "requests": result["requests"],
        "statuses": result["statuses"],
        "errors": result["errors"],
        "reached": result["successes_per_second"],
        **{name: latency[name] for name in ("p50", "p90", "p99", "max")},
        **{name: result[name] for name in ("cpu_share", "waited_share", "lateness_ms")},
        "server_cores": (server.read_cpu() - before) / result["seconds"],
    }


def _read(command: list[str], file: Path) -> Row:
    """Its exit status only repeats what the figures say."""
    file.unlink(missing_ok=True)
    subprocess.run(command, cwd=ROOT, env=plain_environment(), stdout=subprocess.DEVNULL, check=False)  # noqa: S603
    result: Row = json.loads(file.read_text())
    return result


def report(rows: Sequence[Row]) -> Iterator[str]:
    """A line a network and peak."""
    table = []
    for (model, by), alike in group(rows, "model", "by").items():
        others = sum(count for row in alike for status, count in row["statuses"].items() if status != "200")
        failed = others + sum(sum(row["errors"].values()) for row in alike)
        table.append([
            f"{model}, peak by {by}", str(len(alike)), show_spread(alike, "peak"), show_median(alike, "rate"),
            show_median(alike, "reached"),
            show_spread(alike, "p50"), show_spread(alike, "p99"), show_median(alike, "max"), str(failed),
            show_median(alike, "cpu_share"), show_median(alike, "waited_share"), show_median(alike, "lateness_ms"),
            show_spread(alike, "foreign"),
        ])  # fmt: skip
    head = ["network", "runs", "peak, requests/s", "rate", "answered/s", "p50 ms", "p99 ms", "max ms", "failed",
            "tool: cores", "wanted besides", "sent late, p99 ms", "others"]  # fmt: skip
    yield from tabulate(head, table)
