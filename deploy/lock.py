"""Turns `pyproject.toml` into `deploy/locks/*.txt`, the images' packages with their hashes: `make lock`.

The images install from the locks with `--require-hashes`. PyTorch has a lock of its own: an image is built either with
the wheel that lies on the machine, or with the one of the package index and the CUDA libraries that it asks for.
"""

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCKS = ROOT / "deploy" / "locks"
TOOLS = ["cyclonedx-bom==7.5.0"]
"""Beside the build system's: what the images' bill of materials is written with."""
SHIPPED = ["grpc", "otel"]
"""Extras that every image has: what is switched on by a setting has to be there."""


def main() -> None:
    """Renew the locks; with `--upgrade`, to the newest versions that `pyproject.toml` allows."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    torch = next(requirement for requirement in extras["training"] if requirement.startswith("torch=="))
    compile_lock("build", [*project["build-system"]["requires"], *TOOLS])
    compile_lock("torch", [torch])
    runtime = [*project["project"]["dependencies"], *(one for extra in SHIPPED for one in extras[extra])]
    compile_lock("service", [*runtime, *extras["cpu"]])
    compile_lock("gpu", [*runtime, *extras["gpu"]], "-c", "service.txt")
    wanted = [*runtime, *extras["cpu"], *extras["training"]]
    without = [f"--no-emit-package={name}" for name in names(LOCKS / "torch.txt") if is_of_cuda(name)]
    compile_lock("training", wanted, "-c", "service.txt", "-c", "torch.txt", "--no-emit-package=torch", *without)


def compile_lock(name: str, requirements: list[str], *options: str) -> None:
    """Write one lock; versions that it already has are kept where they still fit."""
    command = [
        "uv", "pip", "compile", "-", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes",
        "--custom-compile-command", "make lock", "--output-file", f"{name}.txt", *options, *sys.argv[1:],
    ]  # fmt: skip
    subprocess.run(command, cwd=LOCKS, input="\n".join(requirements), text=True, check=True, stdout=subprocess.DEVNULL)
    print(f"{name}.txt: {len(names(LOCKS / f'{name}.txt'))} packages")


def names(lock: Path) -> list[str]:
    """The packages of a lock, each once."""
    return sorted(
        {line.partition("==")[0] for line in lock.read_text().splitlines() if "==" in line and line[0] != " "}
    )


def is_of_cuda(name: str) -> bool:
    """Whether only PyTorch's build with CUDA asks for it."""
    return name.startswith(("nvidia-", "cuda-")) or name == "triton"


if __name__ == "__main__":
    main()
