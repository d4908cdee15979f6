"""Turns a target into a fuzzer that is led by coverage; started by `python -m tests.fuzz`, anew after each crash."""

import logging
import random
import sys

import atheris

with atheris.instrument_imports(include=["service", "PIL", "python_multipart"]):
    from service.decoders import fitted_decoders
    from tests.fuzz.picture import LIMITS
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Fuzz: the first argument names the target, the others are libFuzzer's."""
    name = sys.argv.pop(1)
    target = TARGETS[name]
    logging.disable()

    def attempt(data: bytes) -> None:
        target.attempt(data)

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        assert target.mutate is not None
        return target.mutate(data, most, random.Random(seed), atheris.Mutate)[:most]  # noqa: S311

    how = {"custom_mutator": mutate} if target.mutate else {}
    atheris.Setup(sys.argv, attempt, **how)
    with fitted_decoders(LIMITS.max_pixels):
        atheris.Fuzz()


if __name__ == "__main__":
    main()
