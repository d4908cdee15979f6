"""Turns an installed image into its bill of materials, CycloneDX as JSON: Python's packages, Debian's, and the page's.

Runs in the image's build; prints the document. Python's packages are read by cyclonedx-py, the page's from what npm has
locked, Debian's from dpkg, with the names that scanners look their faults up by.
"""

import json
import platform
import subprocess
from base64 import b64decode
from pathlib import Path
from typing import Any
from urllib.parse import quote

ENVIRONMENT = Path("/opt/convscope/bin/python")
PAGE = Path("/source/service/web/package-lock.json")

Component = dict[str, Any]


def main() -> None:
    """Print the document."""
    command = ["cyclonedx-py", "environment", "--output-reproducible", "--spec-version", "1.6", str(ENVIRONMENT)]
    bom = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    main_component = next(part for part in bom["components"] if part["name"] == "convscope")
    bom["components"].remove(main_component)
    bom.setdefault("metadata", {})["component"] = {**main_component, "type": "application"}
    bom["components"] += [list_python(), *list_debian(), *list_page()]
    print(json.dumps(bom, indent=1, sort_keys=True))


def list_python() -> Component:
    """The interpreter, which the base image may have built from source."""
    version = platform.python_version()
    return {
        "type": "platform", "bom-ref": "python", "name": "python", "version": version,
        "cpe": f"cpe:2.3:a:python:python:{version}:*:*:*:*:*:*:*",
    }  # fmt: skip


def list_debian() -> list[Component]:
    """The base image's packages."""
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    distribution = f"debian-{release['VERSION_ID'].strip(chr(34))}"
    fields = r"${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\n"
    rows = subprocess.run(["dpkg-query", "--show", "--showformat", fields], check=True, capture_output=True, text=True)
    found = []
    for row in rows.stdout.splitlines():
        name, version, architecture, source, source_version = row.split("\t")
        purl = (
            f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={architecture}&distro={distribution}"
            f"&upstream={quote(source)}%40{quote(source_version)}"
        )
        found.append({"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl})
    return found


def list_page() -> list[Component]:
    """What the page is built from and with; not what only its tests take (npm itself leaves out svelte with those)."""
    found = []
    for place, package in json.loads(PAGE.read_text())["packages"].items():
        name = place.rpartition("node_modules/")[2]
        if not name or package.get("dev"):
            continue
        purl = f"pkg:npm/{quote(name)}@{package['version']}"
        algorithm, _, digest = package["integrity"].partition("-")
        hashes = [{"alg": algorithm.upper().replace("SHA", "SHA-"), "content": b64decode(digest).hex()}]
        found.append(
            {"type": "library", "bom-ref": f"{purl}#{place}", "name": name, "version": package["version"],
             "purl": purl, "hashes": hashes}
        )  # fmt: skip
    return found


if __name__ == "__main__":
    main()
