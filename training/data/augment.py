"""Turns a batch of training pictures into slightly other pictures of the same things, all at once on the tensors."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from training.chance import Chance
from training.config import Augmentation


def augment(pictures: Tensor, how: Augmentation, chance: Chance) -> Tensor:
    """Vary each picture on its own. What moves into a grey picture is black, into a colour picture its mirror image.

    Args:
        pictures: (n, c, h, w) float32 in [0, 1].
        how: how far; `mixup` is `blend`'s.
        chance: where chance comes from.
    """
    if how.thickness:
        pictures = _change_thickness(pictures, how.thickness, chance)
    if how.rotation or how.scale or how.shear:
        pictures = _move(pictures, how, chance)
    elif how.shift:
        pictures = _shift(pictures, how.shift, chance)
    if how.flip:
        pictures = _choose(chance.uniform(0, 1) < 0.5, pictures.flip(3), pictures)
    if how.brightness or how.contrast or how.saturation:
        pictures = _recolour(pictures, how, chance)
    if how.cutout:
        pictures = _blank(pictures, how.cutout, chance)
    return pictures


def blend(pictures: Tensor, targets: Tensor, concentration: float, chance: Chance) -> tuple[Tensor, Tensor]:
    """Mix each picture with another of the batch, and their labels alike.

    Source: H. Zhang, M. Cisse, Y. Dauphin, D. Lopez-Paz, "mixup: Beyond Empirical Risk Minimization", ICLR 2018.

    Args:
        pictures: (n, c, h, w).
        targets: (n, K) probabilities.
        concentration: of the Beta distribution of the shares.
        chance: where chance comes from.
    """
    share = chance.beta(concentration).to(pictures.device)
    tall = share.view(-1, 1, 1, 1)
    mixed = tall * pictures + (1 - tall) * pictures.flip(0)
    return mixed, share.view(-1, 1) * targets + (1 - share.view(-1, 1)) * targets.flip(0)


def _move(pictures: Tensor, how: Augmentation, chance: Chance) -> Tensor:
    matrices = _matrices(how, chance).to(pictures.device)
    grid = functional.affine_grid(matrices, list(pictures.shape), align_corners=False)
    padding = "zeros" if pictures.shape[1] == 1 else "reflection"
    return functional.grid_sample(pictures, grid, mode="bilinear", padding_mode=padding, align_corners=False)


def _matrices(how: Augmentation, chance: Chance) -> Tensor:
    """(n, 2, 3) float32: where in the original each output position looks, in units of half a side."""
    limit = math.radians(how.rotation)
    angle = chance.uniform(-limit, limit)
    scale, shear = 1 + chance.uniform(-how.scale, how.scale), chance.uniform(-how.shear, how.shear)
    cosine, sine = torch.cos(angle) / scale, torch.sin(angle) / scale
    right, down = (chance.uniform(-2 * how.shift, 2 * how.shift) for _ in range(2))
    rows = [torch.stack([cosine, -sine + shear, right], dim=1), torch.stack([sine, cosine, down], dim=1)]
    return torch.stack(rows, dim=1)


def _shift(pictures: Tensor, most: float, chance: Chance) -> Tensor:
    """Displace by whole pixels, which blurs nothing."""
    height, width = pictures.shape[2:]
    down, right = ((chance.uniform(-most, most) * side).round().long().to(pictures.device) for side in (height, width))
    reach = max(round(most * height), round(most * width))
    mode = "constant" if pictures.shape[1] == 1 else "reflect"
    padded = functional.pad(pictures, [reach] * 4, mode=mode)
    rows = torch.arange(height, device=pictures.device) + reach + down.view(-1, 1)
    columns = torch.arange(width, device=pictures.device) + reach + right.view(-1, 1)
    which = torch.arange(len(pictures), device=pictures.device).view(-1, 1, 1)
    moved = padded.permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None, :]]  # (n, h, w, c)
    return moved.permute(0, 3, 1, 2)


def _choose(first: Tensor, one: Tensor, other: Tensor) -> Tensor:
    """Of each pair of pictures the first or the second; `first` is (n,) bool."""
    return torch.where(first.to(one.device).view(-1, 1, 1, 1), one, other)


def _recolour(pictures: Tensor, how: Augmentation, chance: Chance) -> Tensor:
    """Change brightness, contrast (about the picture's mean) and saturation (about its grey), each by a factor."""

    def factor(most: float) -> Tensor:
        return (1 + chance.uniform(-most, most)).to(pictures.device).view(-1, 1, 1, 1)

    if how.brightness:
        pictures = pictures * factor(how.brightness)
    if how.contrast:
        mean = pictures.mean(dim=(1, 2, 3), keepdim=True)
        pictures = mean + (pictures - mean) * factor(how.contrast)
    if how.saturation and pictures.shape[1] == 3:
        grey = pictures.mean(dim=1, keepdim=True)
        pictures = grey + (pictures - grey) * factor(how.saturation)
    return pictures.clamp(0, 1)


def _blank(pictures: Tensor, share: float, chance: Chance) -> Tensor:
    """Set a square, which may reach over the edge, to the picture's mean.

    Source: T. DeVries, G. Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", 2017.
    """
    height, width = pictures.shape[2:]
    half = share * min(height, width) / 2
    device = pictures.device
    down, right = (chance.uniform(0, side).to(device).view(-1, 1) for side in (height, width))
    in_rows = (torch.arange(height, device=device) + 0.5 - down).abs() <= half  # (n, h)
    in_columns = (torch.arange(width, device=device) + 0.5 - right).abs() <= half  # (n, w)
    inside = (in_rows[:, :, None] & in_columns[:, None, :])[:, None]  # (n, 1, h, w)
    return torch.where(inside, pictures.mean(dim=(2, 3), keepdim=True), pictures)


def _change_thickness(pictures: Tensor, most: float, chance: Chance) -> Tensor:
    """Blend each picture with its dilation (thicker strokes) or its erosion (thinner ones)."""
    amount = chance.uniform(-most, most).to(pictures.device).view(-1, 1, 1, 1)
    thicker = functional.max_pool2d(pictures, 3, stride=1, padding=1)
    thinner = -functional.max_pool2d(-pictures, 3, stride=1, padding=1)
    return pictures + amount.clamp(min=0) * (thicker - pictures) + (-amount).clamp(min=0) * (thinner - pictures)
