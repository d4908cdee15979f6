"""Turns a quarter of an hour of everything at once into what it did to a service: errors, latency, memory, open files.

    python -m benchmarks.soak [--minutes 15] [--workers 2] [--out FILE.json]

A service of several processes is asked for predictions, activations, explanations and all the rest, by good clients and
by slow, broken and dying ones (`visitors`), while versions are published, promoted, rolled back and removed. The exit
status is 1 where an answer was not what it should have been, or memory grew by more than 5 % after the first minute.
"""

import argparse
import asyncio
import json
import math
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

import aiohttp

from benchmarks.material import ROOT, convscope, plain_environment
from benchmarks.plan import Row
from benchmarks.server import NotServing, find_ports, stop
from benchmarks.siege import BROKEN, KEPT, REFUSED, VERSIONS, Record, Sample, Siege, put
from benchmarks.table import show, tabulate
from benchmarks.visitors import Pictures, Place, Visitor, list_visitors

_KEY = "a-key-for-a-soak-0123456789"

_MODELS = ("digits", "fashion", "objects", "ticks")

_OPTIONAL = {"v2 infer", "metrics"}
"""Kinds that are left out where the service has nothing of the sort."""

_GROWTH = 0.05
"""Of memory after the first minute, at most."""
_LONGEST_START = 60.0


def main() -> None:
    """Soak and print."""
    options = _parse()
    with tempfile.TemporaryDirectory() as temporary:
        models = Path(temporary) / "models"
        for name in _MODELS:
            shutil.copytree(ROOT / "models" / name, models / name)
        for number in range(3, KEPT + 1):  # as many as stay in memory, so that it is full from the beginning on
            put(models / "digits", 2 - number % 2, number)
        log = options.out.with_suffix(".log") if options.out else Path(temporary) / "log"
        with _serving(models, options.workers, log) as (process, address):
            siege, left_out = asyncio.run(_soak(process, address, models, options))
        faults = log.read_text(errors="replace").count("Traceback")
    row = _summarise(siege, options) | {"left_out": left_out, "faults": faults, "exit": process.returncode}
    if options.out:
        options.out.write_text(json.dumps(row, indent=1))
    print("\n".join(report(row)))
    sys.exit(bool(row["errors"] or row["growth"] > _GROWTH or faults or row["exit"]))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kinds", help="only kinds whose name has one of these words, by commas; `versions` too")
    parser.add_argument("--out", type=Path, help="what was seen, as JSON; the service's log goes beside it")
    return parser.parse_args()


@contextmanager
def _serving(models: Path, workers: int, log: Path) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    """The service in processes of its own, and its address."""
    port = find_ports()
    environment = plain_environment() | {"CONVSCOPE_API_KEYS": f"{_KEY}:admin", "CONVSCOPE_PORT": str(port)}
    command = convscope("serve", "--models", models, "--workers", str(workers))
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=output, stderr=output)  # noqa: S603
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        stop(process)


async def _soak(
    process: "subprocess.Popen[bytes]", address: str, models: Path, options: argparse.Namespace
) -> tuple[Siege, list[str]]:
    """The load, and the kinds that there was nothing for."""
    pictures = Pictures.draw((models / "digits" / "2" / "samples" / "07-7.png").read_bytes())
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=3)  # fewer seconds than the service's own 5
    headers = {"X-API-Key": _KEY}
    async with aiohttp.ClientSession(address, connector=connector, headers=headers) as session:
        place = Place(address, session, _KEY)
        visitors = list_visitors(pictures)
        await _wait_until_ready(process, visitors, place)
        left_out = [each.kind for each in visitors if each.kind in _OPTIONAL and await each.visit(place) == 404]
        siege = Siege(process.pid, place, 60 * options.minutes)
        words = options.kinds.split(",") if options.kinds else [""]
        wanted = [each for each in visitors if each.kind not in left_out and any(word in each.kind for word in words)]
        await siege.run(wanted, models if any(word in VERSIONS for word in words) else None)
    return siege, left_out


async def _wait_until_ready(process: "subprocess.Popen[bytes]", visitors: Sequence[Visitor], place: Place) -> None:
    visit = next(visitor.visit for visitor in visitors if visitor.kind == "health")
    until = time.perf_counter() + _LONGEST_START
    while process.poll() is None and time.perf_counter() < until:
        with suppress(aiohttp.ClientError):
            if await visit(place) == 200:
                return
        await asyncio.sleep(0.1)
    raise NotServing("the service did not come up")


def _summarise(siege: Siege, options: argparse.Namespace) -> Row:
    """All figures; of memory and files the means of the minute after the first one, and of the last."""
    end = 60 * options.minutes
    minute = min(60, end / 3)
    first, last = (_average(siege.samples, begin, begin + minute) for begin in (minute, end - minute))
    return {
        "minutes": options.minutes,
        "workers": options.workers,
        "kinds": {kind: _describe(record, options.minutes) for kind, record in sorted(siege.records.items())},
        "requests": sum(sum(record.statuses.values()) for record in siege.records.values()),
        "errors": sum(sum(record.errors.values()) for record in siege.records.values()),
        "first": first,
        "last": last,
        "growth": last["rss"] / first["rss"] - 1,
        "samples": [asdict(sample) for sample in siege.samples],
    }


def _average(samples: Sequence[Sample], begin: float, end: float) -> dict[str, float]:
    found = [sample for sample in samples if begin <= sample.second < end]
    return {
        name: statistics.mean(getattr(sample, name) for sample in found)
        for name in ("rss", "pss", "files", "processes")
    }


def _describe(record: Record, minutes: float) -> Row:
    first, last = record.latencies[0], record.latencies[max(0, math.ceil(minutes) - 1)]
    return {
        "statuses": {str(status): count for status, count in sorted(record.statuses.items())},
        "errors": dict(record.errors),
        "refused": sum(record.statuses[status] for status in REFUSED),
        **{f"{name}_ms": [1e3 * _percentile(taken, share) for taken in (first, last)]
           for name, share in (("p50", 0.5), ("p99", 0.99))},
    }  # fmt: skip


def _percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def report(row: Row) -> Iterator[str]:
    """Two tables, and what they come to."""
    head = ["kind", "answers by status", "errors", "refused", "p50 ms: first minute", "last", "p99 ms: first minute",
            "last"]  # fmt: skip
    yield from tabulate(head, (_spell(kind, told) for kind, told in row["kinds"].items()))
    yield ""
    yield from tabulate(["minute", "RSS MiB, mean", "most", "PSS MiB", "open files", "processes"], _spell_minutes(row))
    yield ""
    for kind, told in row["kinds"].items():
        yield from (f"{kind}: {count} × {error}" for error, count in told["errors"].items())
    yield (
        f"{row['requests']:,} requests in {row['minutes']:g} minutes, {row['workers']} workers: {row['errors']} errors,"
        f" {row['faults']} tracebacks in the log, exit status {row['exit']}"
    )
    first, last = row["first"], row["last"]
    yield (
        f"RSS {first['rss']:.0f} MiB after the first minute, {last['rss']:.0f} MiB in the last: {row['growth']:+.1%}"
        f" (at most {_GROWTH:+.0%}); PSS {last['pss'] / first['pss'] - 1:+.1%}; open files {first['files']:.0f}, then"
        f" {last['files']:.0f}"
    )
    if row["left_out"]:
        yield f"left out, as this service has nothing of the sort: {', '.join(row['left_out'])}"


def _spell(kind: str, told: Row) -> list[str]:
    statuses = ", ".join(f"{'broken' if status == str(BROKEN) else status}: {count:,}"
                         for status, count in told["statuses"].items())  # fmt: skip
    latencies = [show(value) for name in ("p50_ms", "p99_ms") for value in told[name]]
    return [kind, statuses or "nobody waited", str(sum(told["errors"].values())), str(told["refused"]), *latencies]


def _spell_minutes(row: Row) -> Iterator[list[str]]:
    for minute in range(math.ceil(row["minutes"])):
        found = [sample for sample in row["samples"] if int(sample["second"] / 60) == minute]
        if found:
            means = {name: statistics.mean(sample[name] for sample in found) for name in found[0]}
            most = max(sample["rss"] for sample in found)
            yield [str(minute + 1), *(f"{value:.0f}" for value in (means["rss"], most, means["pss"], means["files"],
                                                                   means["processes"]))]  # fmt: skip


if __name__ == "__main__":
    main()
