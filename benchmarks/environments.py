"""Turns a name into a virtual environment with a peer in it: made where missing, completed where lacking.

PyTorch goes in first and alone: what else wants it then finds it, rather than fetching a build with CUDA.
"""

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

_RUNTIME = ("onnxruntime==1.31.1", "numpy", "pillow")
_TORCH = ("torch==2.13.0",)

_REQUIREMENTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "core": (
        _TORCH,
        (
            "onnx",
            "onnxscript",
            "fastapi",
            "uvicorn[standard]",
            "python-multipart",
            "litserve",
            "safetensors",
            *_RUNTIME,
        ),
    ),
    "bento": (("bentoml", *_RUNTIME),),
    "mls": (("mlserver", "uvloop<0.22", *_RUNTIME),),  # 1.7.1 dies with a newer uvloop: SeldonIO/MLServer#2286
    "rays": (("ray[serve]", *_RUNTIME),),
    "ptri": (("nvidia-pytriton", *_RUNTIME),),
    "tsrv": (
        _TORCH,
        ("torchserve", "torch-model-archiver", "pyyaml", "psutil", "requests", "packaging", "enum-compat", *_RUNTIME),
    ),
}
"""By environment: what is installed, one pip after the other."""

_LOOK = "import importlib.metadata as m, sys; print(*{d.name.lower().replace('_', '-') for d in m.distributions()})"


@cache
def ensure(work: Path, name: str) -> Path:
    """The folder of its programs, once all is in it."""
    programs = work / name / "bin"
    if not (programs / "python").exists():
        print(f"making the environment {name} …", flush=True)
        _run([_choose_python(name), "-m", "venv", "--clear", str(work / name)])
        _run([str(programs / "pip"), "-q", "install", "-U", "pip"])
    for requirements in _REQUIREMENTS[name]:
        if missing := _find_missing(programs, requirements):
            print(f"installing {' '.join(missing)} into {name} …", flush=True)
            _run([str(programs / "pip"), "-q", "install", *requirements])
    return programs


def _find_missing(programs: Path, requirements: tuple[str, ...]) -> list[str]:
    found = subprocess.run([programs / "python", "-c", _LOOK], capture_output=True, text=True, check=True)  # noqa: S603
    installed = set(found.stdout.split())
    return [each for each in requirements if re.split(r"[\[<=]", each, maxsplit=1)[0] not in installed]


def _choose_python(name: str) -> str:
    """Triton's stub wants the libpython of the system's own interpreter; the others take this one."""
    system = shutil.which("python3", path=os.defpath)
    return system if name == "ptri" and system else sys.executable


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True)  # noqa: S603
