"""Batches varied picture by picture."""

import torch

from training.config import Augmentation
from training.data.augment import augment


def stroke() -> torch.Tensor:
    """(6, 1, 28, 28) float32: six times the same upright stroke."""
    pictures = torch.zeros(6, 1, 28, 28)
    pictures[:, :, 6:22, 13:15] = 1
    return pictures


def varied(how: Augmentation, seed: int = 0) -> torch.Tensor:
    return augment(stroke(), how, torch.Generator().manual_seed(seed))


def test_nothing_asked_for_changes_nothing() -> None:
    assert torch.equal(varied(Augmentation()), stroke())


def test_each_picture_is_varied_on_its_own_and_repeatably() -> None:
    how = Augmentation(rotation=10, shift=0.1, scale=0.1, shear=0.1, thickness=0.5)
    one = varied(how)
    assert one.shape == (6, 1, 28, 28)
    assert torch.equal(one, varied(how))
    assert not torch.equal(one, varied(how, seed=1))
    assert not torch.equal(one[0], one[1])
    assert one.min() >= 0
    assert one.max() <= 1 + 1e-6


def test_thickness_changes_ink_both_ways_and_moves_nothing() -> None:
    ink = varied(Augmentation(thickness=1)).sum(dim=(1, 2, 3))
    assert ink.min() < 32 < ink.max()


def test_a_shift_stays_within_its_limit() -> None:
    columns = torch.arange(28.0)
    for picture in varied(Augmentation(shift=0.1)):
        weights = picture[0].sum(dim=0)
        assert abs(float((weights * columns).sum() / weights.sum()) - 13.5) <= 2.8 + 0.1
