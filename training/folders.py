"""Says where a run reads and writes."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Folders:
    """Where a run reads and writes."""

    models: Path
    runs: Path
    feedback: Path = Path("feedback")
    """Where the service keeps corrected pictures."""
