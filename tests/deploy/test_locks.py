"""The locks that the images are installed from hold what `pyproject.toml` asks for, with hashes."""

import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.audit import audit_lock
from deploy.lock import SHIPPED
from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]
RUNTIME = [*PROJECT["project"]["dependencies"], *(one for extra in SHIPPED for one in EXTRAS[extra])]


def locked(name: str) -> dict[str, set[str]]:
    versions: dict[str, set[str]] = {}
    for line in (ROOT / "deploy" / "locks" / f"{name}.txt").read_text().splitlines():
        if found := re.match(r"([a-z0-9-]+)==([^ ]+)", line):
            versions.setdefault(found[1], set()).add(found[2])
    return versions


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["service"], [*RUNTIME, *EXTRAS["cpu"]]),
        (["gpu"], [*RUNTIME, *EXTRAS["gpu"]]),
        (["training", "torch"], [*RUNTIME, *EXTRAS["cpu"], *EXTRAS["training"]]),
        (["build"], PROJECT["build-system"]["requires"]),
    ],
    ids=["service", "gpu", "training", "build"],
)
def test_a_lock_holds_what_is_asked_for(names: list[str], wanted: list[str]) -> None:
    have = {package: versions for name in names for package, versions in locked(name).items()}
    for requirement in map(Requirement, wanted):
        versions = have.get(canonicalize_name(requirement.name), set())
        assert any(map(requirement.specifier.contains, versions)), f"{requirement}: run `make lock`"


def test_the_service_runs_the_same_versions_wherever_it_is() -> None:
    service = locked("service")
    for other in (locked("gpu"), locked("training")):
        assert {name: other[name] for name in other if name in service} == {
            name: service[name] for name in service if name in other
        }


def test_every_package_of_a_lock_has_a_hash() -> None:
    for lock in (ROOT / "deploy" / "locks").glob("*.txt"):
        packages = re.split(r"\n(?=[a-z])", lock.read_text())[1:]
        assert packages
        assert [package for package in packages if "--hash=sha256:" not in package] == [], lock.name


def test_the_audit_reads_what_was_found_and_what_could_not_be_asked(tmp_path: Path) -> None:
    report = """{"dependencies": [
        {"name": "flask", "version": "0.5", "vulns": [
            {"id": "PYSEC-2019-179", "fix_versions": ["1.0"], "aliases": [], "description": ""}]},
        {"name": "idna", "version": "3.20", "vulns": []},
        {"name": "local", "skip_reason": "Dependency not found"}], "fixes": []}"""
    script = tmp_path / "pip_audit.py"  # stands in for the reports of a package index, which tests do without
    script.write_text(f"print('''{report}''')")
    found = audit_lock([sys.executable, str(script)], tmp_path / "some.txt")
    assert found == (["flask 0.5: PYSEC-2019-179, mended in 1.0"], 1, 2)
