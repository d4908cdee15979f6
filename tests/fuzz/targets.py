"""Says what is fuzzed: for each target, what tries an input, how inputs are mutated, and how large they get."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.fuzz.form import try_form
from tests.fuzz.graph import try_documents, try_foreign, try_version
from tests.fuzz.infer import try_infer
from tests.fuzz.mutation import Mutate, mutate_document, mutate_graph, mutate_infer, mutate_picture
from tests.fuzz.picture import try_picture


@dataclass(frozen=True)
class Target:
    """Something that takes bytes from strangers."""

    attempt: Callable[[bytes], str]
    """Gives the name of the outcome; whatever it raises is a finding."""
    most: int
    """Bytes of an input."""
    seconds: int
    """That one input may take."""
    mutate: Callable[[bytes, int, random.Random, Mutate], bytes] | None = None
    """How an input is changed, where changing bytes would hardly get past the first check."""


TARGETS = {
    "picture": Target(try_picture, 16 * 2**10, 10, mutate_picture),
    "form": Target(try_form, 2**10, 5),
    "infer": Target(try_infer, 2**10, 5, mutate_infer),
    "foreign": Target(try_foreign, 32 * 2**10, 20, mutate_graph),
    "version": Target(try_version, 8 * 2**10, 20, mutate_graph),
    "documents": Target(try_documents, 8 * 2**10, 5, mutate_document),
}
