"""The Dockerfile and the compose file, built and run on a real engine."""

import json
import os
from collections.abc import Iterator

import pytest

from tests.containers.compose import ROOT, Compose, engine_answers, until

WHEELS = os.environ.get("CONVSCOPE_WHEELS", "")


pytestmark = pytest.mark.skipif(not engine_answers(), reason="no Docker engine answers here")


@pytest.fixture(scope="module")
def compose() -> Iterator[Compose]:
    """The service, up and healthy."""
    running = Compose("convscope-test")
    try:
        running("up", "-d", "--build", "--wait")
        yield running
    finally:
        running("down", "-v", "-t", "2", "--remove-orphans")


def answer(compose: Compose) -> dict[str, object]:
    sample = next((ROOT / "models" / "digits").glob("*/samples/*-7.png"))
    with compose.client() as client:
        response = client.post("/v1/models/digits/predict", files={"file": sample.read_bytes()})
        assert response.status_code == 200
        best: dict[str, object] = response.json()["predictions"][0]
        return best


def test_it_serves_the_published_models_and_the_page(compose: Compose) -> None:
    assert answer(compose)["label"] == "7"
    with compose.client() as client:
        assert '<script type="module"' in client.get("/").text
        assert client.get("/docs/swagger-ui.css").status_code == 200
        assert client.get("/v2/health/ready").status_code == 200


def test_every_profile_is_valid(compose: Compose) -> None:
    profiles = ("gpu", "monitoring", "training")
    services = compose(*(word for name in profiles for word in ("--profile", name)), "config", "--services")
    assert set(services.split()) == {"gpu", "grafana", "prometheus", "service", "training"}


def test_it_runs_as_nobody_on_a_file_system_that_cant_be_written(compose: Compose) -> None:
    program = (
        "import os, pathlib; assert os.getuid() == 10001\n"
        "for path in ('/opt/convscope/x', '/usr/share/convscope/x', '/x'):\n"
        "    try: pathlib.Path(path).touch()\n"
        "    except OSError: continue\n"
        "    raise SystemExit(path + ' can be written')"
    )
    compose("exec", "-T", "service", "python", "-c", program)


def test_it_has_a_bill_of_what_it_is_made_of(compose: Compose) -> None:
    bom = json.loads(compose("exec", "-T", "service", "cat", "/usr/share/convscope/sbom.json"))
    assert bom["metadata"]["component"]["name"] == "convscope"
    kinds = {component.get("purl", "").partition("/")[0] for component in bom["components"]}
    assert kinds >= {"pkg:pypi", "pkg:deb", "pkg:npm"}
    assert {"onnxruntime", "svelte", "bash"} <= {component["name"] for component in bom["components"]}


def test_the_image_is_no_larger_than_it_has_to_be(compose: Compose) -> None:
    size = int(compose.run("docker", "image", "inspect", "-f", "{{.Size}}", "convscope"))
    assert size <= 350e6


def test_it_is_health_checked_and_has_no_pytorch(compose: Compose) -> None:
    described = json.loads(compose("ps", "--format", "json").splitlines()[0])
    assert described["Health"] == "healthy"
    compose("exec", "-T", "service", "python", "-c", "import importlib.util as u; assert not u.find_spec('torch')")


@pytest.mark.skipif(
    not WHEELS, reason="CONVSCOPE_WHEELS names no folder with a wheel of PyTorch: it would be gigabytes"
)
def test_training_publishes_into_the_volume_that_the_service_watches(compose: Compose) -> None:
    said = compose(
        "--profile", "training", "run", "--rm", "-T", "--build", "training", "train", "ticks", "--epochs", "3",
        "--keep-checkpoints", "0",
    )  # fmt: skip
    published = sorted(int(folder.name) for folder in (ROOT / "models" / "ticks").iterdir())
    assert f"published /models/ticks/{published[-1] + 1}" in said
    with compose.client() as client:
        until(lambda: client.get("/v1/models/ticks").json()["versions"] == [*published, published[-1] + 1])


def test_it_stops_by_itself_when_told_to(compose: Compose) -> None:
    compose("stop", "-t", "10", "service")
    state = json.loads(compose("ps", "-a", "--format", "json").splitlines()[0])
    assert state["ExitCode"] == 0
    assert "stopped" in compose("logs", "service")
