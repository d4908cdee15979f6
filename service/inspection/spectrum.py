"""Turns a picture's spectrum into the picture, and how something changes with the picture into how with the spectrum.

Climbing in this space moves coarse structure as easily as fine, and the colours as they vary together in photographs;
climbing pixel by pixel would end in high-frequency noise.

Source: C. Olah, A. Mordvintsev, L. Schubert, "Feature Visualization", Distill 2017, section "Preconditioning and
Parameterization"; the colours' matrix is the one published with it in Lucid.
"""

import numpy as np
from numpy.typing import NDArray

Wave = NDArray[np.float64]
"""(2, c, h, w // 2 + 1) float64: real and imaginary parts, weighed so that all are of one size."""

FloatPicture = NDArray[np.float64]
"""(h, w, c) float64 from 0 to 255."""

# Square root of the colours' covariance in ImageNet, its largest row's norm set to 1.
_COLOURS = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])
_COLOURS /= np.linalg.norm(_COLOURS, axis=0).max()

_CONTRAST = 4.0
"""Divides the waves' sum: what is drawn at first is a grey with little in it."""


class Spectrum:
    """The way from waves to a picture of one size and back."""

    def __init__(self, height: int, width: int, channels: int) -> None:
        self._size = (height, width)
        self.shape = (2, channels, height, width // 2 + 1)
        """Of the waves."""
        frequencies = np.hypot(np.fft.fftfreq(height)[:, np.newaxis], np.fft.rfftfreq(width))
        self._scale = np.sqrt(height * width) / np.maximum(frequencies, 1 / max(height, width)) / _CONTRAST
        # A wave that is left out because it mirrors one that is there counts for two.
        mirrored = np.full(width // 2 + 1, 2.0)
        mirrored[0] = 1
        if width % 2 == 0:
            mirrored[-1] = 1
        self._mirrored = mirrored
        self._mixing = _COLOURS if channels == 3 else np.eye(channels)

    def paint(self, waves: Wave) -> FloatPicture:
        """The picture that the waves add up to."""
        return 255 / (1 + np.exp(-self._mix(waves)))

    def pull_back(self, waves: Wave, gradient: FloatPicture) -> Wave:
        """How something changes with the waves, from how it changes with the picture that they make, (h, w, c)."""
        bright = 1 / (1 + np.exp(-self._mix(waves)))
        inner = (gradient * 255 * bright * (1 - bright)) @ self._mixing
        sums = np.fft.rfft2(np.moveaxis(inner, -1, 0)) * self._mirrored * self._scale / np.prod(self._size)
        return np.stack([sums.real, sums.imag])

    def _mix(self, waves: Wave) -> FloatPicture:
        planes = np.fft.irfft2((waves[0] + 1j * waves[1]) * self._scale, s=self._size)
        mixed: FloatPicture = np.moveaxis(planes, 0, -1) @ self._mixing.T
        return mixed
