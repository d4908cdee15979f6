"""Turns an operator and its operands, single numbers, into what it makes of them, written out step by step."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from service.inspection.arithmetic.account import show
from service.inspection.layer import Attribute

Operands = Sequence[float | None]
"""None: an operand that the node leaves out."""

Attributes = Mapping[str, Attribute]

Line = tuple[str, float]
"""A formula with its numbers, and what it comes to."""

Function = Callable[[Operands, Attributes], Iterator[Line]]


def compute(operator: str, operands: Operands, attributes: Attributes) -> list[Line]:
    """The lines that lead to an operator's value, which is the last one's; in float64, infinities as they come."""
    with np.errstate(all="ignore"):
        return [(formula, float(value)) for formula, value in FUNCTIONS[operator](operands, attributes)]


def _simple(write: Callable[[str], str], work: Callable[[np.float64], float]) -> Function:
    """A function of one number, written in one line."""

    def function(operands: Operands, _: Attributes) -> Iterator[Line]:
        x = _first(operands)
        yield write(f"{x:.4g}"), work(x)

    return function


def _between(sign: str, work: Callable[[np.float64, np.float64], float]) -> Function:
    """An operator that stands between its operands."""

    def function(operands: Operands, _: Attributes) -> Iterator[Line]:
        numbers = _numbers(operands)
        total = numbers[0]
        for number in numbers[1:]:
            total = np.float64(work(total, number))
        yield f" {sign} ".join([f"{numbers[0]:.4g}", *map(show, numbers[1:])]), total

    return function


def _of_all(name: str, work: Callable[[Sequence[np.float64]], float]) -> Function:
    """A function of several numbers."""

    def function(operands: Operands, _: Attributes) -> Iterator[Line]:
        numbers = _numbers(operands)
        yield f"{name}({', '.join(f'{number:.4g}' for number in numbers)})", work(numbers)

    return function


def _numbers(operands: Operands) -> list[np.float64]:
    return [np.float64(operand) for operand in operands if operand is not None]


def _first(operands: Operands) -> np.float64:
    return _numbers(operands)[0]


def _number(attributes: Attributes, name: str, default: float = 0.0) -> float:
    value = attributes.get(name, default)
    return float(value) if isinstance(value, int | float) else default


def _leaky(operands: Operands, attributes: Attributes) -> Iterator[Line]:
    """LeakyRelu, and PRelu, whose slope is an operand."""
    x, *slopes = _numbers(operands)
    slope = slopes[0] if slopes else _number(attributes, "alpha")
    yield (f"{x:.4g}", x) if x >= 0 else (f"{slope:.4g} × {show(x)}", slope * x)


def _clip(operands: Operands, attributes: Attributes) -> Iterator[Line]:
    x, low, high = (*operands, None, None)[:3]
    low = low if low is not None else _number(attributes, "min", -math.inf)
    high = high if high is not None else _number(attributes, "max", math.inf)
    yield f"min(max({x:.4g}, {low:.4g}), {high:.4g})", np.minimum(np.maximum(np.float64(x), low), high)


def _sigmoid(operands: Operands, _: Attributes) -> Iterator[Line]:
    x = _first(operands)
    power = np.exp(-x)
    yield f"exp(-{show(x)})", power
    yield f"1 / (1 + {power:.4g})", 1 / (1 + power)


def _swish(operands: Operands, attributes: Attributes) -> Iterator[Line]:
    x, alpha = _first(operands), _number(attributes, "alpha", 1.0)
    gate = 1 / (1 + np.exp(-alpha * x))
    yield f"1 / (1 + exp(-{show(alpha * x)}))", gate
    yield f"{x:.4g} × {gate:.4g}", x * gate


def _hard_sigmoid(operands: Operands, attributes: Attributes) -> Iterator[Line]:
    x, alpha, beta = _first(operands), _number(attributes, "alpha"), _number(attributes, "beta")
    value = np.clip(alpha * x + beta, 0, 1)
    yield f"min(max({alpha:.4g} × {show(x)} + {beta:.4g}, 0), 1)", value


def _hard_swish(operands: Operands, _: Attributes) -> Iterator[Line]:
    x = _first(operands)
    gate = np.clip(x / 6 + 0.5, 0, 1)
    yield f"min(max({x:.4g} / 6 + 0.5, 0), 1)", gate
    yield f"{x:.4g} × {gate:.4g}", x * gate


def _gelu(operands: Operands, attributes: Attributes) -> Iterator[Line]:
    x = _first(operands)
    if attributes.get("approximate") == "tanh":
        inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
        bend = np.tanh(inner)
        yield f"tanh(0.7979 × ({x:.4g} + 0.04472 × {show(x)}³))", bend
    else:
        bend = np.float64(math.erf(x / math.sqrt(2)))
        yield f"erf({x:.4g} / √2)", bend
    yield f"0.5 × {show(x)} × (1 + {show(bend)})", 0.5 * x * (1 + bend)


def _elu(operands: Operands, attributes: Attributes) -> Iterator[Line]:
    """Elu, Celu and Selu: a line for what is positive, an exponential that flattens for the rest."""
    x, alpha = _first(operands), _number(attributes, "alpha", 1.0)
    gamma = _number(attributes, "gamma", 1.0)
    scale = "" if gamma == 1 else f"{gamma:.4g} × "
    if x > 0:
        yield f"{scale}{x:.4g}", gamma * x
    else:
        yield f"{scale}{alpha:.4g} × (exp({x:.4g}) − 1)", gamma * alpha * np.expm1(x)


def _celu(operands: Operands, attributes: Attributes) -> Iterator[Line]:
    x, alpha = _first(operands), _number(attributes, "alpha", 1.0)
    if x > 0:
        yield f"{x:.4g}", x
    else:
        yield f"{alpha:.4g} × (exp({x:.4g} / {alpha:.4g}) − 1)", alpha * np.expm1(x / alpha)


def _mish(operands: Operands, _: Attributes) -> Iterator[Line]:
    x = _first(operands)
    soft = np.logaddexp(0, x)
    yield f"log(1 + exp({x:.4g}))", soft
    yield f"{x:.4g} × tanh({soft:.4g})", x * np.tanh(soft)


def _threshold(operands: Operands, attributes: Attributes) -> Iterator[Line]:
    x, alpha = _first(operands), _number(attributes, "alpha", 1.0)
    yield f"{x:.4g} if {x:.4g} > {alpha:.4g}, else 0", x if x > alpha else 0.0


def _cast(operands: Operands, attributes: Attributes) -> Iterator[Line]:
    """Among ONNX's types, 1, 10, 11 and 16 are of floating point; a number that becomes another is cut off."""
    x = _first(operands)
    value = x if attributes.get("to", 1) in {1, 10, 11, 16} else np.trunc(x)
    yield f"{x:.4g}", value


FUNCTIONS: Mapping[str, Function] = {
    "Abs": _simple(lambda x: f"|{x}|", np.abs),
    "Add": _between("+", lambda a, b: a + b),
    "Cast": _cast,
    "Ceil": _simple(lambda x: f"ceil({x})", np.ceil),
    "Celu": _celu,
    "Clip": _clip,
    "Cos": _simple(lambda x: f"cos({x})", np.cos),
    "Div": _between("/", lambda a, b: a / b),
    "Elu": _elu,
    "Erf": _simple(lambda x: f"erf({x})", math.erf),
    "Exp": _simple(lambda x: f"exp({x})", np.exp),
    "Floor": _simple(lambda x: f"floor({x})", np.floor),
    "Gelu": _gelu,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _hard_swish,
    "Identity": _simple(lambda x: x, lambda x: x),
    "LeakyRelu": _leaky,
    "Log": _simple(lambda x: f"log({x})", np.log),
    "Max": _of_all("max", max),
    "Mean": _of_all("mean", np.mean),
    "Min": _of_all("min", min),
    "Mish": _mish,
    "Mul": _between("×", lambda a, b: a * b),
    "Neg": _simple(lambda x: f"−({x})", lambda x: -x),
    "PRelu": _leaky,
    "Pow": _between("^", lambda a, b: a**b),
    "Reciprocal": _simple(lambda x: f"1 / {x}", lambda x: 1 / x),
    "Relu": _simple(lambda x: f"max(0, {x})", lambda x: np.maximum(x, 0)),
    "Round": _simple(lambda x: f"round({x})", np.round),
    "Selu": _elu,
    "Sigmoid": _sigmoid,
    "Sign": _simple(lambda x: f"sign({x})", np.sign),
    "Sin": _simple(lambda x: f"sin({x})", np.sin),
    "Softplus": _simple(lambda x: f"log(1 + exp({x}))", lambda x: np.logaddexp(0, x)),
    "Softsign": _simple(lambda x: f"{x} / (1 + |{x}|)", lambda x: x / (1 + abs(x))),
    "Sqrt": _simple(lambda x: f"√{x}", np.sqrt),
    "Sub": _between("−", lambda a, b: a - b),
    "Sum": _between("+", lambda a, b: a + b),
    "Swish": _swish,
    "Tanh": _simple(lambda x: f"tanh({x})", np.tanh),
    "ThresholdedRelu": _threshold,
}
"""By ONNX's name of the operator."""

BRANCHING = {"Add", "Div", "Max", "Mean", "Min", "Mul", "Pow", "Sub", "Sum"}
"""Those that bring several numbers together."""
