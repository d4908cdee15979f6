"""Turns compose files into containers on a real engine, under a name of their own: nobody's service is touched."""

import os
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]


def engine_answers() -> bool:
    """Whether there is a Docker engine to run anything on."""
    try:
        return subprocess.run(["docker", "info"], capture_output=True, timeout=20, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


class Compose:
    """`docker compose` with these files, as a project of this name."""

    def __init__(self, project: str, *files: str, **variables: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port: int = listener.getsockname()[1]
        named = {"CONVSCOPE_PORT": str(self.port), "COMPOSE_PROJECT_NAME": project}
        self._environment = {**os.environ, **named, **variables}
        self.headers: dict[str, str] = {}
        self._files = [word for file in files for word in ("-f", file)]

    def __call__(self, *arguments: str) -> str:
        return self.run("docker", "compose", *self._files, *arguments)

    def run(self, *command: str) -> str:
        ended = subprocess.run(
            command, cwd=ROOT, env=self._environment, capture_output=True, text=True, timeout=900, check=False
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout + ended.stderr

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=20, headers=self.headers)


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something to come true."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)
