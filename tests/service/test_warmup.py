"""An engine is measured before it is used; small ones are told from large ones."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from service.engine import Engine, Pixels, Provider, load_engine
from service.published import PublishedVersion
from service.warmup import Cost, warm_up


class Recorder(Engine):
    """An engine that remembers how many pictures it was given."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine._session)
        self.sizes: list[int] = []

    def classify(self, pixels: Pixels) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        self.sizes.append(len(pixels))
        return super().classify(pixels)


def test_every_batch_size_is_run_and_one_picture_is_timed(lenet: PublishedVersion) -> None:
    engine = Recorder(load_engine(lenet.manifest, lenet.onnx, Provider.CPU, 1))
    with ThreadPoolExecutor(1) as executor:
        cost = warm_up(engine, lenet.manifest.input, 16, executor)
    assert engine.sizes[:5] == [1, 2, 4, 8, 16]
    assert set(engine.sizes[5:]) == {1}
    assert 0 < cost.seconds < 0.1
    assert 0 < cost.handover < 0.1


def test_what_takes_less_than_handing_it_over_is_small() -> None:
    assert Cost(seconds=20e-6, handover=20e-6).is_small
    assert not Cost(seconds=10e-3, handover=20e-6).is_small
