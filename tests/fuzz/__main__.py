"""Fuzzes what takes bytes from strangers, and says what came of it.

    python -m tests.fuzz picture --minutes 10 [--work FOLDER]

It needs atheris (extra `fuzz`). What broke something lies in FOLDER/<target>/found, what was reached by it in
FOLDER/<target>/corpus, which the next run begins with. The exit status is 1 where something was found.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.seeds import make_seeds
from tests.fuzz.targets import TARGETS

_MEMORY = 3000
"""MiB that the fuzzer may have before it counts as a finding."""

_STAT = re.compile(rb"#(\d+)\s+\w+\s+cov: (\d+) ft: (\d+) corp: (\d+)")
_SUMMARY = re.compile(rb"^SUMMARY: libFuzzer: (.*)$", re.MULTILINE)


@dataclass
class Figures:
    """What a run of a target came to."""

    target: str
    seconds: float = 0
    executions: int = 0
    features: int = 0
    """Of the coverage, as libFuzzer counts them: branches and how often they were gone through."""
    edges: int = 0
    corpus: int = 0
    starts: int = 0
    findings: Counter[str] = field(default_factory=Counter)
    """By cause, how often."""


def main() -> None:
    """Fuzz and print."""
    options = _parse()
    figures = [_fuzz(name, options.minutes * 60, options.work / name) for name in options.targets or TARGETS]
    for each in figures:
        print(json.dumps(vars(each)))  # noqa: T201 - the output is the product
    sys.exit(any(each.findings for each in figures))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], help=f"of {', '.join(TARGETS)}; none: all")
    parser.add_argument("--minutes", type=float, default=10, help="of each")
    parser.add_argument("--work", type=Path, default=Path("build/fuzz"))
    return parser.parse_args()


def _fuzz(name: str, seconds: float, work: Path) -> Figures:
    """Run one target for so long; after a crash it goes on with what it had reached."""
    target, figures, started = TARGETS[name], Figures(name), time.monotonic()
    corpus, found = work / "corpus", work / "found"
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    for seed in make_seeds(name):
        if len(seed) <= target.most:
            (corpus / hashlib.sha1(seed, usedforsecurity=False).hexdigest()).write_bytes(seed)
    while (left := seconds - (time.monotonic() - started)) > 1:
        command = [sys.executable, "-m", "tests.fuzz.run_atheris", name, str(corpus), f"-artifact_prefix={found}/"]
        command += [f"-max_total_time={int(left)}", f"-max_len={target.most}", f"-timeout={target.seconds}"]
        command += [f"-rss_limit_mb={_MEMORY}", "-print_final_stats=1", "-reload=0"]
        log = work / "log"
        with log.open("wb") as output:
            ended = subprocess.run(
                command, stdout=output, stderr=output, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
            )
        _add(figures, log.read_bytes(), ended.returncode)
    figures.seconds = round(time.monotonic() - started, 1)
    return figures


def _add(figures: Figures, said: bytes, status: int) -> None:
    """Add what one run said of itself."""
    figures.starts += 1
    if stats := _STAT.findall(said):
        executions, edges, features, corpus = map(int, stats[-1])
        figures.executions += executions
        figures.edges, figures.features, figures.corpus = edges, max(features, figures.features), corpus
    if status:
        figures.findings[_find_cause(said) or f"exit status {status}"] += 1


def _find_cause(said: bytes) -> str:
    """The exception's last line, or libFuzzer's word for what it was."""
    summary = _SUMMARY.search(said)
    word = summary[1].decode() if summary else ""
    if word != "fuzz target exited":
        return word
    before = said[: said.index(b"== ERROR: libFuzzer")].decode(errors="replace").splitlines()
    return next((line.strip()[:200] for line in reversed(before[:-1]) if line.strip()), word)


if __name__ == "__main__":
    main()
