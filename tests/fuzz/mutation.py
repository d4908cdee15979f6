"""Turns a picture or a graph into one that is almost it: damage that gets past checksums and parsers."""

import json
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from onnx import AttributeProto, ModelProto, helper
from onnx import defs as operators

Mutate = Callable[[bytes, int], bytes]
"""Bytes and the most that may come out: a random change of bytes, libFuzzer's or our own."""

_PNG = b"\x89PNG\r\n\x1a\n"


def mutate_bytes(data: bytes, most: int, chance: random.Random) -> bytes:
    """Change, drop, double or cut some bytes."""
    body = bytearray(data[:most] or b"\0")
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(body))
        length = min(chance.choice([1, 1, 2, 4, 16]), len(body) - at)
        match chance.randrange(5):
            case 0:
                body[at : at + length] = chance.randbytes(length)
            case 1:
                body[at] ^= 1 << chance.randrange(8)
            case 2:
                body[at : at + length] = chance.choice([b"\0", b"\xff", b"\x7f", b"\x80"]) * length
            case 3 if len(body) > length:
                del body[at : at + length]
            case _:
                body[at:at] = body[at : at + length]
    return bytes(body[:most])


def mutate_picture(data: bytes, most: int, chance: random.Random, mutate: Mutate) -> bytes:
    """Change bytes anywhere; of a PNG mostly within a chunk, or within its pixels before they are packed."""
    if not data.startswith(_PNG) or chance.random() < 0.2:
        return mutate(data, most)
    chunks = list(_read_chunks(data))
    if not chunks:
        return mutate(data, most)
    at = chance.randrange(len(chunks))
    kind, content = chunks[at]
    match chance.randrange(8):
        case 0:
            chunks.insert(chance.randrange(len(chunks) + 1), (kind, content))
        case 1 if len(chunks) > 1:
            del chunks[at]
        case 2:
            chunks[at] = (mutate(kind, 4).ljust(4, b"a"), content)
        case 3 | 4 if kind == b"IDAT":
            chunks[at] = (kind, _repack(content, most, mutate))
        case _:
            chunks[at] = (kind, mutate(content, most))
    return (_PNG + b"".join(_write_chunk(*chunk) for chunk in chunks))[:most]


def _read_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_PNG)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        if at + 12 + length > len(data):
            return
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += 12 + length


def _write_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _repack(content: bytes, most: int, mutate: Mutate) -> bytes:
    try:
        plain = zlib.decompressobj().decompress(content, 2**16)
    except zlib.error:
        return mutate(content, most)
    return zlib.compress(mutate(plain, most))


def mutate_document(data: bytes, most: int, chance: random.Random, mutate: Mutate) -> bytes:
    """Change a value or a key of a JSON document, after the byte that says which it is."""
    if chance.random() < 0.2:
        return mutate(data, most)
    try:
        document = json.loads(data[1:])
        for _ in range(chance.randint(1, 3)):
            document = _change_value(document, chance, mutate)
        return (data[:1] + json.dumps(document).encode())[:most]
    except (ValueError, RecursionError):
        return mutate(data, most)


def mutate_infer(data: bytes, most: int, chance: random.Random, mutate: Mutate) -> bytes:
    """Change a value of the JSON document or the bytes behind it, mostly with the length in front being right."""
    head, _, body = data.partition(b"\n")
    length = int(head) if head.isdigit() and len(head) < 9 else len(body)
    if chance.random() < 0.15:
        return mutate(data, most)
    try:
        document = json.loads(body[:length])
        for _ in range(chance.randint(0, 2)):
            document = _change_value(document, chance, mutate)
        changed = json.dumps(document).encode()
    except (ValueError, RecursionError):
        return mutate(data, most)
    rest = mutate(body[length:], 256) if chance.random() < 0.3 else body[length:]
    return b"%b\n%b" % (b"%d" % len(changed) if rest or head else b"", changed + rest)


def _change_value(value: Any, chance: random.Random, mutate: Mutate) -> Any:  # noqa: ANN401 - any JSON
    """Descend by chance, and put something else where that ends."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        key = chance.choice(list(value))
        if chance.random() < 0.1:
            return {**value, chance.choice(["", "kind", "contract", "file", "x"]): value.pop(key)}
        return {**value, key: _change_value(value[key], chance, mutate)}
    if isinstance(value, list) and value and chance.random() < 0.85:
        at = chance.randrange(len(value))
        return [*value[:at], _change_value(value[at], chance, mutate), *value[at + chance.randrange(2) :]]
    if isinstance(value, str) and chance.random() < 0.5:
        return mutate(value.encode(), 64).decode(errors="replace")
    return chance.choice([None, True, 0, -1, 1, 2**31, 2**63, 1e308, float("nan"), "", "../a", "a\0b", [], {}, [[]],
                          "2026-01-01T00:00:00Z", "mnist", 0.5, "a" * 300, {"kind": "stretch"}])  # fmt: skip


def mutate_graph(data: bytes, most: int, chance: random.Random, mutate: Mutate) -> bytes:
    """Change what a graph says, mostly, rather than its bytes: names, operators, attributes, shapes, weights."""
    if chance.random() < 0.15:
        return mutate(data, most)
    model = ModelProto()
    try:
        model.ParseFromString(data)
        for _ in range(chance.randint(1, 3)):
            _change(model, chance, mutate)
        changed = model.SerializeToString()
    except Exception:  # noqa: BLE001 - protobuf's own: the bytes are no graph, or hold names that are no text
        return mutate(data, most)
    return changed if len(changed) <= most else data


def _change(model: ModelProto, chance: random.Random, mutate: Mutate) -> None:  # noqa: C901, PLR0912 - a line a change
    graph = model.graph
    node = chance.choice(graph.node) if graph.node else None
    tensor = chance.choice(graph.initializer) if graph.initializer else None
    value = chance.choice([*graph.input, *graph.output, *graph.value_info] or [graph.input.add()])
    names = [name for each in graph.node for name in (*each.input, *each.output)] or [""]
    number = chance.choice([-(2**63), -2, -1, 0, 1, 2, 3, 7, 255, 2**31, 2**62])
    match chance.randrange(12):
        case 0 if node:
            node.op_type = chance.choice(_OPERATORS)
        case 1 if node and node.input:
            node.input[chance.randrange(len(node.input))] = chance.choice(names)
        case 2 if node and node.attribute:
            _change_attribute(chance.choice(node.attribute), chance, number)
        case 3 if node:
            node.attribute.append(helper.make_attribute(chance.choice(_ATTRIBUTES), chance.choice([number, [number] * 2, 0.5, "SAME_UPPER"])))  # fmt: skip # noqa: E501
        case 4 if node:
            graph.node.remove(node)
        case 5 if node:
            graph.node.insert(chance.randrange(len(graph.node)), node)
        case 6 if tensor is not None and tensor.dims:
            tensor.dims[chance.randrange(len(tensor.dims))] = number
        case 7 if tensor is not None:
            tensor.raw_data = mutate(tensor.raw_data, len(tensor.raw_data) + 8)
        case 8 if tensor is not None:
            tensor.data_type = chance.randrange(25)
        case 9:
            dims = value.type.tensor_type.shape.dim
            if dims:
                chance.choice(dims).dim_value = number
            value.type.tensor_type.elem_type = chance.choice([1, 1, 2, 2, 7, 10, chance.randrange(25)])
        case 10 if model.opset_import:
            model.opset_import[0].version = chance.choice([1, 6, 7, 9, 11, 13, 17, 20, 22, 25, 99, -1])
        case _ if node and node.output:
            node.output[chance.randrange(len(node.output))] = chance.choice(names)


def _change_attribute(attribute: AttributeProto, chance: random.Random, number: int) -> None:
    if attribute.ints:
        attribute.ints[chance.randrange(len(attribute.ints))] = number
        if chance.random() < 0.3:
            attribute.ints.append(number)
        return
    match attribute.type:
        case AttributeProto.INT:
            attribute.i = number
        case AttributeProto.FLOAT:
            attribute.f = chance.choice([0.0, -1.0, 1e38, float("nan"), float("inf")])
        case AttributeProto.STRING:
            attribute.s = chance.choice([b"", b"\xff", b"SAME_LOWER", b"VALID", b"linear"])
        case _:
            attribute.type = chance.randrange(15)  # type: ignore[assignment]


def _list_operators() -> tuple[str, ...]:
    return tuple(sorted({schema.name for schema in operators.get_all_schemas() if not schema.domain}))


_OPERATORS: Any = _list_operators()
_ATTRIBUTES = ("kernel_shape", "strides", "pads", "dilations", "group", "auto_pad", "axis", "alpha", "ceil_mode", "to",
               "perm", "epsilon", "transB", "size", "keepdims", "axes", "value", "count_include_pad")  # fmt: skip
