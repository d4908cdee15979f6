"""Work that ends when nobody waits for it any more, even within one run of a graph."""

import threading
import time

import numpy as np
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from service.errand import CalledOff, Errand, check_errand, run

SIZE = 256


def long_graph(nodes: int) -> ort.InferenceSession:
    """Matrix products one after the other."""
    chain = [helper.make_node("MatMul", [f"v{number}", "weights"], [f"v{number + 1}"]) for number in range(nodes)]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [SIZE, SIZE]) for name in ("v0", f"v{nodes}")]
    weights = numpy_helper.from_array(np.eye(SIZE, dtype=np.float32), "weights")
    graph = helper.make_graph(chain, "long", ends[:1], ends[1:], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def test_a_run_ends_between_two_operators() -> None:
    nodes = 3_000  # seconds
    session, errand, values = long_graph(nodes), Errand(), np.ones((SIZE, SIZE), np.float32)
    ended: list[BaseException] = []

    def work() -> None:
        try:
            errand.do(lambda: run(session, [f"v{nodes}"], {"v0": values}))
        except CalledOff as error:
            ended.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.1)
    assert thread.is_alive()
    errand.call_off()
    thread.join(5)
    assert not thread.is_alive()
    assert len(ended) == 1


def test_what_is_called_off_is_not_begun_and_not_gone_on_with() -> None:
    errand, done = Errand(), []

    def work() -> None:
        done.append("begun")
        errand.call_off()
        check_errand()
        done.append("gone on")

    with pytest.raises(CalledOff):
        errand.do(work)
    with pytest.raises(CalledOff):
        errand.do(work)
    assert done == ["begun"]
    check_errand()  # a thread is free again afterwards


def test_a_run_that_fails_by_itself_says_so() -> None:
    session = long_graph(1)
    with pytest.raises(Exception, match="Got invalid dimensions"):
        Errand().do(lambda: run(session, ["v1"], {"v0": np.ones((2, 2), np.float32)}))
    assert run(session, ["v1"], {"v0": np.eye(SIZE, dtype=np.float32)})[0].shape == (SIZE, SIZE)
