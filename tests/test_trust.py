"""Nothing that this project reads can run code: no pickle anywhere, and no text that is evaluated."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(
    path
    for folder in ("service", "training", "benchmarks", "deploy")
    for path in (ROOT / folder).rglob("*.py")
    if "node_modules" not in path.parts
)

FORBIDDEN = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "jsonpickle"}
"""Modules that make objects of bytes, whatever they are."""

EVALUATING = {"eval", "exec", "compile", "__import__"}


def find_faults(source: str) -> Iterator[str]:
    """What in a program would trust what it reads."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (f"imports {alias.name}" for alias in names if alias.name.split(".")[0] in FORBIDDEN)
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in FORBIDDEN:
                yield f"imports from {module}"
            case ast.keyword(arg="allow_pickle" | "trust_remote_code" | "shell", value=value) if not _is(value, False):
                yield f"says {node.arg}"
            case ast.Call(func=ast.Name(id=name)) if name in EVALUATING:
                yield f"calls {name}"
            case ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr=name), keywords=given):
                yield from _find_fault_of_a_library(f"{module}.{name}", given)


def _find_fault_of_a_library(called: str, given: list[ast.keyword]) -> Iterator[str]:
    if called == "torch.load" and not any(each.arg == "weights_only" and _is(each.value, True) for each in given):
        yield "torch.load without weights_only=True"
    if called in {"yaml.load", "yaml.unsafe_load", "yaml.full_load"}:
        yield f"{called} in place of safe_load"


def _is(node: ast.expr, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


@pytest.mark.parametrize(
    "source",
    [
        "import pickle", "from pickle import loads", "import joblib.memory", "torch.load(path)",
        "torch.load(path, weights_only=False)", "np.load(path, allow_pickle=True)", "np.load(path, allow_pickle=maybe)",
        "eval(text)", "yaml.load(text)", "run(command, shell=True)",
    ],
)  # fmt: skip
def test_a_fault_is_found(source: str) -> None:
    assert list(find_faults(source))


def test_there_is_none() -> None:
    assert len(SOURCES) > 250
    faults = {
        str(path.relative_to(ROOT)): found for path in SOURCES if (found := list(find_faults(path.read_text("utf-8"))))
    }
    assert faults == {}
