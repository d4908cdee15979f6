"""The maps against those of others on the same network in PyTorch: Captum's, and the formulas of pytorch-grad-cam.

pytorch-grad-cam itself needs OpenCV and torchvision; what it computes is a few lines, here in plain PyTorch.
"""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients, LayerGradCam, Occlusion, Saliency
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from service.inspection.attribution.explain import Method
from service.published import PublishedVersion
from tests.service.inspection.attribution.twins import Twins, random_twins, twin

Reference = Callable[[Twins, Tensor, int], Tensor]
"""Of the picture (1, h, w, c) and its class: (h, w)."""


def samples(version: PublishedVersion) -> NDArray[np.uint8]:
    files = sorted((version.folder / "samples").iterdir())[:2]
    return np.stack([np.asarray(Image.open(file).convert("L"))[..., np.newaxis] for file in files])


@pytest.fixture(scope="module", params=["digits", "random"])
def twins(request: pytest.FixtureRequest, digits: PublishedVersion) -> Twins:
    return random_twins() if request.param == "random" else twin(digits, samples(digits))


def correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float(np.corrcoef(one.ravel().astype(float), other.ravel().astype(float))[0, 1])


def captum_gradient(twins: Twins, picture: Tensor, index: int) -> Tensor:
    found: Tensor = Saliency(twins.torch).attribute(picture.requires_grad_(), target=index)
    return found[0].amax(dim=-1)


def captum_integrated(twins: Twins, picture: Tensor, index: int) -> Tensor:
    found: Tensor = IntegratedGradients(twins.torch).attribute(picture, target=index, n_steps=300)
    return found[0].sum(dim=-1)


def captum_occlusion(twins: Twins, picture: Tensor, index: int) -> Tensor:
    _, height, width, channels = picture.shape
    side = round(min(height, width) / 7)
    window, steps = (side, side, channels), (side // 2, side // 2, channels)
    found: Tensor = Occlusion(twins.torch).attribute(picture, window, strides=steps, target=index)
    return found[0].mean(dim=-1)


def captum_grad_cam(twins: Twins, picture: Tensor, index: int) -> Tensor:
    found = LayerGradCam(twins.torch, twins.module()).attribute(picture, target=index, relu_attributions=True)
    return enlarge(found[0, 0], picture)


def enlarge(small: Tensor, picture: Tensor) -> Tensor:
    """As OpenCV's and PyTorch's bilinear interpolation: the maps' corners on the picture's."""
    size = picture.shape[1:3]
    return functional.interpolate(small[None, None], size, mode="bilinear", align_corners=False)[0, 0].detach()


def maps_and_gradients(twins: Twins, picture: Tensor, index: int) -> tuple[Tensor, Tensor]:
    kept: list[Tensor] = []
    handle = twins.module().register_forward_hook(lambda _, __, output: kept.append(output))
    score = twins.torch(picture)[0, index]
    handle.remove()
    (gradients,) = torch.autograd.grad(score, kept[-1])
    return kept[-1][0].detach(), gradients[0]


def published_grad_cam_plus_plus(twins: Twins, picture: Tensor, index: int) -> Tensor:
    """`pytorch_grad_cam.GradCAMPlusPlus.get_cam_weights`, and the sum that all its methods share."""
    maps, gradients = maps_and_gradients(twins, picture, index)
    square, cube = gradients**2, gradients**3
    shares = square / (2 * square + maps.sum(dim=(1, 2), keepdim=True) * cube + 1e-6)
    shares = torch.where(gradients != 0, shares, 0)
    weights = (gradients.relu() * shares).sum(dim=(1, 2))
    return enlarge((weights[:, None, None] * maps).sum(dim=0).relu(), picture)


def published_score_cam(twins: Twins, picture: Tensor, index: int) -> Tensor:
    """`pytorch_grad_cam.ScoreCAM.get_cam_weights`, with the picture as it is fed, channels last."""
    maps, _ = maps_and_gradients(twins, picture, index)
    scores = []
    for one in maps:
        window = enlarge(one, picture)
        window = (window - window.min()) / (window.max() - window.min() + 1e-8)
        with torch.no_grad():
            scores.append(twins.torch(picture * window[None, :, :, None])[0, index])
    weights = torch.stack(scores).softmax(dim=0)
    return enlarge((weights[:, None, None] * maps).sum(dim=0).relu(), picture)


REFERENCES: dict[Method, Reference] = {
    "gradient": captum_gradient,
    "integrated-gradients": captum_integrated,
    "occlusion": captum_occlusion,
    "grad-cam": captum_grad_cam,
    "grad-cam++": published_grad_cam_plus_plus,
    "score-cam": published_score_cam,
}


@pytest.mark.parametrize("method", REFERENCES)
def test_maps_are_those_of_the_methods_own_programs(twins: Twins, method: Method) -> None:
    found = twins.explain(method)
    for picture, index, attribution in zip(twins.tensors, twins.classes, found, strict=True):
        expected = REFERENCES[method](twins, picture[None].clone(), index).detach().numpy()
        assert attribution.target.index == index
        values = attribution.heat.values
        assert correlation(values, expected) > 0.999
        # Of the same size too, not only of the same form: but for sums of other steps, and a millionth that
        # pytorch-grad-cam adds below a fraction.
        off = 0.08 if method in {"integrated-gradients", "grad-cam++"} else 0.005
        assert np.abs(values - expected).max() < off * np.abs(expected).max()


def test_smoothgrad_is_the_mean_gradient_over_the_same_noise(twins: Twins) -> None:
    for number, attribution in enumerate(twins.explain("smoothgrad", samples=5, noise=0.1, seed=11)):
        picture = twins.tensors[number]
        drawn = np.random.default_rng(11).standard_normal((5, *picture.shape), dtype=np.float32)
        noisy = (picture + 0.1 * (picture.max() - picture.min()) * torch.from_numpy(drawn)).requires_grad_()
        twins.torch(noisy)[:, twins.classes[number]].sum().backward()
        assert noisy.grad is not None
        expected = noisy.grad.mean(dim=0)
        assert attribution.heat.channels is not None
        assert correlation(np.moveaxis(attribution.heat.channels, 0, -1), expected.numpy()) > 0.999
        assert correlation(attribution.heat.values, expected.abs().amax(dim=-1).numpy()) > 0.999
