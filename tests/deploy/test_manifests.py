"""What systemd, Kubernetes and KServe are given is valid, and agrees with the service that it runs."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from service.app import create_app
from service.settings import Settings
from tests.conftest import ROOT

DEPLOY = ROOT / "deploy"
KUBERNETES = "1.37"
OF_OTHERS = {"CONVSCOPE_RUNS"}
"""Variables that the training or the compose files read."""


def resources(*files: Path) -> Iterator[dict[str, Any]]:
    for file in files:
        yield from (document for document in yaml.safe_load_all(file.read_text()) if document)


def of_kubernetes() -> list[Path]:
    files = [*(DEPLOY / "kubernetes").glob("*.yaml"), *(DEPLOY / "kubernetes" / "base").glob("*.yaml")]
    return [file for file in sorted(files) if file.name != "kustomization.yaml"]


@pytest.mark.parametrize("file", of_kubernetes(), ids=lambda file: file.name)
def test_kubernetes_takes_every_resource(file: Path) -> None:
    for resource in resources(file):
        kubernetes_validate.validate(resource, KUBERNETES, strict=True)


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl, which builds with kustomize, isn't here")
@pytest.mark.parametrize("overlay", ["base", "gpu"])
def test_kustomize_builds_what_kubernetes_takes(overlay: str, tmp_path: Path) -> None:
    built = tmp_path / "built.yaml"
    command = ["kubectl", "kustomize", str(DEPLOY / "kubernetes" / overlay)]
    built.write_text(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    kinds = []
    for resource in resources(built):
        kubernetes_validate.validate(resource, KUBERNETES, strict=True)
        kinds.append(resource["kind"])
    assert sorted(kinds) == [
        "ConfigMap", "Deployment", "HorizontalPodAutoscaler", "NetworkPolicy", "PersistentVolumeClaim",
        "PodDisruptionBudget", "Service",
    ]  # fmt: skip


def test_probes_ask_what_the_service_answers() -> None:
    paths = set(create_app(Settings()).openapi()["paths"])
    for file in (DEPLOY / "kubernetes" / "base" / "deployment.yaml", DEPLOY / "kserve" / "serving-runtime.yaml"):
        (resource,) = resources(file)
        spec = resource["spec"].get("template", {}).get("spec") or resource["spec"]
        (container,) = spec["containers"]
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert container[probe]["httpGet"]["path"] in paths


def test_every_variable_that_is_set_is_one_of_the_service() -> None:
    known = {f"CONVSCOPE_{name.upper()}" for name in Settings.model_fields} | OF_OTHERS
    for file in (*DEPLOY.glob("k*/**/*.yaml"), *DEPLOY.glob("systemd/*")):
        assert set(re.findall(r"CONVSCOPE_[A-Z_]*[A-Z]", file.read_text())) <= known, file


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze isn't here")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "convscope.service"
    text = (DEPLOY / "systemd" / "convscope.service").read_text()
    unit.write_text(text.replace("/opt/convscope/bin/convscope", sys.executable))  # it has to be there
    ended = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
