"""Turns a checkout into a virtual environment with Convscope in it: `python bootstrap.py .venv cpu,training`.

Called by the Makefile. It runs on whatever Python is at hand, to be able to say that it is too old, and says what went
wrong in one line; pip's own words are kept in `install.log` in the environment.
"""

import os
import subprocess
import sys

NEEDED = (3, 11)
OFFLINE = ("Failed to establish a new connection", "Temporary failure in name resolution", "Max retries exceeded",
           "Could not resolve host", "Connection timed out", "Network is unreachable", "ConnectTimeoutError",
           "NameResolutionError", "NewConnectionError", "EAI_AGAIN", "ENOTFOUND", "ECONNREFUSED")  # fmt: skip
"""What pip and npm say when they can't reach their package index."""


def main(folder: str, extras: str) -> None:
    """Make the environment in `folder` where it is missing, and install the checkout into it, editable."""
    if sys.version_info < NEEDED:
        found = ".".join(map(str, sys.version_info[:3]))
        stop("Python {}.{} or newer is needed, this is {}; name one with make PYTHON=…".format(*NEEDED, found))
    python = os.path.join(folder, "bin", "python")
    whole = os.path.join(folder, ".whole")  # written last: an environment whose making was broken off is made anew
    if not os.path.exists(whole):
        make_environment(folder)
        open(whole, "w").close()
    log = os.path.join(folder, "install.log")
    print(f"installing Convscope [{extras}] into {folder} …", flush=True)
    command = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--retries", "2", "-v"]
    with open(log, "w") as output:
        failed = subprocess.call([*command, "-e", f".[{extras}]"], stdout=output, stderr=subprocess.STDOUT)
    if failed:
        explain(log)


def make_environment(folder: str) -> None:
    """Make an empty virtual environment."""
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True, capture_output=True)
    except subprocess.CalledProcessError as error:
        said = (error.stdout + error.stderr).decode(errors="replace").strip()
        stop(f"no virtual environment can be made (on Debian: apt install python3-venv): {last_line(said)}")


def explain(log: str) -> None:
    """Say in one line why pip failed, and stop."""
    with open(log, errors="replace") as output:
        said = output.read()
    if any(phrase in said for phrase in OFFLINE):
        stop(f"no network: the package index can't be reached; details in {log}")
    if "No space left on device" in said:
        stop(f"the disk is full; details in {log}")
    errors = [line for line in said.splitlines() if line.lstrip().lower().startswith(("error", "npm error"))]
    stop(f"installing failed: {errors[-1].strip() if errors else last_line(said)}; details in {log}")


def last_line(text: str) -> str:
    """The last line that is not empty."""
    return ([line for line in text.splitlines() if line.strip()] or ["no output"])[-1].strip()


def stop(reason: str) -> None:
    """Say why and exit with 1."""
    sys.exit("convscope: " + reason)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:3])
    except KeyboardInterrupt:
        stop("stopped; the same command goes on where this one was")
