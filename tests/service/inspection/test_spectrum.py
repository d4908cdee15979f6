"""Pictures as sums of waves."""

import numpy as np
import pytest

from service.inspection.spectrum import Spectrum


@pytest.mark.parametrize(("height", "width", "channels"), [(6, 8, 1), (7, 5, 3), (1, 4, 1)])
def test_the_way_back_is_the_derivative_of_the_way_there(height: int, width: int, channels: int) -> None:
    random = np.random.default_rng(0)
    spectrum = Spectrum(height, width, channels)
    waves, gradient = random.standard_normal(spectrum.shape), random.standard_normal((height, width, channels))
    back, small = spectrum.pull_back(waves, gradient), 1e-6
    for _ in range(5):
        direction = random.standard_normal(spectrum.shape)
        ahead, behind = (spectrum.paint(waves + side * small * direction) for side in (1, -1))
        assert ((ahead - behind) / (2 * small) * gradient).sum() == pytest.approx((back * direction).sum(), rel=1e-5)


def test_little_waves_are_a_grey_with_little_in_it_and_large_ones_stay_within_range() -> None:
    random = np.random.default_rng(0)
    spectrum = Spectrum(32, 32, 3)
    quiet = spectrum.paint(0.01 * random.standard_normal(spectrum.shape))
    assert np.abs(quiet - 127.5).max() < 25
    loud = spectrum.paint(10 * random.standard_normal(spectrum.shape))
    assert 0 <= loud.min() < 1
    assert 254 < loud.max() <= 255


def test_coarse_structure_outweighs_fine() -> None:
    spectrum = Spectrum(64, 64, 1)
    picture = spectrum.paint(0.05 * np.random.default_rng(0).standard_normal(spectrum.shape))[..., 0]
    power = np.abs(np.fft.fft2(picture - picture.mean())) ** 2
    frequency = np.hypot(np.fft.fftfreq(64)[:, None], np.fft.fftfreq(64))
    assert power[(frequency > 0) & (frequency < 0.1)].mean() > 10 * power[frequency > 0.3].mean()
