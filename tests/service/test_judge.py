"""ONNX files that could read other files, run for ever or take all memory are refused by name and never loaded."""

import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from service.engine import Provider, load_engine, load_session
from service.errors import ModelRefused, PublishFailed, UnfitGraph
from service.judge import judge_file
from service.publish import publish
from service.published import read_version
from tests.published import brightness_graph, evidence, manifest, white_png

NAME = "brightness/1/model.onnx"
FLOAT = TensorProto.FLOAT


def good() -> ModelProto:
    return onnx.load_model_from_string(brightness_graph())


def judge(model: ModelProto) -> None:
    judge_file(NAME, model.SerializeToString())


def refused(model: ModelProto) -> str:
    with pytest.raises(UnfitGraph) as caught:
        judge(model)
    said = str(caught.value)
    assert said.startswith(f'{NAME} breaks the rule "')
    return said


def test_good_graphs_pass_and_so_does_what_exporters_make_of_them() -> None:
    judge(good())
    own = good()
    own.opset_import.append(helper.make_opsetid("own", 1))
    body = [helper.make_node("Relu", ["a"], ["b"])]
    own.functions.append(helper.make_function("own", "Gate", ["a"], ["b"], body, [helper.make_opsetid("", 20)]))
    own.graph.node.append(helper.make_node("Gate", ["logits"], ["gated"], domain="own"))
    own.graph.node.append(helper.make_node("FusedConv", ["gated"], ["fused"], domain="com.microsoft"))
    own.graph.node.append(branching(2))
    judge(own)


def branching(depth: int) -> NodeProto:
    """Ifs within each other."""
    inner = [branching(depth - 1)] if depth else [helper.make_node("Identity", ["logits"], ["out"])]
    graph = helper.make_graph(inner, "branch", [], [helper.make_empty_tensor_value_info("out")])
    return helper.make_node("If", ["condition"], ["out"], then_branch=graph, else_branch=graph)


def external(model: ModelProto) -> TensorProto:
    tensor: TensorProto = model.graph.initializer[1]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../etc/passwd")
    return tensor


def test_weights_in_other_files_are_not_read() -> None:
    model = good()
    external(model)
    assert "all weights inside the file" in refused(model)
    assert "'../../../etc/passwd'" in refused(model)
    hidden = good()
    tensor = TensorProto()
    tensor.CopyFrom(external(good()))
    hidden.graph.node.append(helper.make_node("Constant", [], ["stolen"], value=tensor))
    assert "all weights inside the file" in refused(hidden)
    deep = good()
    deep.graph.node.append(branching(1))
    deep.graph.node[-1].attribute[0].g.node[0].attribute[1].g.initializer.append(tensor)
    assert "all weights inside the file" in refused(deep)


@pytest.mark.parametrize("operator", ["Loop", "Scan", "SequenceMap"])
def test_what_may_never_end_is_refused(operator: str) -> None:
    model = good()
    model.graph.node.append(helper.make_node(operator, ["logits"], ["out"], name="round"))
    assert f"node 'round' is a {operator}, which may never end" in refused(model)
    hidden = good()
    hidden.functions.add(name="F", domain="own").node.append(helper.make_node(operator, ["a"], ["b"], name="round"))
    assert "no loops" in refused(hidden)


def test_operators_of_others_and_those_that_load_files_are_refused() -> None:
    model = good()
    model.graph.node.append(helper.make_node("Evil", ["logits"], ["out"], domain="com.example"))
    assert "it needs Evil of 'com.example'" in refused(model)
    context = good()
    context.graph.node.append(helper.make_node("EPContext", ["logits"], ["out"], domain="com.microsoft"))
    assert "no other files" in refused(context)


def calling(levels: int, times: int) -> ModelProto:
    """Functions that call functions, each several times: few bytes, many nodes."""
    model = good()
    standard = helper.make_opsetid("", 20)
    for level in range(levels):
        inner = f"F{level - 1}" if level else "Relu"
        nodes = [helper.make_node(inner, ["a"], ["b"], domain="own" if level else "") for _ in range(times)]
        model.functions.append(helper.make_function("own", f"F{level}", ["a"], ["b"], nodes, [standard]))
    model.graph.node.append(helper.make_node(f"F{levels - 1}", ["logits"], ["out"], domain="own"))
    return model


def test_functions_that_become_too_much_are_refused_without_writing_them_out() -> None:
    judge(calling(3, 10))
    start = time.monotonic()
    assert "at most 20,000 nodes" in refused(calling(12, 10))
    assert "no loops" in refused(calling(500, 1))
    assert time.monotonic() - start < 5
    endless = calling(1, 1)
    endless.functions[0].node[0].CopyFrom(helper.make_node("F0", ["a"], ["b"], domain="own"))
    assert "calls itself" in refused(endless)


def test_too_many_nodes_and_too_deep_graphs_are_refused() -> None:
    many = good()
    many.graph.node.extend(helper.make_node("Relu", ["logits"], [f"r{number}"]) for number in range(20_000))
    assert "at most 20,000 nodes" in refused(many)
    deep = good()
    chain = branching(0)
    for _ in range(20):
        graph = helper.make_graph([chain], "branch", [], [helper.make_empty_tensor_value_info("out")])
        chain = helper.make_node("If", ["condition"], ["out"], then_branch=graph)
    deep.graph.node.append(chain)
    assert "at most 16 graphs within each other" in refused(deep)


def with_constant(operator: str, shape: list[int]) -> ModelProto:
    model = good()
    model.graph.initializer.append(numpy_helper.from_array(np.array(shape, np.int64), "huge"))
    inputs = ["huge"] if operator == "ConstantOfShape" else ["logits", "huge"]
    model.graph.node.append(helper.make_node(operator, inputs, ["out"]))
    return model


@pytest.mark.parametrize(
    "model",
    [
        with_constant("ConstantOfShape", [1 << 20, 1 << 20]),
        with_constant("Expand", [1 << 30, 1, 2]),
        with_constant("Tile", [1, 1 << 40]),
    ],
    ids=["constant", "expand", "tile"],
)
def test_values_that_take_absurd_memory_are_refused(model: ModelProto) -> None:
    assert "no value of more than 536,870,912 bytes: " in refused(model).replace('"', "")


def test_weights_that_are_said_to_be_many_and_are_not_there_are_refused() -> None:
    for dims in ([1 << 40], [1 << 62, 1 << 62], [-1]):
        model = good()
        model.graph.initializer.append(TensorProto(name="w", data_type=FLOAT, dims=dims))
        assert "weights as many as the file holds" in refused(model)
    sparse = good()
    sparse.graph.sparse_initializer.add(dims=[1 << 40])
    assert "no sparse tensors" in refused(sparse)
    hidden = good()
    hidden.graph.node.append(helper.make_node("Constant", [], ["s"]))
    hidden.graph.node[-1].attribute.add(name="sparse_value", type=onnx.AttributeProto.SPARSE_TENSOR).sparse_tensor.dims[
        :
    ] = [9]
    assert "no sparse tensors" in refused(hidden)


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    onnx_bytes = brightness_graph()
    folder = publish(tmp_path, manifest(onnx_bytes), evidence(), onnx_bytes, {})
    with pytest.raises(UnfitGraph, match=r'breaks the rule "at most 100 bytes".*CONVSCOPE_MAX_MODEL_BYTES'):
        read_version(folder, most_bytes=100)
    with (folder / "model.onnx").open("wb") as file:
        file.truncate(1 << 40)  # takes no room on the disk, and would take all in memory
    with pytest.raises(UnfitGraph, match="it has 1,099,511,627,776"):
        read_version(folder)


def test_what_is_unfit_is_never_published(tmp_path: Path) -> None:
    model = good()
    model.graph.node.append(helper.make_node("Loop", ["logits"], ["out"]))
    onnx_bytes = model.SerializeToString()
    with pytest.raises(PublishFailed, match="no loops"):
        publish(tmp_path, manifest(onnx_bytes), evidence(), onnx_bytes, {})


def test_bytes_in_the_runtimes_own_form_are_not_loaded() -> None:
    """The runtime takes bytes with ORTM in them for a format of its own, which nobody has judged."""
    model = good()
    producer = b"ORTM" + b"x" * 60
    disguised = b"\x12" + bytes([len(producer) + 2]) + b"xx" + producer + model.SerializeToString()
    assert disguised[4:8] == b"ORTM"
    judge_file(NAME, disguised)
    session = load_session("brightness", disguised, Provider.CPU, 1, optimised=True)
    assert session.get_inputs()[0].name == "pixels", "it was read as what was judged"


def slow(rounds: int = 4000, size: int = 512) -> bytes:
    """The usual network, but it adds a 0 to its scores that takes seconds."""
    model = good()
    dense = next(node for node in model.graph.node if node.name == "dense")
    dense.output[0] = "dense"
    softmax = model.graph.node.pop()
    model.graph.node.extend([
        helper.make_node("ReduceMean", ["scaled"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zeros"], ["m0"]),
        *(helper.make_node("MatMul", [f"m{number}", "m0"], [f"m{number + 1}"]) for number in range(rounds)),
        helper.make_node("ReduceMean", [f"m{rounds}"], ["nothing"], keepdims=0),
        helper.make_node("Add", ["dense", "nothing"], ["logits"]),
        softmax,
    ])  # fmt: skip
    model.graph.initializer.append(numpy_helper.from_array(np.zeros((size, size), np.float32), "zeros"))
    content: bytes = model.SerializeToString()
    return content


def test_a_graph_that_takes_too_long_for_one_picture_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    content = slow()
    monkeypatch.setattr("service.engine._FIRST_RUN", 0.2)
    with pytest.raises(ModelRefused, match=r"takes more than 0\.2 s for one picture"):
        load_engine(manifest(content), content, Provider.CPU, 1)


def link(path: Path, target: Path) -> None:
    path.unlink()
    path.symlink_to(target)


@pytest.mark.parametrize("file", ["model.onnx", "manifest.json", "evidence.json", "samples/a.png"])
def test_links_out_of_a_version_are_not_followed(tmp_path: Path, file: str) -> None:
    onnx_bytes = brightness_graph()
    files = {"samples/a.png": white_png()}
    folder = publish(tmp_path, manifest(onnx_bytes), evidence("a.png"), onnx_bytes, files)
    inside = folder / "..data"
    inside.mkdir()
    (inside / "copy").write_bytes((folder / file).read_bytes())
    outside = tmp_path / "outside"
    outside.write_bytes((folder / file).read_bytes())
    link(folder / file, inside / "copy")
    read_version(folder)  # as volumes of Kubernetes have it
    for target in (outside, tmp_path / "nowhere", Path("/etc/passwd"), Path("/dev/zero"), folder / file):
        link(folder / file, target)
        with pytest.raises(ModelRefused, match="a link that leads out of the version's folder, or nowhere"):
            read_version(folder)


def test_a_version_reached_over_links_is_read(tmp_path: Path) -> None:
    onnx_bytes = brightness_graph()
    folder = publish(tmp_path / "real", manifest(onnx_bytes), evidence(), onnx_bytes, {})
    (tmp_path / "models").symlink_to(folder.parent.parent)
    assert read_version(tmp_path / "models" / "brightness" / "1").name == "brightness"


def test_documents_may_not_be_endless(tmp_path: Path) -> None:
    onnx_bytes = brightness_graph()
    folder = publish(tmp_path, manifest(onnx_bytes), evidence(), onnx_bytes, {})
    (folder / "manifest.json").write_text("[" * 100_000)
    with pytest.raises(ModelRefused, match=r"manifest\.json is not JSON"):
        read_version(folder)
    with (folder / "manifest.json").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ModelRefused, match="67,108,864 are the limit"):
        read_version(folder)
