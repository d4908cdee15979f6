"""Receptive fields and multiply-accumulates, against figures worked out by hand."""

from service.inspection.geometry import PICTURE, View, Window, convolution_macs, look_through, widest

CONV3 = Window((3, 3), (1, 1), (1, 1))
POOL2 = Window((2, 2), (2, 2), (1, 1))


def test_receptive_fields_of_tinyvgg() -> None:
    """CNN Explainer's network: two convolutions, a pool, two convolutions, a pool."""
    views = [PICTURE]
    for window in (CONV3, CONV3, POOL2, CONV3, CONV3, POOL2):
        views.append(look_through(views[-1], window))
    assert [view.receptive_field[0] for view in views[1:]] == [3, 5, 6, 10, 14, 16]
    assert [view.jump[0] for view in views[1:]] == [1, 1, 2, 2, 2, 4]


def test_dilation_widens_and_directions_are_apart() -> None:
    view = look_through(PICTURE, Window(kernel=(3, 1), stride=(1, 2), dilation=(2, 1)))
    assert view == View(receptive_field=(5, 1), jump=(1, 2))


def test_a_sum_sees_what_its_widest_branch_sees() -> None:
    assert widest([PICTURE, View((5, 3), (2, 1))]) == View((5, 3), (2, 1))


def test_macs_of_tinyvggs_first_convolutions() -> None:
    assert convolution_macs([10, 3, 3, 3], [62, 62]) == 1_037_880
    assert convolution_macs([10, 10, 3, 3], [60, 60]) == 3_240_000
