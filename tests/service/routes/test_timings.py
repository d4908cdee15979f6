"""How long each layer takes, over a real socket."""

import subprocess
import tempfile
from pathlib import Path

import httpx
import pytest

from service.routes.timings import Timings
from tests.service.routes.test_api import PNG, problem

DIGITS = "/v1/models/digits/versions/1"


@pytest.fixture
def picture() -> bytes:
    return Path("models/digits/1/samples/07-7.png").read_bytes()


def test_every_layer_has_a_time_and_together_they_are_the_run(client: httpx.Client, picture: bytes) -> None:
    response = client.post(f"{DIGITS}/timings?runs=30", content=picture, headers=PNG)
    assert response.status_code == 200, response.text
    answer = Timings.model_validate(response.json())
    table = client.get(f"{DIGITS}/layers").json()["layers"]
    assert [(row.name, row.kind) for row in answer.layers] == [(row["name"], row["kind"]) for row in table]
    assert (answer.model, answer.version) == ("digits", 1)
    assert 1 <= answer.runs <= 30
    times = {row.name: row.milliseconds for row in answer.layers}
    assert all(time >= 0 for time in times.values())
    assert times["conv2"] > times["softmax"]
    assert 0 < sum(times.values()) <= answer.whole_milliseconds * 1.5, "medians of parts, on a machine that does more"
    assert answer.optimised_milliseconds > 0


def test_a_picture_that_is_none_and_runs_that_are_too_many_are_refused(client: httpx.Client, picture: bytes) -> None:
    problem(client.post(f"{DIGITS}/timings", content=b"none", headers=PNG), 415, "unsupported_picture_format")
    problem(client.post(f"{DIGITS}/timings?runs=0", content=picture, headers=PNG), 422, "invalid_parameter")
    problem(client.post("/v1/models/nobody/timings", content=picture, headers=PNG), 404, "unknown_model")


def test_a_full_disk_is_said(
    client: httpx.Client, picture: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(tmp_path)], check=False)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    try:
        told = problem(client.post(f"{DIGITS}/timings", content=picture, headers=PNG), 507, "profile_not_kept")
        assert str(tmp_path) in told
        assert not list(tmp_path.iterdir())
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
