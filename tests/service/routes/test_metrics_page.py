"""What was counted, read as Prometheus reads it: from a real server, through prometheus-client's own parser."""

import re
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from service.engine import Provider
from service.settings import Settings
from service.watch import Watch
from tests.conftest import serving
from tests.published import white_png
from tests.service.test_registry import PREDICT, put, wait

PNG = {"Content-Type": "image/png"}
ROUTE = "/v1/models/{model}/predict"
ROOT = Path(__file__).parents[3]
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(client: httpx.Client) -> Samples:
    """Every sample by its name and labels."""
    families = parse(client.get("/metrics").text)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value for each in families for sample in each.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    """The sum of all samples of that name that have these labels."""
    return sum(found for (each, has), found in samples.items() if each == name and has >= set(labels.items()))


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    """A server of two versions of a small model, whose folder is `tmp_path`."""
    put(tmp_path)
    put(tmp_path)
    settings = Settings(models=tmp_path, provider=Provider.CPU, watch=Watch.AUTO, watch_seconds=0.5)
    with serving(settings) as at, httpx.Client(base_url=at, timeout=20) as session:
        yield session


def ask(client: httpx.Client, path: str = PREDICT, content: bytes | None = None) -> httpx.Response:
    return client.post(path, content=white_png() if content is None else content, headers=PNG)


def test_requests_are_counted_by_route_model_version_and_status(client: httpx.Client) -> None:
    size = len(white_png())
    answers = [ask(client) for _ in range(3)] + [
        ask(client, f"{PREDICT}?unknown=1")
    ]  # plain ones, and one through FastAPI
    ask(client, "/v1/models/brightness/versions/1/predict")
    ask(client, content=b"no picture")
    ask(client, "/v1/models/nobody/predict")
    client.get("/nowhere")
    samples = read(client)
    labels = {"route": ROUTE, "model": "brightness", "version": "2"}
    assert value(samples, "convscope_requests_total", **labels, status="200") == 4
    assert value(samples, "convscope_request_duration_seconds_count", **labels, status="200") == 4
    assert value(samples, "convscope_received_bytes_total", **labels, status="200") == 4 * size
    assert value(samples, "convscope_sent_bytes_total", **labels, status="200") == sum(
        len(answer.content) for answer in answers
    )
    assert value(samples, "convscope_requests_total", **labels, status="415") == 1
    pinned = {"route": "/v1/models/{model}/versions/{version}/predict", "model": "brightness", "version": "1"}
    assert value(samples, "convscope_requests_total", **pinned) == 1
    assert value(samples, "convscope_requests_total", route=ROUTE, model="", version="", status="404") == 1
    assert value(samples, "convscope_requests_total", route="other", status="404") == 1
    assert value(samples, "convscope_errors_total", code="unknown_model") == 1
    assert value(samples, "convscope_errors_total", code="unsupported_picture_format") == 1
    assert value(samples, "convscope_requests_in_flight") == 1  # this one


def test_stages_are_counted_by_version(client: httpx.Client) -> None:
    for _ in range(5):
        ask(client)
    client.get("/v1/models/brightness/layers")
    samples = read(client)
    labels = {"model": "brightness", "version": "2"}
    for stage in ("decode", "queue"):
        assert value(samples, f"convscope_{stage}_duration_seconds_count", **labels) == 5
        assert 0 < value(samples, f"convscope_{stage}_duration_seconds_sum", **labels) < 10
    assert value(samples, "convscope_batch_size_sum", **labels) == 5
    runs = value(samples, "convscope_inference_duration_seconds_count", **labels)
    assert runs == value(samples, "convscope_batch_size_count", **labels) <= 5
    assert value(samples, "convscope_batch_size_bucket", **labels, le="128.0") == runs
    assert value(samples, "convscope_pool_duration_seconds_count", pool="inspection") == 1
    assert value(samples, "convscope_pool_running") == value(samples, "convscope_pool_waiting") == 0


def test_versions_that_come_are_refused_and_go_are_counted(client: httpx.Client, tmp_path: Path) -> None:
    def count(name: str) -> float:
        return value(read(client), f"convscope_{name}", model="brightness")

    assert (count("swaps_total"), count("refusals_total"), count("answering_version")) == (0, 0, 2)
    put(tmp_path)
    wait(lambda: count("answering_version") == 3)
    put(tmp_path, sample_answer=0.1)
    wait(lambda: count("refused_versions") == 1)
    assert (count("swaps_total"), count("refusals_total"), count("loaded_versions")) == (1, 1, 3)
    assert value(read(client), "convscope_version_info", model="brightness", version="3", provider="cpu") == 1
    assert ask(client).json()["version"] == 3


def test_whatever_is_asked_for_makes_no_new_series(client: httpx.Client) -> None:
    def attack(number: int) -> None:
        for path in (
            f"/{number}/x",
            f"/v1/models/{number}/predict",
            f"/v1/models/brightness/versions/{number + 10}/predict",
        ):
            ask(client, path)
        client.get(f"/v1/models/{number}")
        client.delete(f"/v1/models?{number}", headers={"X-Request-ID": f"id-{number}"})

    attack(0)
    read(client)  # which is a request too
    before = set(read(client))
    for number in range(1, 40):
        attack(number)
    assert set(read(client)) == before
    assert value(read(client), "convscope_requests_total", status="404") == 4 * 40


def test_requests_at_once_are_counted_each(client: httpx.Client) -> None:
    def work() -> None:
        with httpx.Client(base_url=client.base_url, timeout=20) as own:
            for _ in range(25):
                assert ask(own).status_code == 200

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    samples = read(client)
    assert value(samples, "convscope_requests_total", route=ROUTE, status="200") == 200
    assert value(samples, "convscope_batch_size_sum") == 200
    assert value(samples, "convscope_queue_duration_seconds_count") == 200
    assert value(samples, "convscope_requests_in_flight") == 1


def test_buckets_are_cumulative_and_openmetrics_says_the_same(client: httpx.Client) -> None:
    ask(client)
    for accept, kind, reader in (
        ("text/plain;version=0.0.4", "text/plain", parse),
        ("application/openmetrics-text;version=1.0.0", "application/openmetrics-text", parse_openmetrics),
    ):
        response = client.get("/metrics", headers={"Accept": accept})
        assert response.headers["content-type"].startswith(kind)
        assert response.headers["cache-control"] == "no-store"
        family = next(each for each in reader(response.text) if each.name == "convscope_decode_duration_seconds")
        samples = [sample for sample in family.samples if sample.labels["version"] == "2"]
        buckets = [sample.value for sample in samples if sample.name.endswith("_bucket")]
        assert buckets == sorted(buckets)
        assert buckets[-1] == 1 == next(sample.value for sample in samples if sample.name.endswith("_count"))


def names(client: httpx.Client) -> set[str]:
    """Of all figures; of histograms, their own."""
    families: Iterable[object] = parse(client.get("/metrics").text)
    return {f"{each.name}_total" if each.type == "counter" else each.name for each in families}  # type: ignore[attr-defined]


def test_the_documented_figures_are_those_that_are_told(client: httpx.Client) -> None:
    ask(client, content=b"")
    tables = (ROOT / "docs" / "operations.md").read_text().partition("\n## Figures\n")[2]
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*)\|", tables, re.MULTILINE)
    documented = {name: set(filter(None, re.split(r",\s*", labels.strip()))) for name, labels in rows if name.islower()}
    assert documented.keys() == names(client)
    for name, has in read(client):
        assert {label for label, _ in has} - {"le"} == documented[re.sub(r"_(bucket|sum|count)$", "", name)]


@pytest.mark.parametrize("file", ["grafana/dashboards/convscope.json", "alerts.yml"], ids=["dashboard", "alerts"])
def test_dashboard_and_alerts_ask_for_figures_that_there_are(client: httpx.Client, file: str) -> None:
    text = (ROOT / "deploy" / "monitoring" / file).read_text()
    asked = {
        re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\b(?:convscope|process)_[a-z_]+\b", text)
    }
    known = names(client)
    assert asked - known == set()
    if file.endswith("json"):
        assert known - asked == {"process_virtual_memory_bytes"}  # a panel for everything else


def test_a_key_is_asked_for_where_there_are_keys(tmp_path: Path, serve_folder: Callable[[Path], httpx.Client]) -> None:
    settings = Settings.model_validate({"models": tmp_path, "api_keys": "a-key-to-predict-with:predict"})
    with serving(settings) as at, httpx.Client(base_url=at) as client:
        assert client.get("/metrics").status_code == 401
        assert client.get("/metrics", headers={"X-API-Key": "a-key-to-predict-with"}).status_code == 200
    assert value(read(serve_folder(tmp_path)), "convscope_workers") == 1
