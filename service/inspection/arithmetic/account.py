"""Says what is known of one number before its sources have names: an account of it; writes numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.inspection.arithmetic.movement import Box
from service.inspection.arithmetic.trace import Terms


@dataclass(frozen=True)
class Account:
    """How one number came to be."""

    value: float
    terms: Terms
    formula: str
    drawn: Sequence[Box]
    """What of which values took part."""
    bias: float | None = None


def show(number: float) -> str:
    """Four digits, and brackets about what is negative, so that it can stand behind an operator."""
    text = f"{number:.4g}"
    return f"({text})" if text.startswith("-") else text


def result(formula: str, value: float) -> str:
    """An equation."""
    return f"{formula} = {value:.4g}"
