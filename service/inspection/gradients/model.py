"""Turns an ONNX graph into the graph of its vector–Jacobian product: reverse-mode differentiation, node by node.

Source: A. Griewank, A. Walther, "Evaluating Derivatives", 2nd edition, SIAM 2008, chapter 3.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest

import onnx
from onnx import NodeProto, TensorProto, ValueInfoProto, helper

from service.inspection.errors import NotDifferentiable
from service.inspection.gradients.builder import FLOATS, Builder, Rules
from service.inspection.gradients.cut import cut_at
from service.inspection.gradients.facts import Facts, needed_nodes, read_facts, reads
from service.inspection.gradients.path import Path, find_path
from service.inspection.gradients.rules import RULES, RULES_OF_SEVERAL
from service.inspection.gradients.source import read_source

COTANGENT = "cotangent"
"""The input that says which combination of the output's numbers is differentiated."""

_BATCH = "n"


def gradient_name(value: str) -> str:
    """The output that holds the gradient with respect to a value."""
    return f"gradient/{value}"


def gradient_model(
    model: onnx.ModelProto,
    *,
    of: str,
    wrt: Sequence[str],
    feeds: Sequence[str] | None = None,
    rules: Rules = RULES,
) -> onnx.ModelProto:
    """Differentiate a graph.

    The result takes `feeds` and `cotangent` (float32, of the shape of `of`), and gives `of` and, for each value of
    `wrt`, `gradient/<value>`: float32 of the value's shape, the derivative of the sum of cotangent · `of`. Pictures
    of a batch don't see each other in most networks; then each has its own gradient. A value that `of` doesn't depend
    on has a gradient of zeros.

    Args:
        model: the graph, of opset 7 or newer; it isn't changed.
        of: name of a value, `logits` or a layer's tensor.
        wrt: names of values, computed from `feeds` or fed themselves.
        feeds: names of values that are fed from outside, whatever computes them in the graph; none given: the graph's
            own inputs.
        rules: by operator; some may be replaced, as guided backpropagation does Relu's.

    Raises:
        NotDifferentiable: an operator between `wrt` and `of` has no rule, or is used in a way that its rule can't do.
        ValueError: a value isn't there, or can't be computed from what is fed.
    """
    source = read_source(model)
    facts = read_facts(source)
    fed = list(dict.fromkeys(feeds if feeds is not None else [value.name for value in source.inputs]))
    wanted = list(dict.fromkeys(wrt))
    forward = cut_at(facts, fed, [of, *wanted])
    builder = Builder(facts)
    gradients = _backpropagate(find_path(facts, forward, of, wanted), of, wanted, builder, rules)
    return _assemble(builder, forward, fed, of, gradients)


def float_picture(model: onnx.ModelProto) -> str:
    """The picture as it is first seen in floating point: the value to feed and to differentiate with respect to.

    Args:
        model: a graph with one input; the picture's pixels.

    Returns:
        The input itself, or the output of the Cast behind it.

    Raises:
        NotDifferentiable: the pixels are not simply made floats.
    """
    weights = {tensor.name for tensor in model.graph.initializer}
    picture = next(value for value in model.graph.input if value.name not in weights)
    value: str = picture.name
    kind = picture.type.tensor_type.elem_type
    while kind not in FLOATS:
        readers = [node for node in model.graph.node if value in node.input and node.op_type not in {"Shape", "Size"}]
        if len(readers) != 1 or readers[0].op_type not in {"Cast", "Transpose", "Identity", "Reshape", "Unsqueeze"}:
            raise NotDifferentiable(f"the pixels {value!r} are used as integers; they have no gradient")
        value = readers[0].output[0]
        if readers[0].op_type == "Cast":
            kind = helper.get_node_attr_value(readers[0], "to")
    return value


def _backpropagate(path: Path, of: str, wrt: Sequence[str], builder: Builder, rules: Rules) -> dict[str, str]:
    """From the cotangent of `of` to that of each of `wrt`."""
    builder.wanted = path.values
    received: dict[str, list[str]] = defaultdict(list)
    received[of].append(_typed(COTANGENT, TensorProto.FLOAT, builder.type(of), builder))
    totals: dict[str, str] = {}

    def total(value: str) -> str:
        if value not in totals:
            totals[value] = builder.sum(received[value]) if value in received else builder.zeros(value)
        return totals[value]

    for node in reversed(path.nodes):
        if not any(output in received for output in node.output):
            continue
        builder.node = node
        cotangents = _apply(node, total, received, builder, rules)
        for value, cotangent in zip_longest(node.input, cotangents):
            if value in path.values:
                if cotangent is None:
                    raise builder.refusal(f"there is no rule for its input {value!r}")
                received[value].append(cotangent)
    return {value: _typed(total(value), builder.type(value), TensorProto.FLOAT, builder) for value in wrt}


def _apply(
    node: NodeProto, total: Callable[[str], str], received: Mapping[str, list[str]], builder: Builder, rules: Rules
) -> Sequence[str | None]:
    """The cotangents of a node's inputs."""
    if node.op_type in RULES_OF_SEVERAL and not node.domain:
        return RULES_OF_SEVERAL[node.op_type](node, [total(output) for output in node.output], builder)
    if node.op_type not in rules or node.domain:
        raise builder.refusal("there is no rule for it")
    if any(output in received for output in node.output[1:]):
        raise builder.refusal("there is a rule for its first output only")
    return rules[node.op_type](node, total(node.output[0]), builder)


def _typed(value: str, kind: int, wanted: int, builder: Builder) -> str:
    return builder.op("Cast", value, to=wanted) if kind in FLOATS and kind != wanted else value


def _assemble(
    builder: Builder, forward: Sequence[NodeProto], fed: Sequence[str], of: str, gradients: Mapping[str, str]
) -> onnx.ModelProto:
    facts = builder.facts
    named = [
        helper.make_node("Identity", [cotangent], [gradient_name(value)]) for value, cotangent in gradients.items()
    ]
    outputs = [_declare(facts, of), *(_declare(facts, value, gradient=True) for value in gradients)]
    nodes = needed_nodes([*forward, *builder.nodes, *named], [output.name for output in outputs], fed)
    read = {value for node in nodes for value in reads(node)}
    cotangent = _declare(facts, of, gradient=True)
    cotangent.name = COTANGENT
    tensors = {**facts.source.weights, **builder.constants}
    graph = helper.make_graph(
        nodes,
        "gradient",
        [*(_declare(facts, value) for value in fed), cotangent],
        outputs,
        [tensor for name, tensor in tensors.items() if name in read and name not in fed],
    )
    return facts.source.wrap(graph)


def _declare(facts: Facts, value: str, *, gradient: bool = False) -> ValueInfoProto:
    """An input or output: a value of the graph, or the gradient with respect to it."""
    shape = facts.shapes.get(value)
    sizes = (
        None if shape is None else [f"{_BATCH}{at or ''}" if size is None else size for at, size in enumerate(shape)]
    )
    if gradient:
        return helper.make_tensor_value_info(gradient_name(value), TensorProto.FLOAT, sizes)
    return helper.make_tensor_value_info(value, facts.types.get(value, TensorProto.FLOAT), sizes)
