"""Values and gradients of a served graph, from its picture in floating point."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from service.inspection import sessions as module
from service.inspection.activations import Inspector
from service.inspection.sessions import make_session
from tests.service.inspection.filters import filters

WEIGHTS = np.array([[1, 0.5], [1, 0.5]], np.float32)


@pytest.fixture
def inspector() -> Inspector:
    random = np.random.default_rng(0)
    return filters(random.standard_normal((2, 3, 5, 5)).astype(np.float32), 0.2)


def pictures() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(1).integers(0, 256, (2, 24, 24, 3), np.uint8)


def test_values_are_those_of_the_same_picture_in_whole_numbers(inspector: Inspector) -> None:
    names = ["logits", "cut", "maps"]
    found = inspector.derivatives.values(pictures().astype(np.float32), names)
    for name, values in inspector.values(pictures(), names).items():
        assert np.allclose(found[name], values, atol=1e-5)


def test_gradients_say_what_a_small_change_does(inspector: Inspector) -> None:
    fed, picture = pictures().astype(np.float32), inspector.derivatives.picture
    values, gradients = inspector.derivatives.gradients(fed, "logits", WEIGHTS, [picture, "cut"])
    assert set(values) == {"logits", "cut"}
    assert gradients["cut"].shape == values["cut"].shape
    direction = np.random.default_rng(2).standard_normal(fed.shape).astype(np.float32)
    ahead, behind = (
        (inspector.derivatives.values(fed + side * direction, ["logits"])["logits"] * WEIGHTS).sum(axis=1)
        for side in (0.01, -0.01)
    )
    expected = (gradients[picture] * direction).sum(axis=(1, 2, 3))
    assert np.allclose((ahead - behind) / 0.02, expected, rtol=0.02, atol=1e-4)


def test_a_session_is_made_once_and_few_are_kept(inspector: Inspector, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def counted(*args: object, **options: object) -> object:
        made.append(1)
        return make_session(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "make_session", counted)
    derivatives, fed = inspector.derivatives, pictures().astype(np.float32)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: derivatives.values(fed, ["logits"])["logits"], range(8)))
    assert all(np.array_equal(answer, answers[0]) for answer in answers)
    assert len(made) == 1
    monkeypatch.setattr(module, "_KEPT_BYTES", 1)
    derivatives.values(fed, ["maps"])  # alone too large, and used all the same
    derivatives.values(fed, ["maps"])
    assert len(made) == 2
    derivatives.values(fed, ["logits"])
    assert len(made) == 3
    assert len(derivatives._shelf._kept) == 1
