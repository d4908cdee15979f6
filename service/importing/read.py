"""Turns a path into a checked ONNX model with its weights inside, or refuses it by name."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
import onnxruntime as ort
from onnx import GraphProto, ModelProto, TensorProto, helper
from onnx.external_data_helper import load_external_data_for_tensor, uses_external_data
from onnx.inliner import inline_local_functions

from service.engine import Provider, load_session
from service.errors import ModelRefused, UnfitGraph
from service.importing.errors import ExternalDataRefused, ImportRefused, NotOnnx, UnsupportedOperators, UnsupportedOpset
from service.inspection.dataflow import opset_of
from service.judge import MOST_BYTES, STANDARD, check_size, judge_parts, judge_values

OLDEST_OPSET = 7
"""The contract's; before it, elementwise operators broadcast by other rules."""

_IR = 10
"""The version of the file's form that every file is brought to. Older ones want weights to be inputs too; onnxruntime
reads less new ones than onnx writes, and what came after 10 (weights on several devices, numbers of 2 bits) is nothing
that a classifier of pictures needs."""


def read_model(path: Path) -> ModelProto:
    """Read a file, its external weights too, and check it.

    Returns:
        A model of one file, without local functions; weights are no inputs.

    Raises:
        NotOnnx: the bytes are no ONNX, or break its rules.
        ExternalDataRefused: weights lie outside the file's folder, or are missing.
        UnsupportedOpset: older or newer than this onnxruntime runs.
        UnsupportedOperators: of a domain of its own, or endless.
        ImportRefused: the file can't be read, or is too large.
    """
    model = _parse(path)
    model.ir_version = _IR
    _embed(model, path)
    _judge(model, path)
    try:
        _check_rules(model)
        if model.functions:
            model = inline_local_functions(model)
    except Exception as error:  # the checker's and the inliner's exceptions share no base but Exception
        raise NotOnnx(f"{path.name} breaks ONNX's rules: {_first_line(error)}") from error
    _forget_domains(model)
    _check_opset(path, model)
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    return model


def _parse(path: Path) -> ModelProto:
    try:
        check_size(path.name, path.stat().st_size, MOST_BYTES)
        content = path.read_bytes()
    except OSError as error:
        raise ImportRefused(f"{path} can't be read: {error.strerror}") from error
    except UnfitGraph as error:
        raise ImportRefused(str(error)) from error
    model = ModelProto()
    try:
        model.ParseFromString(content)
        _read_text(model)
    except Exception as error:  # protobuf's own, or one of the text in it
        raise NotOnnx(f"{path.name} is no ONNX file") from error
    if not model.ir_version or not model.HasField("graph") or not model.graph.node:
        raise NotOnnx(f"{path.name} is no ONNX file: there is no graph in it")
    return model


def _read_text(message: Any) -> None:  # noqa: ANN401 - any of ONNX's messages
    """Look at every name once: protobuf hands out one that is no text as bytes, and fails much later.

    Raises:
        UnicodeError: there is one.
    """
    for field, value in message.ListFields():
        if field.type not in {field.TYPE_STRING, field.TYPE_MESSAGE}:
            continue  # weights, mostly
        for each in [value] if isinstance(value, str | bytes) or hasattr(value, "ListFields") else value:
            if field.type == field.TYPE_MESSAGE:
                _read_text(each)
            elif isinstance(each, bytes):
                raise UnicodeError(f"{field.name} is no text")


def _check_rules(model: ModelProto) -> None:
    """ONNX's own checker, made to pass inputs and outputs without a shape: many a file has them, and they run."""
    shapeless = [
        value.type.tensor_type
        for value in (*model.graph.input, *model.graph.output)
        if value.type.HasField("tensor_type") and not value.type.tensor_type.HasField("shape")
    ]
    for tensor in shapeless:
        tensor.shape.SetInParent()
    onnx.checker.check_model(model)
    for tensor in shapeless:
        tensor.ClearField("shape")


def _check_opset(path: Path, model: ModelProto) -> None:
    opset = opset_of(model)
    if opset < OLDEST_OPSET:
        raise UnsupportedOpset(
            f"{path.name} is of opset {opset}; opsets from {OLDEST_OPSET} on are supported: convert it with"
            " onnx.version_converter"
        )
    if not _runs(opset):
        raise UnsupportedOpset(
            f"{path.name} is of opset {opset}, which this onnxruntime ({ort.__version__}) doesn't know yet: export it"
            " with an older opset"
        )


def _runs(opset: int) -> bool:
    """Whether onnxruntime takes a graph of that opset; it says so nowhere, so it is tried."""
    if opset > onnx.defs.onnx_opset_version():
        return False
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "probe", values[:1], values[1:])
    probe = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=_IR)
    try:
        load_session("probe", probe.SerializeToString(), Provider.CPU, threads=1, optimised=False)
    except ModelRefused:
        return False
    return True


def _embed(model: ModelProto, path: Path) -> None:
    """Put weights that lie in files beside the model into it."""
    folder = path.resolve().parent
    outside = [tensor for tensor in _tensors(model) if uses_external_data(tensor)]
    size = model.ByteSize()
    for tensor in outside:
        location = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
        place = (folder / location).resolve()
        if not location or not place.is_relative_to(folder):
            raise ExternalDataRefused(
                f"{path.name} keeps weights in {location!r}, outside its own folder: only files beside it are read"
            )
        if not place.is_file():
            raise ExternalDataRefused(f"{path.name} keeps weights in {location!r}, which isn't beside it")
        try:
            load_external_data_for_tensor(tensor, str(folder))
        except Exception as error:  # links, lengths: each another exception
            raise ExternalDataRefused(f"{path.name}: weights in {location!r}: {_first_line(error)}") from error
        size += len(tensor.raw_data)
        if size > MOST_BYTES:
            raise ImportRefused(
                f"{path.name} and its weights have over {MOST_BYTES:,} bytes, which is more than a version may have"
            )


def _tensors(model: ModelProto) -> Iterator[TensorProto]:
    for graph in _graphs(model.graph):
        yield from graph.initializer
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    yield attribute.t
                yield from attribute.tensors
    for function in model.functions:
        for node in function.node:
            yield from (attribute.t for attribute in node.attribute if attribute.HasField("t"))


def _graphs(graph: GraphProto) -> Iterator[GraphProto]:
    """The graph and those inside of its nodes, the branches of an If for example."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _graphs(attribute.g)


def _judge(model: ModelProto, path: Path) -> None:
    """Hold the file against the rules that hold for every version, before anything is run of it."""
    try:
        judge_parts(path.name, model, model.ByteSize())
    except UnfitGraph as error:
        raise (UnsupportedOperators if error.is_about_operators else ImportRefused)(str(error)) from error


def check_values(model: ModelProto, path: Path) -> None:
    """Refuse a graph whose values take absurd memory, before it is run.

    Raises:
        ImportRefused: there is one.
    """
    try:
        judge_values(path.name, model)
    except UnfitGraph as error:
        raise ImportRefused(str(error)) from error


def _forget_domains(model: ModelProto) -> None:
    """Forget domains that no node is of."""
    used = {node.domain for graph in _graphs(model.graph) for node in graph.node}
    kept = [entry for entry in model.opset_import if entry.domain in used or entry.domain in STANDARD]
    del model.opset_import[:]
    model.opset_import.extend(kept)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
