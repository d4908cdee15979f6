"""Maps of what decided, on networks and pictures of which it is known."""

from typing import get_args

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from PIL import Image

from service.engine import Pixels, Provider
from service.inspection.activations import Inspector, load_inspector
from service.inspection.attribution.explain import METHODS, Attribution, Method, Options, Question, explain
from service.inspection.attribution.occlusion import occlusion
from service.inspection.attribution.subject import Subject
from service.inspection.errors import TooMuchToShow, UnknownClass, UnknownLayer, UnsuitableLayer
from service.inspection.graph import read_table
from service.inspection.sessions import Making
from service.published import PublishedVersion
from tests.published import brightness_graph
from tests.service.inspection.attribution.twins import Twins, random_twins
from tests.service.inspection.filters import filters

LABELS = ("red", "blue")
RED, BLUE = np.s_[2:9, 3:10], np.s_[14:22, 13:21]
BUDGET = 2**29


def colours() -> Inspector:
    """Two classes: how much of the picture is red, how much is blue."""
    kernels = np.zeros((2, 3, 1, 1), np.float32)
    kernels[0, 0], kernels[0, 1:], kernels[1, 2], kernels[1, :2] = 100, -60, 100, -60
    return filters(kernels)


def picture() -> Pixels:
    """On faint grey, red at the top left and blue at the bottom right."""
    pixels = np.full((24, 24, 3), 30, np.uint8)
    pixels[RED], pixels[BLUE] = (230, 20, 20), (20, 20, 230)
    return pixels


def look(
    inspector: Inspector, method: Method, class_: str | None = None, layer: str | None = None, **options: object
) -> Attribution:
    question = Question(method, class_, layer, Options.model_validate(options))
    (found,) = explain(inspector, LABELS, picture()[np.newaxis], question, BUDGET)
    return found


@pytest.fixture(scope="module")
def twins() -> Twins:
    return random_twins()


def test_every_method_is_there() -> None:
    assert get_args(Method) == METHODS
    assert len(METHODS) == 7


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("class_", "part"), [("red", RED), ("1", BLUE)])
def test_the_map_of_a_class_lies_on_the_part_that_makes_it(
    method: Method, class_: str, part: tuple[slice, slice]
) -> None:
    found = look(colours(), method, class_, noise=0.005, window=1, stride=1)
    values = np.maximum(found.heat.values, 0)
    assert values.shape == (24, 24)
    assert values.dtype == np.float32
    assert found.target.label == LABELS[class_ == "1"]
    assert values[part].sum() > 0.85 * values.sum() > 0


def test_without_a_class_it_is_the_predicted_one() -> None:
    found = look(colours(), "gradient")
    assert found.target.label == "blue"  # the larger patch
    assert found.score == pytest.approx(float(look(colours(), "occlusion", "blue").score))
    assert found.score > look(colours(), "gradient", "red").score


@pytest.mark.parametrize("method", METHODS)
def test_a_picture_among_others_gets_the_map_that_it_gets_alone(twins: Twins, method: Method) -> None:
    together = twins.explain(method, samples=4)
    for number, found in enumerate(together):
        question = Question(method, options=Options(samples=4))
        (alone,) = explain(twins.inspector, twins.labels, twins.pixels[number : number + 1], question, BUDGET)
        assert found.target.index == alone.target.index
        assert np.array_equal(found.heat.values, alone.heat.values)
    assert not np.allclose(together[0].heat.values, together[1].heat.values)


@pytest.mark.parametrize("method", METHODS)
def test_in_little_memory_the_map_is_the_same(twins: Twins, method: Method) -> None:
    question = Question(method, options=Options(samples=5))
    has_gradient = method not in {"score-cam", "occlusion"}
    least = (2 if has_gradient else 1) * twins.inspector.weigh()
    (large,) = explain(twins.inspector, twins.labels, twins.pixels[:1], question, BUDGET)
    (small,) = explain(twins.inspector, twins.labels, twins.pixels[:1], question, least)
    assert np.allclose(large.heat.values, small.heat.values, atol=1e-5 * np.abs(large.heat.values).max())
    with pytest.raises(TooMuchToShow, match="CONVSCOPE_MAX_INSPECTION_BYTES") as refusal:
        explain(twins.inspector, twins.labels, twins.pixels[:1], question, least - 1)
    assert ("ask for occlusion" in str(refusal.value)) == has_gradient


def test_shares_add_up_to_the_difference_of_the_scores(twins: Twins, digits: PublishedVersion) -> None:
    for found in twins.explain("integrated-gradients"):
        check_completeness(found)
    inspector = load_inspector(digits, Provider.CPU, 1)
    pixels = samples(digits)
    question = Question("integrated-gradients")
    for number, found in enumerate(explain(inspector, digits.manifest.labels, pixels, question, BUDGET)):
        check_completeness(found)
        black = inspector.values(np.zeros_like(pixels[:1]), ["logits"])["logits"][0] @ found.target.weights
        shown = inspector.values(pixels[number : number + 1], ["logits"])["logits"][0] @ found.target.weights
        assert found.heat.values.sum() == pytest.approx(float(shown - black), rel=0.01)


def check_completeness(found: Attribution) -> None:
    figures = found.heat.figures
    assert isinstance(figures["completeness_error"], float)
    assert figures["completeness_error"] <= 0.01
    assert found.heat.values.sum() == pytest.approx(figures["sum"], rel=1e-4)
    assert found.heat.channels is not None
    assert np.allclose(found.heat.channels.sum(axis=0), found.heat.values, atol=1e-5)


def samples(version: PublishedVersion) -> NDArray[np.uint8]:
    files = sorted((version.folder / "samples").iterdir())[:4]
    return np.stack([np.asarray(Image.open(file).convert("L"))[..., np.newaxis] for file in files])


def test_steps_are_bounded_and_the_error_is_told(twins: Twins) -> None:
    (found, *_) = twins.explain("integrated-gradients", steps=1)
    figures = found.heat.figures
    assert figures["steps"] == 1
    assert isinstance(figures["completeness_error"], float)
    assert figures["completeness_error"] > 0.01


def test_another_baseline_gives_other_shares() -> None:
    black = look(colours(), "integrated-gradients", "red")
    mean = look(colours(), "integrated-gradients", "red", baseline="mean")
    assert (black.heat.figures["baseline"], mean.heat.figures["baseline"]) == ("black", "mean")
    assert not np.allclose(black.heat.values, mean.heat.values)


def test_of_one_picture_that_is_its_own_baseline_nothing_is_left() -> None:
    question = Question("integrated-gradients", "red")
    (found,) = explain(colours(), LABELS, np.zeros((1, 24, 24, 3), np.uint8), question, BUDGET)
    assert not found.heat.values.any()
    assert found.heat.figures["completeness_error"] == 0


def test_noise_is_seeded(twins: Twins) -> None:
    (first, *_), (again, *_), (other, *_) = (twins.explain("smoothgrad", samples=3, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.heat.values, again.heat.values)
    assert not np.array_equal(first.heat.values, other.heat.values)


def test_a_single_output_is_for_the_second_class_and_against_the_first() -> None:
    kernels = np.zeros((1, 3, 1, 1), np.float32)
    kernels[0, 2], kernels[0, 0] = 100, -100
    inspector = filters(kernels)
    against, for_ = (look(inspector, "integrated-gradients", class_) for class_ in LABELS)
    assert np.allclose(against.heat.values, -for_.heat.values)
    assert against.score == -for_.score
    assert for_.heat.values[BLUE].sum() > 0
    assert look(inspector, "gradient").target.label == "blue"


def test_the_layer_can_be_chosen(digits: PublishedVersion) -> None:
    inspector = load_inspector(digits, Provider.CPU, 1)
    pixels, labels = samples(digits)[:1], digits.manifest.labels
    (own,) = explain(inspector, labels, pixels, Question("grad-cam"), BUDGET)
    (early,) = explain(inspector, labels, pixels, Question("grad-cam", layer="conv1"), BUDGET)
    assert own.layer is not None
    assert own.layer.kind != "max_pool"
    assert early.layer is not None
    assert early.layer.name == "conv1"
    assert early.heat.figures["map"] == early.layer.output_shape[1:]


@pytest.mark.parametrize(
    ("method", "layer", "error", "said"),
    [
        ("grad-cam", "conv9", UnknownLayer, "conv9"),
        ("score-cam", "flatten", UnsuitableLayer, "preprocessing, conv, relu"),
        ("occlusion", "conv", UnsuitableLayer, "grad-cam, grad-cam\\+\\+, score-cam"),
    ],
)
def test_a_layer_that_does_not_suit_is_refused(method: Method, layer: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        look(colours(), method, layer=layer)


def test_an_unknown_class_is_refused() -> None:
    with pytest.raises(UnknownClass, match="red, blue"):
        look(colours(), "gradient", "green")


def test_a_network_without_maps_has_no_layer_to_weigh() -> None:
    table = read_table(onnx.load_model_from_string(brightness_graph()))
    inspector = Inspector(table, Making("brightness", Provider.CPU, 1))
    pixels = np.full((1, 4, 4, 1), 200, np.uint8)
    with pytest.raises(UnsuitableLayer, match="another method"):
        explain(inspector, LABELS, pixels, Question("grad-cam"), BUDGET)
    (found,) = explain(inspector, LABELS, pixels, Question("gradient", "blue"), BUDGET)
    assert np.allclose(found.heat.values, 1 / (16 * 255), rtol=1e-4)


def test_windows_of_any_size_cover_the_whole_picture() -> None:
    for window, stride in ((5, 3), (24, 1), (99, 99), (1, 2)):
        found = look(colours(), "occlusion", "red", window=window, stride=stride)
        assert np.isfinite(found.heat.values).all()
        assert found.heat.values[RED].mean() > 0
    large = Subject(colours().derivatives, np.zeros((40, 40, 3), np.float32), np.ones(2, np.float32), 32)
    with pytest.raises(TooMuchToShow, match="longer stride"):
        occlusion(large, baseline="black", window=1, stride=1)


def test_of_many_maps_those_that_vary_most_are_tried(twins: Twins) -> None:
    (all_, *_), (some, *_) = twins.explain("score-cam"), twins.explain("score-cam", channels=3)
    assert (all_.heat.figures["channels"], some.heat.figures["channels"]) == (12, 3)
    assert not np.allclose(all_.heat.values, some.heat.values)
