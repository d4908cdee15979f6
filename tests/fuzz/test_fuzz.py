"""What takes bytes from strangers answers or refuses by name, whatever they are: a quick look at each target.

`python -m tests.fuzz` looks for longer, led by coverage.
"""

import logging
import random
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.mutation import mutate_bytes
from tests.fuzz.seeds import CORPUS, make_seeds
from tests.fuzz.targets import TARGETS

EXAMPLES = {"picture": 300, "form": 300, "infer": 500, "foreign": 60, "version": 60, "documents": 100}
"""About a second of each."""


@pytest.mark.parametrize("name", TARGETS)
def test_what_broke_something_once_breaks_nothing_more(name: str) -> None:
    for path in sorted((CORPUS / name).glob("*")):
        TARGETS[name].attempt(path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_damage_is_answered_or_refused_by_name(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    target, seeds = TARGETS[name], [seed for seed in make_seeds(name) if len(seed) <= TARGETS[name].most]

    @settings(max_examples=EXAMPLES[name], deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(range(len(seeds))), st.integers(0, 2**32))
    def attempt(number: int, seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311
        change = partial(mutate_bytes, chance=chance)
        data, most = seeds[number], target.most
        target.attempt(target.mutate(data, most, chance, change) if target.mutate else change(data, most))

    attempt()
