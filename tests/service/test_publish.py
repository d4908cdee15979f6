"""A version appears whole or not at all, however its publisher ends."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from service.errors import PublishFailed
from service.publish import STAGING_PREFIX, publish
from service.published import read_version
from tests.published import brightness_graph, evidence, manifest, white_png


def publish_once(models: Path) -> Path:
    onnx = brightness_graph()
    return publish(
        models,
        manifest(onnx),
        evidence("a.png", "b.png"),
        onnx,
        dict.fromkeys(("samples/a.png", "samples/b.png"), white_png()),
    )


def test_versions_are_numbered_upwards(tmp_path: Path) -> None:
    models = tmp_path / "new" / "models"
    assert [publish_once(models) for _ in range(3)] == [models / "brightness" / str(number) for number in (1, 2, 3)]
    assert [entry.name for entry in models.iterdir() if not entry.name.startswith(".")] == ["brightness"]


def test_numbers_are_never_used_again(tmp_path: Path) -> None:
    (tmp_path / "brightness" / "7").mkdir(parents=True)
    assert publish_once(tmp_path).name == "8"


def test_what_the_service_would_refuse_is_not_published(tmp_path: Path) -> None:
    onnx = brightness_graph(labels=3)
    with pytest.raises(PublishFailed, match="would refuse"):
        publish(tmp_path, manifest(onnx), evidence(), onnx, {})
    with pytest.raises(PublishFailed, match="sha256"):
        publish(tmp_path, manifest(b"another graph"), evidence(), onnx, {})
    with pytest.raises(PublishFailed, match=r"missing\.png"):
        publish(tmp_path, manifest(brightness_graph()), evidence("missing.png"), brightness_graph(), {})
    assert [entry.name for entry in tmp_path.iterdir()] == [".lock"]


def test_a_folder_that_cant_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    with pytest.raises(PublishFailed, match="models"):
        publish_once(tmp_path / "models")


def _publish_many(models: Path, count: int) -> None:
    for _ in range(count):
        publish_once(models)


def test_publishers_at_the_same_time_get_different_numbers(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_publish_many, args=(tmp_path, 5)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert sorted(int(folder.name) for folder in (tmp_path / "brightness").iterdir()) == list(range(1, 16))


def test_kill_9_at_any_moment_leaves_only_whole_versions(tmp_path: Path) -> None:
    """Twenty publishers are killed at random moments; whatever is visible at any time can be served."""
    program = (
        "import sys; from pathlib import Path; from tests.service.test_publish import publish_once\n"
        "while True: print(publish_once(Path(sys.argv[1])).name, flush=True)"
    )
    chance = random.Random(0)  # noqa: S311 - no secret
    for _ in range(20):
        publisher = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert publisher.stdout is not None
        publisher.stdout.readline()  # its first version is out: from here on it may die anywhere
        time.sleep(chance.uniform(0, 0.03))
        os.kill(publisher.pid, signal.SIGKILL)
        publisher.stdout.close()
        publisher.wait()
        for folder in (tmp_path / "brightness").iterdir():
            assert read_version(folder).version == int(folder.name)
    publish_once(tmp_path)
    left = [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(STAGING_PREFIX)]
    assert left == [], "the next publisher sweeps up"
