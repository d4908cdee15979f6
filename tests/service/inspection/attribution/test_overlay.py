"""The pictures of maps."""

import numpy as np
from numpy.typing import NDArray

from service.inspection.attribution.overlay import draw, find_limit, paint
from service.inspection.colour_scale import colours


def half() -> NDArray[np.float32]:
    """Against the class at the left, for it at the right, nothing between."""
    values = np.zeros((6, 9), np.float32)
    values[:, :3], values[:, 6:] = -2, 4
    return values


def test_alone_a_map_has_the_colours_of_all_maps() -> None:
    assert np.array_equal(paint(half(), None), colours(half(), 4))


def test_over_a_picture_the_map_tints_and_the_picture_shows() -> None:
    picture = np.zeros((6, 9, 3), np.uint8)
    picture[3:] = 255
    painted = paint(half(), picture).astype(int)
    red, _, blue = painted[3:, :3].reshape(-1, 3).T
    assert (red > blue + 50).all()
    red, _, blue = painted[3:, 6:].reshape(-1, 3).T
    assert (blue > red + 50).all()
    assert np.ptp(painted[:, 3:6], axis=-1).max() == 0  # where the map says nothing, the picture is grey
    assert (painted[3:] > painted[:3]).all(axis=-1).all()  # the picture's dark part is darker everywhere


def test_what_the_network_did_not_see_is_hatched_in_grey() -> None:
    values = np.full((60, 60), 3, np.float32)
    values[:, 30:] = np.nan
    painted = paint(values, np.full((60, 60, 3), 255, np.uint8))
    assert np.ptp(painted[:, 30:], axis=-1).max() == 0
    assert set(np.unique(painted[:, 30:])) == {153, 255}
    assert (painted[:, :30, 2] > painted[:, :30, 0]).all()
    assert (paint(values, None)[:, 30:] == 160).all()


def test_a_map_of_nothing_is_drawn_too() -> None:
    for values in (np.zeros((4, 4), np.float32), np.full((4, 4), np.nan, np.float32)):
        assert find_limit(values) == 0
        assert paint(values, np.zeros((4, 4, 1), np.uint8)).shape == (4, 4, 3)
        assert draw(paint(values, None), ["nothing"], values).dtype == np.uint8


def test_the_page_holds_the_map_enlarged_and_its_scale() -> None:
    page = draw(paint(half(), None), ["a title", "of two lines"], half())
    (red,) = np.unique(colours(np.full((1, 1), -2, np.float32), 4).reshape(-1, 3), axis=0)
    found = np.argwhere((page == red).all(axis=-1))
    top, left = found[found[:, 1] < 140].min(axis=0)
    factor = 38  # 9 columns become at least 336
    assert (page[top : top + 6 * factor, left : left + 3 * factor] == red).all()
    bar = page[top : top + 6 * factor, left + 9 * factor + 12 + 4]
    assert np.array_equal(bar[0], colours(np.full(1, 4, np.float32), 4)[0])
    assert np.array_equal(bar[-1], colours(np.full(1, -4, np.float32), 4)[0])


def test_a_few_values_beyond_all_others_do_not_make_the_rest_pale() -> None:
    values = np.random.default_rng(0).uniform(0.5, 1, (100, 100)).astype(np.float32)
    values[3, 4] = 1000
    assert 0.9 < find_limit(values) <= 1
    single = np.zeros((100, 100), np.float32)
    single[3, 4] = 7
    assert find_limit(single) == 7  # where there is nothing else, they are all there is
