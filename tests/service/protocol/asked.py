"""What the protocol's tests ask, and what `/v1` answers to the same pictures."""

from functools import cached_property

import httpx
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

from service.published import PublishedVersion

Floats = NDArray[np.float32]

TENSORS = {"Accept": "application/vnd.safetensors", "Content-Type": "image/png"}


class Asked:
    """The samples of a version, and what `/v1` says of them."""

    def __init__(self, client: httpx.Client, published: PublishedVersion) -> None:
        self._client = client
        self._path = f"/v1/models/{published.name}/versions/{published.version}"
        self.labels = [sample.label for sample in published.evidence.samples]
        self.pictures = [
            (published.folder / "samples" / sample.file).read_bytes() for sample in published.evidence.samples
        ]

    @cached_property
    def pixels(self) -> NDArray[np.uint8]:
        """(n, h, w, c) uint8."""
        return np.stack([self._tensors("input", picture)["pixels"] for picture in self.pictures])

    @cached_property
    def probabilities(self) -> Floats:
        """(n, K) float32, each picture asked alone."""
        return np.stack([self._predict(picture) for picture in self.pictures])

    def activations(self, layer: str) -> list[Floats]:
        """What a layer computed, each picture asked alone."""
        return [self._tensors(f"activations?layers={layer}", picture)[layer] for picture in self.pictures]

    def _tensors(self, what: str, picture: bytes) -> dict[str, Floats]:
        answer = self._client.post(f"{self._path}/{what}", content=picture, headers=TENSORS)
        return load(answer.raise_for_status().content)

    def _predict(self, picture: bytes) -> Floats:
        answer = self._client.post(f"{self._path}/predict?top_k=999", content=picture, headers=TENSORS)
        rows = {row["index"]: row["probability"] for row in answer.raise_for_status().json()["predictions"]}
        return np.array([rows[index] for index in sorted(rows)], np.float32)
