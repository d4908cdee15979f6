"""Measures the service beside other model servers, beside what the machine can do, and under loads that are too large.

    python -m benchmarks.serving [--only peers,rate] [--rounds 3] [--seconds 6] [--out FILE]
    python -m benchmarks.serving --summary FILE

The first run makes what is needed: a virtual environment for each peer (5 GB), two untrained networks, three pictures.
The networks are the same files for all. Results are appended to --out: peers that are in it aren't measured again.
"""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from platformdirs import user_cache_path

from benchmarks import activations, ceilings, jpeg, material, memory, overload, protocol, rate, side_by_side
from benchmarks.contestants import CONNECTIONS, PEERS
from benchmarks.load import find_wrk
from benchmarks.plan import Plan, Row, read_rows


class Section(NamedTuple):
    """A question: how it is measured, and how the answer is told."""

    title: str
    measure: Callable[[Plan], Iterator[Row]]
    report: Callable[[Sequence[Row]], Iterator[str]]


SECTIONS = {
    "peers": Section("Beside other servers", side_by_side.measure, side_by_side.report),
    "rate": Section("At 70 % of the peak", rate.measure, rate.report),
    "overload": Section("At ten times the peak", overload.measure, overload.report),
    "ceilings": Section("Beside onnxruntime alone", ceilings.measure, ceilings.report),
    "activations": Section("All activations", activations.measure, activations.report),
    "protocol": Section("The Open Inference Protocol", protocol.measure, protocol.report),
    "jpeg": Section("A large JPEG", jpeg.measure, jpeg.report),
    "memory": Section("Memory over many requests", memory.measure, memory.report),
}


def main() -> None:
    """Measure and print."""
    options = _parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that the server is stopped too
    if options.summary:
        _print(lambda section: read_rows(options.summary, section), options.only)
        return
    work = options.work.expanduser().resolve()
    work.mkdir(parents=True, exist_ok=True)
    plan = Plan(
        work=work, models=options.models, peers=options.peers, rounds=options.rounds, seconds=options.seconds,
        patience=options.patience, foreign=options.foreign, requests=options.requests,
        overload_seconds=options.overload_seconds, out=options.out or work / "serving.jsonl",
    )  # fmt: skip
    find_wrk()
    material.prepare(plan)
    for name in options.only:
        for row in SECTIONS[name].measure(plan):
            plan.write(name, row | {"time": round(time.time())})  # noqa: TID251 - when it was measured
            print(name, _abridge(row), flush=True)
    _print(plan.read, options.only)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--only", type=_choices(SECTIONS), default=tuple(SECTIONS), help=f"of {', '.join(SECTIONS)}")
    add("--work", type=Path, default=user_cache_path("convscope") / "peers", help="where all that is made is kept")
    add("--peers", type=_choices(PEERS), default=PEERS, help=f"of {', '.join(PEERS)}")
    add("--models", type=_choices(CONNECTIONS), default=tuple(CONNECTIONS), help="of lenet, resnet18")
    add("--rounds", type=int, default=3, help="in each all take their turn")
    add("--seconds", type=int, default=6, help="of each load")
    add("--patience", type=float, default=0, help="seconds to wait for others on the machine before each load")
    add("--foreign", type=float, default=9.0, help="measure again what, in --out, met more cores' work by others")
    add("--requests", type=int, default=1_000_000, help="of the section memory")
    add("--overload-seconds", type=int, default=60)
    add("--out", type=Path, help="by default serving.jsonl in --work")
    add("--summary", type=Path, nargs="+", help="print the tables of these files, measure nothing")
    return parser.parse_args()


def _choices(known: Collection[str]) -> Callable[[str], tuple[str, ...]]:
    def read(text: str) -> tuple[str, ...]:
        chosen = tuple(text.split(","))
        if unknown := set(chosen) - set(known):
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")
        return chosen

    return read


def _print(read: Callable[[str], list[Row]], sections: Sequence[str]) -> None:
    for name in sections:
        if rows := read(name):
            print(f"\n## {SECTIONS[name].title}")
            print("\n".join(SECTIONS[name].report(rows)))


def _abridge(row: Row) -> str:
    """What a row says, without its lists."""
    values = {key: round(value, 3) if isinstance(value, float) else value for key, value in row.items()}
    return " ".join(f"{key}={value}" for key, value in values.items() if not isinstance(value, (list, dict)))


if __name__ == "__main__":
    main()
