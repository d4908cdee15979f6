"""Turns the steps of a rule into nodes of the gradient's graph, with fresh names.

A cotangent is the derivative of the scalar ⟨cotangent of the output, output⟩ with respect to a value; it has the
value's shape and type. A rule gives the cotangents of a node's inputs for that of its output: the product of the
cotangent and the node's Jacobian.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from service.inspection.errors import NotDifferentiable
from service.inspection.gradients.facts import Facts, Shape

Numbers = NDArray[Any]

FLOATS = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16}
"""Types that have a gradient."""


class Builder:
    """Appends nodes and constants; answers what rules need to know of the graph's own values."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, TensorProto] = {}
        self.node = NodeProto()
        """The one being differentiated."""
        self.wanted: Collection[str] = ()
        """The graph's values that have a cotangent."""
        self._taken = {value for node in facts.source.nodes for value in node.output} | set(facts.source.weights)
        self._taken.update(value.name for value in facts.source.inputs)
        self._numbers: dict[tuple[bytes, str, tuple[int, ...]], str] = {}

    def op(self, operator: str, *inputs: str, **attributes: Any) -> str:  # noqa: ANN401 - of any type
        """Append a node with one output, and give that value's name."""
        output = self.fresh(operator)
        self.nodes.append(helper.make_node(operator, list(inputs), [output], name=output, **attributes))
        return output

    def fresh(self, label: str) -> str:
        """A name that no value has."""
        name = f"gradient/{len(self._taken)}/{label}"
        while name in self._taken:
            name += "'"
        self._taken.add(name)
        return name

    def tensor(self, array: Numbers) -> str:
        """A constant; equal ones are the same."""
        key = (array.tobytes(), array.dtype.str, array.shape)
        if key not in self._numbers:
            name = self._numbers[key] = self.fresh("constant")
            self.constants[name] = numpy_helper.from_array(array, name)
        return self._numbers[key]

    def integers(self, *values: int) -> str:
        """(k,) int64: axes, sizes or indices."""
        return self.tensor(np.array(values, np.int64))

    def number(self, number: float | Numbers, like: str) -> str:
        """A constant of the type of one of the graph's values; a scalar, or an array that broadcasts to it."""
        return self.tensor(np.asarray(number, helper.tensor_dtype_to_np_dtype(self.type(like))))

    def type(self, value: str) -> int:
        """The type of one of the graph's values, `TensorProto.FLOAT` where nothing is known of it."""
        return self.facts.types.get(value) or TensorProto.FLOAT

    def shape(self, value: str) -> Shape:
        """The shape of one of the graph's values.

        Raises:
            NotDifferentiable: not even the number of its dimensions is known.
        """
        if value not in self.facts.shapes:
            raise self.refusal(f"the shape of {value!r} is unknown")
        return self.facts.shapes[value]

    def sizes(self, value: str, axes: Sequence[int]) -> list[int]:
        """Sizes of one of the graph's values that don't depend on the number of pictures.

        Raises:
            NotDifferentiable: one of them isn't fixed.
        """
        shape = self.shape(value)
        sizes = [size for axis in axes if (size := shape[axis]) is not None]
        if len(sizes) != len(axes):
            raise self.refusal(f"{value!r} has an open size beyond the batch")
        return sizes

    def spatial(self, value: str) -> list[int]:
        """The sizes of a value from its third dimension on."""
        return self.sizes(value, range(2, len(self.shape(value))))

    def constant(self, at: int) -> Numbers | None:
        """A constant input of the node being differentiated; None where it has no such input.

        Raises:
            NotDifferentiable: it has one that isn't constant.
        """
        if at >= len(self.node.input) or not self.node.input[at]:
            return None
        value = self.facts.constant(self.node.input[at])
        if value is None:
            raise self.refusal(f"its input {self.node.input[at]!r} isn't constant")
        return value

    def refusal(self, reason: str) -> NotDifferentiable:
        """The error for the node being differentiated."""
        name = self.node.name or next(iter(self.node.output), "")
        return NotDifferentiable(f"no gradient through operator {self.node.op_type} (node {name!r}): {reason}")

    def reshape(self, cotangent: str, like: str) -> str:
        """Give a cotangent the shape of one of the graph's values with as many numbers."""
        shape = self.facts.shapes.get(like, (None, None))
        if shape.count(None) > 1 or 0 in shape:
            return self.op("Reshape", cotangent, self.op("Shape", like))
        return self.op("Reshape", cotangent, self.integers(*(-1 if size is None else size for size in shape)))

    def expand(self, cotangent: str, like: str) -> str:
        """Repeat a cotangent over the shape of one of the graph's values."""
        return self.op("Expand", cotangent, self.op("Shape", like))

    def zeros(self, like: str) -> str:
        """Zeros of the shape and type of one of the graph's values that is float, float32 for others."""
        kind = self.type(like) if self.type(like) in FLOATS else TensorProto.FLOAT
        zero = helper.make_tensor("value", kind, [1], [0])
        return self.op("ConstantOfShape", self.op("Shape", like), value=zero)

    def unbroadcast(self, cotangent: str, value: str, whole: str) -> str:
        """Sum the cotangent of a broadcast value over where it was repeated.

        Args:
            cotangent: of the shape of `whole`.
            value: what was broadcast.
            whole: what it was broadcast to the shape of.
        """
        if value not in self.wanted:
            return cotangent  # nobody will read it
        return self.narrow(cotangent, self.shape(value), self.shape(whole))

    def narrow(self, cotangent: str, narrow: Shape, wide: Shape) -> str:
        """Sum a cotangent of the shape `wide` to the shape `narrow`, which had been broadcast to it."""
        extra = len(wide) - len(narrow)
        repeated = [axis for axis, size in enumerate(wide) if axis < extra or (narrow[axis - extra] == 1 and size != 1)]
        if any(narrow[axis - extra] != wide[axis] for axis in range(extra, len(wide)) if axis not in repeated):
            raise self.refusal("an input is broadcast over an open size")
        if not repeated:
            return cotangent
        summed = self.op("ReduceSum", cotangent, self.integers(*repeated), keepdims=1)
        return self.op("Squeeze", summed, self.integers(*range(extra))) if extra else summed

    def sum(self, cotangents: Sequence[str]) -> str:
        """The cotangent of a value that is read in several places."""
        if len(cotangents) == 1:
            return cotangents[0]
        return self.op("Add" if len(cotangents) == 2 else "Sum", *cotangents)


Rule = Callable[[NodeProto, str, Builder], Sequence[str | None]]
"""From a node and the cotangent of its first output to the cotangents of its inputs; None: it can't tell that one."""

Rules = Mapping[str, Rule]
"""By operator."""


def attribute(node: NodeProto, name: str, default: Any) -> Any:  # noqa: ANN401 - an attribute is of any type
    """An attribute of a node; words as text."""
    for each in node.attribute:
        if each.name == name:
            value = helper.get_attribute_value(each)
            return value.decode() if isinstance(value, bytes) else value
    return default
