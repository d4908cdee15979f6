"""Turns a process id into what its whole tree uses: CPU time and memory. Linux only: it reads /proc."""

import contextlib
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Memory:
    """Of a tree of processes, in MiB."""

    rss: float
    """Pages that processes share are counted in each."""
    pss: float
    """They are counted once."""


def find_tree(root: int) -> list[int]:
    """The process and its descendants."""
    children = defaultdict(list)
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (fields := _read_stat(int(folder.name))):
            children[int(fields[1])].append(int(folder.name))
    tree = [root]
    for process in tree:
        tree.extend(children[process])
    return tree


def read_cpu(processes: list[int]) -> float:
    """Seconds that they have used since they began."""
    stats = [_read_stat(process) for process in processes]
    return sum(int(fields[11]) + int(fields[12]) for fields in stats if fields) / _TICKS


def read_memory(processes: list[int]) -> Memory:
    """What they have now."""
    kibibytes = {"Rss:": 0, "Pss:": 0}
    for process in processes:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
                name, *rest = line.split()
                if name in kibibytes:
                    kibibytes[name] += int(rest[0])
    return Memory(kibibytes["Rss:"] / 1024, kibibytes["Pss:"] / 1024)


class Foreign:
    """Cores that processes of others used; known once the block is left."""

    cores = 0.0


@contextmanager
def watch_others(read_own: Callable[[], float]) -> Iterator[Foreign]:
    """Find out what others used meanwhile.

    Args:
        read_own: CPU seconds, since any time, of all that isn't other.
    """
    foreign, started, busy, own = Foreign(), time.perf_counter(), _read_busy(), read_own()
    yield foreign
    used = _read_busy() - busy - (read_own() - own)
    foreign.cores = max(0.0, used / (time.perf_counter() - started))


def wait_for_quiet(patience: float, limit: float = 0.25) -> None:
    """Until others use no more cores than that, or the patience is at its end, in seconds."""
    until = time.perf_counter() + patience
    while time.perf_counter() < until:
        with watch_others(time.process_time) as foreign:
            time.sleep(1.5)
        if foreign.cores < limit:
            return


def _read_busy() -> float:
    """CPU seconds that the machine's cores have worked, or a host took from them."""
    user, nice, system, _idle, _wait, interrupts, soft, stolen = map(
        int, Path("/proc/stat").read_text().split(maxsplit=9)[1:9]
    )
    return (user + nice + system + interrupts + soft + stolen) / _TICKS


def _read_stat(process: int) -> list[str]:
    """The fields after the name, see proc(5); empty: it is gone."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
