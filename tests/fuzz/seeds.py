"""Makes what mutation begins with: small real pictures of every format, forms, tensors, graphs and documents."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from tests import published
from tests.conftest import MODELS, ROOT
from tests.pictures import draw_pictures

_MOST_BYTES = 16 * 2**10
"""Of a picture from the folder of test data: large ones are slow to mutate, and say no more."""

CORPUS = Path(__file__).parent / "corpus"
"""What found something once, a folder for each target."""


def make_seeds(target: str) -> list[bytes]:
    """What there is to begin with, of a target."""
    found = [path.read_bytes() for path in sorted((CORPUS / target).glob("*"))]
    match target:
        case "picture":
            found += [*draw_pictures(), *_shared_pictures()]
        case "form":
            found += fill_forms()
        case "infer":
            found += ask_for_inferences()
        case "foreign":
            files = (ROOT / "tests/service/importing/files").glob("*.onnx")
            found += [*draw_graphs(), *(path.read_bytes() for path in sorted(files))]
        case "version":
            found += draw_graphs()
        case "documents":
            found += write_documents()
    return found


def _shared_pictures() -> Iterator[bytes]:
    """Good ones and hostile ones from the folder of test data, where there is one."""
    data = Path(os.environ.get("CONVSCOPE_TEST_DATA", ROOT.parent / "shared" / "data"))
    for path in sorted([*data.glob("images/*"), *data.glob("hostile-images/*")]):
        if path.stat().st_size <= _MOST_BYTES:
            yield path.read_bytes()


def fill_forms() -> Iterator[bytes]:
    """Bodies with their Content-Type in the first line."""
    head = b"multipart/form-data; boundary=ab\n"
    file = b'--ab\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
    field = b'--ab\r\nContent-Disposition: form-data; name="steps"\r\n\r\n[{"kind": "relu"}]\r\n'
    yield b"image/png\n\x89PNG"
    yield b"application/octet-stream\nabc"
    yield head + file + b"pixels\r\n--ab--\r\n"
    yield head + field + file + b"\r\n--a\r\n--ab--\r\n"
    yield head + file + b"1\r\n" + file + b"2\r\n" + field + b"--ab--"
    yield head.replace(b"ab", b'"a b"') + file.replace(b"--ab", b"--a b") + b"x\r\n--a b--\r\n"
    yield head + b"--ab\r\nContent-Disposition: form-data; name=file; filename*=UTF-8''a%20b\r\n\r\nx\r\n--ab--\r\n"


def ask_for_inferences() -> Iterator[bytes]:
    """Bodies of the Open Inference Protocol with the length of their JSON document in the first line."""
    pixels: dict[str, Any] = {"name": "pixels", "shape": [1, 2, 3, 1], "datatype": "UINT8"}
    image: dict[str, Any] = {"name": "image", "shape": [2], "datatype": "BYTES"}
    bodies = [
        ([pixels | {"data": [1, 2, 3, 4, 5, 255]}], b""),
        ([pixels | {"data": [[[[1], [2], [3]], [[4], [5], [6]]]]}], b""),
        ([pixels | {"parameters": {"binary_data_size": 6}}], bytes(6)),
        ([image | {"data": ["iVBORw0KGgo=", "/9j/"]}], b""),
        ([image | {"shape": [1, 1], "parameters": {"binary_data_size": 7}}], b"\3\0\0\0abc"),
    ]
    more = {"id": "a", "parameters": {"binary_data_output": True}, "outputs": [{"name": "label", "parameters": {}}]}
    for inputs, rest in bodies:
        for document in ({"inputs": inputs}, {"inputs": inputs, **more}):
            head = json.dumps(document).encode()
            yield (b"%d" % len(head) if rest else b"") + b"\n" + head + rest


def draw_graphs() -> Iterator[bytes]:
    """Small networks that keep the contract of `published.manifest`, of most operators that are looked into."""
    yield published.brightness_graph()
    weight = np.random.default_rng(0).normal(0, 0.5, (2, 1, 3, 3)).astype(np.float32)
    two = np.array([0.5, 2], np.float32)
    weights = {"w": weight, "b": two, "one": np.ones(2, np.float32), "t": weight.transpose(1, 0, 2, 3).repeat(2, 0),
               "slope": two.reshape(2, 1, 1), "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]), "low": np.float32(0),
               "high": np.float32(6), "fc": np.ones((2, 2), np.float32)}  # fmt: skip
    conv = ("Conv", ["w", "b"], {"pads": [1, 1, 1, 1]})
    pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
    ways: list[list[tuple[str, Sequence[str], Mapping[str, Any]]]] = [
        [conv, ("BatchNormalization", ["one", "b", "b", "one"], {}), ("Relu", [], {}), ("MaxPool", [], pool)],
        [conv, ("PRelu", ["slope"], {}), ("AveragePool", [], pool), ("LRN", [], {"size": 3}), ("Pad", ["pads"], {})],
        [
            conv,
            ("Clip", ["low", "high"], {}),
            ("ConvTranspose", ["t"], {"strides": [2, 2]}),
            ("Sigmoid", [], {}),
            ("Tanh", [], {}),
        ],
        [conv, ("LeakyRelu", [], {"alpha": 0.1}), ("Add", ["slope"], {}), ("Mul", ["slope"], {}), ("Gelu", [], {})],
        [conv, ("InstanceNormalization", ["one", "b"], {}), ("HardSwish", [], {}), ("Dropout", [], {})],
    ]
    for way in ways:
        yield _chain(way, weights)


def _chain(way: Sequence[tuple[str, Sequence[str], Mapping[str, Any]]], weights: Mapping[str, Any]) -> bytes:
    """Operators one after the other between the preprocessing and the head."""
    nodes: list[NodeProto] = [
        helper.make_node("Cast", ["pixels"], ["cast"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["cast"], ["v0"], perm=[0, 3, 1, 2]),
    ]
    for number, (operator, more, attributes) in enumerate(way):
        nodes.append(helper.make_node(operator, [f"v{number}", *more], [f"v{number + 1}"], **attributes))
    nodes += [
        helper.make_node("GlobalAveragePool", [f"v{len(way)}"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "fc"], ["dense"]),
        helper.make_node("Add", ["dense", "b"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    read = {value for node in nodes for value in node.input}
    graph = helper.make_graph(
        nodes, "chain",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", 4, 4, 1])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 2]) for name in ("logits", "probabilities")],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in weights.items() if name in read],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return bytes(model.SerializeToString())


def write_documents() -> Iterator[bytes]:
    """A version's JSON files, the first byte saying which."""
    manifest = published.manifest(published.brightness_graph())
    yield b"\0" + manifest.model_dump_json().encode()
    yield b"\1" + published.evidence().model_dump_json().encode()
    yield b"\1" + published.evidence("a.png").model_dump_json().encode()
    for file in ("manifest.json", "evidence.json"):
        yield bytes([file == "evidence.json"]) + (MODELS / "ticks" / "1" / file).read_bytes()
    yield b'\3{"pinned": 2, "loaded": true}'
    yield from (bytes([file]) + b"[" * 5000 for file in range(4))
    yield b'\2{"pictures": 1, "layers": {"conv1": [[{"file": "0.png", "label": "7", "value": 1.5, "y": 0, "x": 3}]]}}'
