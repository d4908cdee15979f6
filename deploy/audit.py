"""Looks up what is known to be wrong with the images' packages: `make audit`.

Python's in the reports of the package index, the page's in npm's, Debian's by asking whether the distribution has
mended any that the service's image has. Exits with 1 if something is found, with 3 if something could not be asked.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
IMAGE = "convscope"
UPDATES = "apt-get -qq update >&2 && apt-get --simulate upgrade | grep ^Inst || true"


def main(pip_audit: list[str]) -> None:
    """Ask all three, and say what came of it.

    Args:
        pip_audit: the command that starts it.
    """
    found, unasked = 0, 0
    for lock in sorted((ROOT / "deploy" / "locks").glob("*.txt")):
        wrong, unknown, asked = audit_lock(pip_audit, lock)
        found, unasked = found + len(wrong), unasked + unknown
        print(f"{lock.name}: {asked} packages asked about, {unknown} could not be; {len(wrong)} known faults")
        print("".join(f"  {line}\n" for line in wrong), end="")
    for name, result in (("the page", audit_page()), (f"Debian in the image {IMAGE!r}", audit_debian())):
        found, unasked = found + len(result or []), unasked + (result is None)
        print(f"{name}: " + ("could not be asked about" if result is None else f"{len(result)} known faults"))
        print("".join(f"  {line}\n" for line in result or []), end="")
    if unasked:
        print("What could not be asked about may have faults: try where the registries' reports can be had.")
    sys.exit(1 if found else 3 if unasked else 0)


def audit_lock(pip_audit: list[str], lock: Path) -> tuple[list[str], int, int]:
    """Known faults, the number of packages that could not be asked about, and of those that were."""
    command = [*pip_audit, "--requirement", str(lock), "--require-hashes", "--disable-pip", "--format", "json"]
    ended = subprocess.run([*command, "--progress-spinner", "off"], capture_output=True, text=True, check=False)
    try:
        packages = json.loads(ended.stdout)["dependencies"]
    except ValueError:
        print(ended.stderr.strip()[-300:])
        return [], 1, 0
    wrong = [
        f"{package['name']} {package['version']}: {fault['id']}, mended in {', '.join(fault['fix_versions']) or 'none'}"
        for package in packages
        for fault in package.get("vulns", [])
    ]
    unknown = sum("skip_reason" in package for package in packages)
    return wrong, unknown, len(packages) - unknown


def audit_page() -> list[str] | None:
    """Known faults of what the page is built with; None: npm or its reports can't be had."""
    if not shutil.which("npm"):
        return None
    command = ["npm", "audit", "--package-lock-only", "--json"]
    ended = subprocess.run(command, cwd=ROOT / "service" / "web", capture_output=True, text=True, check=False)
    try:
        faults = json.loads(ended.stdout)["vulnerabilities"]
    except (ValueError, KeyError):
        return None
    return [f"{name}: {fault['severity']}" for name, fault in faults.items()]


def audit_debian() -> list[str] | None:
    """Packages of the image that Debian has mended since; None: no image, no engine, or no package lists."""
    if not shutil.which("docker"):
        return None
    command = ["docker", "run", "--rm", "--user", "0", "--entrypoint", "bash", IMAGE, "-o", "pipefail", "-c", UPDATES]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if ended.returncode else [line.removeprefix("Inst ") for line in ended.stdout.splitlines()]


if __name__ == "__main__":
    main(sys.argv[1:])
