"""Numbers that several processes write and each can read, whatever becomes of the others."""

import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from service.families import MODEL, REQUEST, Block
from service.ledger import Ledger, keep_ledgers
from service.metrics import OTHER, Metrics
from service.visit import Visit


@contextmanager
def counting_elsewhere(program: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that counts, and then waits to be killed."""
    begin, end = "import sys, pathlib\nfolder = pathlib.Path(sys.argv[1])", "print('ready', flush=True)\ninput()"
    words = f"{begin}\n{textwrap.dedent(program)}\n{end}"
    process = subprocess.Popen(
        [sys.executable, "-c", words, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def total(metrics: Metrics, block: Block, *labels: str, at: int = 0) -> list[float]:
    """A number of a group in each ledger that has it, living or dead."""
    return [
        reading.numbers[group.at + at]
        for reading in metrics.ledger.read_all()
        for group in reading.groups
        if (group.name, group.labels) == (block.name, labels)
    ]


COUNT = """
    from service.metrics import Metrics
    metrics = Metrics(folder)
    for _ in range(3):
        metrics.count_refusal("digits")
    metrics.show_in_flight(3)
"""


def test_what_a_killed_process_counted_stays_and_the_next_one_goes_on_from_it(tmp_path: Path) -> None:
    own = Metrics(tmp_path)
    own.count_refusal("digits")
    with counting_elsewhere(COUNT, tmp_path) as process:
        assert sorted(total(own, MODEL, "digits", at=1)) == [1, 3]
        assert [reading.is_alive for reading in own.ledger.read_all()] == [True, True]
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert sorted(total(own, MODEL, "digits", at=1)) == [1, 3]
    assert sorted(reading.is_alive for reading in own.ledger.read_all()) == [False, True]
    with counting_elsewhere(COUNT, tmp_path):
        readings = list(own.ledger.read_all())
        assert [reading.worker for reading in readings] == ["0", "1"]  # the dead one's, and not a third
        assert all(reading.is_alive for reading in readings)
        assert sorted(total(own, MODEL, "digits", at=1)) == [1, 6]
        in_flight = [reading.numbers[group.at] for reading in readings for group in reading.groups if not group.labels]
        assert sorted(in_flight) == [0, 3]  # what the dead one was doing, nobody does any more


def test_numbers_of_another_meaning_are_left_alone(tmp_path: Path) -> None:
    program = "from service.ledger import Ledger\nledger = Ledger(folder, mark=1)\nledger.claim('old', ['a'], 4)"
    with counting_elsewhere(program, tmp_path):
        pass
    ledger = Ledger(tmp_path, mark=2)
    assert [(reading.worker, reading.groups) for reading in ledger.read_all()] == [("1", [])]


def test_without_room_what_is_new_is_counted_together() -> None:
    metrics = Metrics()
    visit = Visit()
    visit.began = visit.ended = 0.0
    for number in range(4000):
        metrics.count_request(f"/{number}", visit)
    (spare,) = total(metrics, REQUEST, OTHER, OTHER, OTHER, OTHER)
    (reading,) = metrics.ledger.read_all()
    assert sum(reading.numbers[group.at] for group in reading.groups if group.name == REQUEST.name) == 4000
    assert 1000 < spare < 4000


def test_where_nothing_can_be_shared_a_process_counts_for_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    metrics = Metrics(tmp_path / "nowhere")
    assert "can't be shared" in caplog.text
    metrics.count_refusal("digits")
    assert total(metrics, MODEL, "digits", at=1) == [1]


def test_a_full_disk_is_noticed_at_the_start_rather_than_in_the_midst(tmp_path: Path) -> None:
    program = """
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        from service.metrics import Metrics
        metrics = Metrics(folder)
        assert metrics.ledger.folder is None
        metrics.count_refusal("digits")
    """
    with counting_elsewhere(program, tmp_path):
        own = Metrics(tmp_path)
        assert [reading.process for reading in own.ledger.read_all() if reading.groups] != []


def test_the_folder_is_gone_in_the_end() -> None:
    with keep_ledgers() as folder:
        assert folder is not None
        Metrics(folder)
        assert [path.name for path in folder.iterdir()] == ["0"]
    assert not folder.exists()
