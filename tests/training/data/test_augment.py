"""Batches varied picture by picture."""

import pytest
import torch

from training.chance import Chance, Purpose, generator
from training.config import Augmentation
from training.data.augment import augment, blend


def stroke() -> torch.Tensor:
    """(6, 1, 28, 28) float32: six times the same upright stroke."""
    pictures = torch.zeros(6, 1, 28, 28)
    pictures[:, :, 6:22, 13:15] = 1
    return pictures


def chance(seed: int = 0, count: int = 6, mine: slice = slice(None)) -> Chance:
    return Chance(generator(seed, Purpose.VARIATION, 0), count, mine)


def varied(how: Augmentation, seed: int = 0) -> torch.Tensor:
    return augment(stroke(), how, chance(seed))


EVERYTHING = Augmentation(
    flip=True, rotation=10, shift=0.1, scale=0.1, shear=0.1, thickness=0.5, cutout=0.3, brightness=0.3, contrast=0.3,
    saturation=0.3,
)  # fmt: skip


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
    ink = varied(Augmentation(thickness=0.99)).sum(dim=(1, 2, 3))
    assert ink.min() < 32 < ink.max()


def test_a_shift_stays_within_its_limit() -> None:
    columns = torch.arange(28.0)
    for picture in varied(Augmentation(shift=0.1)):
        weights = picture[0].sum(dim=0)
        assert abs(float((weights * columns).sum() / weights.sum()) - 13.5) <= 3  # 2.8, to whole pixels


@pytest.mark.parametrize(
    "how", [EVERYTHING, Augmentation(shift=0.1, flip=True, cutout=0.2)], ids=["all", "whole pixels"]
)
@pytest.mark.parametrize("channels", [1, 3])
def test_processes_that_share_a_batch_vary_it_as_one_would(how: Augmentation, channels: int) -> None:
    pictures = torch.rand(7, channels, 12, 16, generator=torch.Generator().manual_seed(1))
    whole = augment(pictures, how, chance(count=7))
    for rank in range(2):
        mine = slice(rank, 7, 2)
        assert torch.equal(augment(pictures[mine], how, chance(count=7, mine=mine)), whole[mine])
    assert whole.shape == pictures.shape


def test_a_shift_alone_is_by_whole_pixels_and_blurs_nothing() -> None:
    for picture in varied(Augmentation(shift=0.1)):
        assert set(picture.unique().tolist()) == {0, 1}
        assert picture.sum() == 32
    colours = torch.rand(6, 3, 10, 10)
    for before, after in zip(colours, augment(colours, Augmentation(shift=0.2), chance()), strict=True):
        assert set(after.unique().tolist()) <= set(before.unique().tolist()), "what moves in is the mirror image"


def test_about_half_are_mirrored() -> None:
    pictures = torch.rand(400, 1, 2, 3)
    after = augment(pictures, Augmentation(flip=True), chance(count=400))
    mirrored = [torch.equal(one, other.flip(2)) for one, other in zip(after, pictures, strict=True)]
    kept = [torch.equal(one, other) for one, other in zip(after, pictures, strict=True)]
    assert all(one != other for one, other in zip(mirrored, kept, strict=True))
    assert 150 < sum(mirrored) < 250


def test_a_square_of_the_given_side_is_blanked() -> None:
    pictures = torch.rand(50, 3, 20, 20)
    blanked = augment(pictures, Augmentation(cutout=0.25), chance(count=50)) != pictures
    areas = blanked.any(dim=1).sum(dim=(1, 2))
    assert areas.max() == 25
    assert areas.min() >= 1


def test_blended_labels_say_what_blended_pictures_hold() -> None:
    targets = torch.eye(6)
    pictures = targets.view(6, 6, 1, 1)  # picture i is label i
    mixed, shares = blend(pictures, targets, 0.4, chance())
    assert torch.equal(mixed.view(6, 6), shares)
    assert shares.sum(dim=1) == pytest.approx(1)
    assert (shares.max(dim=1).values < 1).any()
