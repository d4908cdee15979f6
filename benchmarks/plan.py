"""Turns the command line of `benchmarks.serving` into one frozen value: what is measured, how long, and where."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = dict[str, Any]
"""One thing measured once, as it is written to the file of results."""


@dataclass(frozen=True)
class Plan:
    """What is measured."""

    work: Path
    """Environments, networks and pictures; kept from one run to the next."""
    models: tuple[str, ...]
    peers: tuple[str, ...]
    """Of `contestants.PEERS`; Convscope and what it costs at least always take part."""
    rounds: int
    seconds: int
    """Of each load."""
    patience: float
    """Seconds that others on the machine are waited for before each load."""
    foreign: float
    """Cores that others may have used during a load: what met more is measured again by the next run."""
    requests: int
    """Of the section `memory`."""
    overload_seconds: int
    out: Path
    """JSON lines; they are added to."""

    @property
    def data(self) -> Path:
        """Networks and pictures."""
        return self.work / "data"

    @property
    def scratch(self) -> Path:
        """What servers write while they run."""
        return self.work / "run"

    @property
    def published(self) -> Path:
        """Holds a models folder of Convscope for each network, with that one alone, and `all`."""
        return self.work / "project-models"

    def read(self, section: str) -> list[Row]:
        """The section's rows so far."""
        return read_rows([self.out], section) if self.out.exists() else []

    def write(self, section: str, row: Row) -> None:
        """Append a row."""
        with self.out.open("a") as file:
            file.write(json.dumps({"section": section} | row) + "\n")


def read_rows(files: Iterable[Path], section: str) -> list[Row]:
    """The section's rows in files of results."""
    rows = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [row for row in rows if row["section"] == section]
