"""The command line as a person uses it: real processes, real signals."""

import json
import os
import re
import shutil
import signal
import socket
from pathlib import Path

import httpx
import onnxruntime as ort
import pytest

from tests.conftest import MODELS
from tests.program import run, started


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_is_answers_and_stops_without_a_trace(number: signal.Signals) -> None:
    with started("--models", str(MODELS)) as (process, address, _):
        assert httpx.get(f"{address}/v2/health/ready").json()["ready"]
        process.send_signal(number)
        rest, _ = process.communicate(timeout=20)
        assert process.returncode == 0
        assert json.loads(rest)["event"] == "stopped"


def test_several_workers_share_one_address_and_their_keys() -> None:
    key = "predict-0123456789"
    keys = {"CONVSCOPE_API_KEYS": f"{key}:predict"}
    with started("--models", str(MODELS), "--workers", "2", **keys) as (process, address, said):
        assert httpx.get(f"{address}/v1/models").status_code == 401
        for _ in range(8):
            assert httpx.get(f"{address}/v1/models", headers={"X-API-Key": key}).json()["models"]
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=30)
        assert process.returncode == 0
        assert key not in said + rest


def test_an_open_address_without_keys_is_warned_of(tmp_path: Path) -> None:
    for host, keys, warned in (("0.0.0.0", "", True), ("0.0.0.0", "a-key-0123456789:admin", False), ("::1", "", False)):  # noqa: S104
        with started("--models", str(tmp_path), "--host", host, CONVSCOPE_API_KEYS=keys) as (_, _, said):
            assert ("without API keys" in said and "CONVSCOPE_API_KEYS" in said) is warned


def test_a_taken_port_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("serve", "--port", str(port))
    assert ended.returncode == 1
    assert ended.stderr.strip() == (
        f"convscope: can't listen on 127.0.0.1:{port}: Address already in use;"
        " choose another with --port or CONVSCOPE_PORT"
    )


@pytest.mark.parametrize(
    ("arguments", "environment", "named"),
    [
        (["--port", "70000"], {}, "--port"),
        (["--port", "http"], {}, "--port"),
        (["--prot", "80"], {}, "--prot"),
        (["--models", __file__], {}, "--models or CONVSCOPE_MODELS"),
        (["--host", "no.such.host.invalid"], {}, "CONVSCOPE_HOST"),
        ([], {"CONVSCOPE_PORT": "http"}, "CONVSCOPE_PORT"),
        ([], {"CONVSCOPE_WORKER": "2"}, "CONVSCOPE_WORKERS"),
        (["--port", "8000"], {"CONVSCOPE_GRPC_PORT": "8000"}, "CONVSCOPE_GRPC_PORT"),
        ([], {"CONVSCOPE_API_KEYS": "secret-0123456789"}, "CONVSCOPE_API_KEYS: entry 1"),
        ([], {"CONVSCOPE_CORS_ORIGINS": "https://a.example, b.example/x"}, "CONVSCOPE_CORS_ORIGINS"),
        ([], {"CONVSCOPE_API_KEYS_FILE": "/nowhere"}, "CONVSCOPE_API_KEYS_FILE: /nowhere can't be read"),
        ([], {"CONVSCOPE_API_KEYS_FILE": os.devnull}, "CONVSCOPE_API_KEYS_FILE: /dev/null has no keys"),
    ],
)
def test_a_bad_setting_is_named(arguments: list[str], environment: dict[str, str], named: str) -> None:
    ended = run("serve", *arguments, **environment)
    assert ended.returncode == 2
    assert named in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert "secret" not in ended.stderr


@pytest.mark.skipif("CUDAExecutionProvider" in ort.get_available_providers(), reason="this onnxruntime has CUDA")
def test_asking_for_a_cuda_that_isnt_there_is_one_clear_line() -> None:
    ended = run("serve", "--provider", "cuda")
    assert ended.returncode == 2
    assert len(ended.stderr.strip().splitlines()) == 1
    assert "CONVSCOPE_PROVIDER" in ended.stderr


def test_a_folder_without_models_is_told_of_at_the_start(tmp_path: Path) -> None:
    with started("--models", str(tmp_path / "none")) as (_, address, said):
        assert "convscope train" in said
        assert httpx.get(f"{address}/v2/health/ready").status_code == 503
        assert httpx.get(f"{address}/v2/health/live").status_code == 200


def test_broken_versions_are_told_of_and_the_others_served(tmp_path: Path) -> None:
    for name in ("digits", "ticks"):
        shutil.copytree(MODELS / name / "1", tmp_path / name / "1")
    (tmp_path / "digits" / "2").mkdir()
    graph = tmp_path / "ticks" / "1" / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-1])
    with started("--models", str(tmp_path)) as (_, address, said):
        assert "not served: digits/2/manifest.json is missing" in said
        assert "not served: ticks" in said
        assert httpx.get(f"{address}/v2/health/ready").json() == {"ready": True, "phase": "serving", "models": 1}
        assert httpx.get(f"{address}/v1/models/digits").json()["version"] == 1


def test_help_names_the_commands_quickly() -> None:
    ended = run("--help")
    assert ended.returncode == 0
    for name in ("serve", "train"):
        assert name in ended.stdout
    assert "openapi" not in ended.stdout


NEEDLESS = (
    "aiohttp", "captum", "grpc", "hypothesis", "IPython", "jinja2", "matplotlib", "onnxscript",
    "opentelemetry.exporter", "opentelemetry.sdk", "pandas", "safetensors", "scipy", "tensorboardX", "torch",
    "torchmetrics", "training", "tritonclient", "service.bench", "service.importing", "service.scaling",
    "service.shelf",
)  # fmt: skip


def test_serving_imports_nothing_that_it_does_without() -> None:
    """Until it answers, and for a first answer: what it imports decides how long a start takes."""
    with started("--models", str(MODELS), PYTHONPROFILEIMPORTTIME="1") as (process, address, said):
        assert httpx.get(f"{address}/v1/models").status_code == 200
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=20)
    imported = set(re.findall(r"^import time:.*\| *([\w.]+)$", said + rest, re.MULTILINE))
    assert {"uvicorn", "onnxruntime", "service.registry"} <= imported
    assert {name for name in imported if any(f"{name}.".startswith(f"{each}.") for each in NEEDLESS)} == set()


def test_memory_and_time_of_hostile_pictures(data: Path) -> None:
    """Not one of them takes 2 s, and together they never take the service 300 MB above its idle size."""
    with (
        started("--models", str(MODELS)) as (process, address, _),
        httpx.Client(base_url=address, timeout=20) as client,
    ):
        status = Path(f"/proc/{process.pid}/status")
        idle = _megabytes(status.read_text(), "VmRSS")
        for path in sorted((data / "hostile-images").iterdir()):
            response = client.post("/v1/models/digits/predict", files={"file": path.read_bytes()})
            assert response.status_code < 500, path.name
            assert response.elapsed.total_seconds() < 2, path.name
        assert _megabytes(status.read_text(), "VmHWM") - idle < 300


def _megabytes(status: str, name: str) -> float:
    found = re.search(rf"^{name}:\s+(\d+) kB$", status, re.MULTILINE)
    assert found
    return int(found.group(1)) / 1024


def test_a_version_is_promoted_and_rolled_back_from_the_terminal(tmp_path: Path) -> None:
    shutil.copytree(MODELS / "ticks", tmp_path / "ticks")
    assert "version 1, whatever is published" in run("rollback", "ticks", "--models", str(tmp_path)).stdout
    assert "ticks 1 pinned" in " ".join(run("models", "--models", str(tmp_path)).stdout.split())
    none_left = run("rollback", "ticks", "--models", str(tmp_path))
    assert (none_left.returncode, none_left.stderr.count("\n")) == (1, 1)
    assert "no version before 1" in none_left.stderr
    assert "latest version again, 2 now" in run("promote", "ticks", "latest", "--models", str(tmp_path)).stdout
    assert "there are: 1, 2" in run("promote", "ticks", "7", "--models", str(tmp_path)).stderr
    assert run("promote", "ticks", "two", "--models", str(tmp_path)).returncode == 2
