"""Turns positions into pictures read from their files at that moment: for sets too large for the memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.contract import PictureInput
from service.errors import RequestError
from training.data.dataset import Positions
from training.data.decoding import explain, read_picture
from training.data.listing import printable
from training.errors import DatasetUnavailable


@dataclass(frozen=True)
class DiskPictures:
    """Pictures that stay in their files; `Pictures` to those who train."""

    paths: Sequence[Path] = field(repr=False)
    digests: Sequence[str] = field(repr=False)
    """sha256 of each file when it was listed: the fingerprint in the manifest has to stay true."""
    spec: PictureInput

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, positions: Positions, /) -> NDArray[np.uint8]:
        """Read those files.

        Raises:
            DatasetUnavailable: one of them is no longer what it was.
        """
        chosen = range(len(self))[positions] if isinstance(positions, slice) else positions
        pictures = np.empty((len(chosen), self.spec.height, self.spec.width, self.spec.channels), np.uint8)
        for place, at in enumerate(chosen):
            pictures[place] = self._read(int(at))
        return pictures

    def _read(self, at: int) -> NDArray[np.uint8]:
        path = self.paths[at]
        try:
            digest, picture = read_picture(path, self.spec)
        except (OSError, RequestError) as error:
            raise DatasetUnavailable(
                f"{printable(path)} could be read when the training began, now it can't: {explain(error)}"
            ) from error
        if digest != self.digests[at]:
            raise DatasetUnavailable(f"{printable(path)} was changed while the training ran")
        return picture
