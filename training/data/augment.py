"""Turns a batch of training pictures into slightly other pictures of the same things, all at once on the tensors."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from training.config import Augmentation


def augment(pictures: Tensor, how: Augmentation, generator: torch.Generator) -> Tensor:
    """Vary each picture on its own.

    Args:
        pictures: (n, c, h, w) float32 in [0, 1], the background 0.
        how: how far.
        generator: where chance comes from.
    """
    if how == Augmentation():
        return pictures
    if how.thickness:
        pictures = _change_thickness(pictures, how.thickness, generator)
    grid = functional.affine_grid(_matrices(len(pictures), how, generator), list(pictures.shape), align_corners=False)
    return functional.grid_sample(pictures, grid, mode="bilinear", align_corners=False)


def _matrices(count: int, how: Augmentation, generator: torch.Generator) -> Tensor:
    """(count, 2, 3) float32: where in the original each output position looks, in units of half a side."""

    def spread(limit: float) -> Tensor:
        return (torch.rand(count, generator=generator) * 2 - 1) * limit

    angle = spread(math.radians(how.rotation))
    scale, shear = 1 + spread(how.scale), spread(how.shear)
    cosine, sine = torch.cos(angle) / scale, torch.sin(angle) / scale
    right, down = spread(2 * how.shift), spread(2 * how.shift)
    rows = [torch.stack([cosine, -sine + shear, right], dim=1), torch.stack([sine, cosine, down], dim=1)]
    return torch.stack(rows, dim=1)


def _change_thickness(pictures: Tensor, most: float, generator: torch.Generator) -> Tensor:
    """Blend each picture with its dilation (thicker strokes) or its erosion (thinner ones)."""
    amount = ((torch.rand(len(pictures), generator=generator) * 2 - 1) * most).view(-1, 1, 1, 1)
    thicker = functional.max_pool2d(pictures, 3, stride=1, padding=1)
    thinner = -functional.max_pool2d(-pictures, 3, stride=1, padding=1)
    return pictures + amount.clamp(min=0) * (thicker - pictures) + (-amount).clamp(min=0) * (thinner - pictures)
