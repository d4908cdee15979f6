"""Turns what the kernel allows this process into a number of cores: affinity and the container's CPU quota."""

import math
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def available_cores(cgroup: Path = _CGROUP) -> int:
    """Cores that this process may use at once, at least 1; a quota of 1.5 counts as 2.

    Libraries count the host's cores instead, and then thrash inside a small container. Source: the kernel's
    documentation, `admin-guide/cgroup-v2.rst` (cpu.max) and `scheduler/sched-bwc.rst` (v1's cpu.cfs_quota_us).
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota(cgroup)
    return allowed if quota is None else max(1, min(allowed, math.ceil(quota)))


def _quota(cgroup: Path) -> float | None:
    """CPU time per wall time that the control group grants, or None where it sets no limit."""
    try:
        granted, period = (cgroup / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            granted = (cgroup / "cpu" / "cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu" / "cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    if not granted.isdecimal() or not period.isdecimal():  # "max", or -1: unlimited
        return None
    return int(granted) / int(period)
