"""An engine is measured before it is used; small ones are told from large ones."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from service.engine import Engine, Pixels, Provider, load_engine
from service.published import PublishedVersion
from service.warmup import Cost, measure_handover, warm_up


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
    seconds = warm_up(engine, lenet.manifest.input, 16, is_alone=True)
    assert engine.sizes[:5] == [1, 2, 4, 8, 16]
    assert set(engine.sizes[5:]) == {1}
    assert 0 < seconds < 0.1


def test_a_run_is_measured_by_its_own_work_not_by_what_else_goes_on(lenet: PublishedVersion) -> None:
    """A version that is published while requests are answered is as quick as at the start, and has to be taken so."""
    engine = load_engine(lenet.manifest, lenet.onnx, Provider.CPU, 1)
    quiet = warm_up(engine, lenet.manifest.input, 1, is_alone=True)
    with ThreadPoolExecutor(4) as executor:
        done = threading.Event()
        for _ in range(4):
            executor.submit(
                lambda: [engine.classify(np.zeros((16, 28, 28, 1), np.uint8)) for _ in iter(done.is_set, True)]
            )
        busy = warm_up(engine, lenet.manifest.input, 1, is_alone=True)
        done.set()
    assert busy < 4 * quiet


def test_handing_over_is_measured() -> None:
    with ThreadPoolExecutor(1) as executor:
        assert 0 < measure_handover(executor) < 0.1


def test_what_takes_less_than_handing_it_over_is_small() -> None:
    assert Cost(seconds=20e-6, handover=20e-6).is_small
    assert not Cost(seconds=10e-3, handover=20e-6).is_small
