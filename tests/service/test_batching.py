"""Pictures that wait together run together, and nobody waits for nothing."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from service.batching import Batcher
from service.engine import Pixels

Scores = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


class Recorder:
    """Stands in for an engine: answers each picture with its own first pixel, remembers batch sizes, can be held up."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.free = threading.Event()
        self.free.set()

    def __call__(self, pixels: Pixels) -> Scores:
        self.free.wait(5)
        self.sizes.append(len(pixels))
        if pixels.max() == 255:
            raise RuntimeError("out of memory")
        return pixels[:, 0, 0, :].astype(np.float32)


def picture(value: int) -> Pixels:
    return np.full((2, 2, 1), value, np.uint8)


@pytest.fixture
def engine() -> Recorder:
    return Recorder()


async def crowd(engine: Recorder, values: list[int], max_batch: int = 4) -> list[object]:
    """Have one request occupy the engine, let all `values` queue behind it, and gather their answers."""
    with ThreadPoolExecutor(1) as executor:
        batcher = Batcher(engine, executor, max_batch)
        engine.free.clear()
        first = asyncio.create_task(batcher.classify(picture(0)))
        await asyncio.sleep(0.02)
        rest = [asyncio.create_task(batcher.classify(picture(value))) for value in values]
        await asyncio.sleep(0.02)
        engine.free.set()
        await first
        return list(await asyncio.gather(*rest, return_exceptions=True))


def test_an_idle_engine_answers_at_once_and_alone(engine: Recorder) -> None:
    async def one_by_one() -> list[float]:
        with ThreadPoolExecutor(1) as executor:
            batcher = Batcher(engine, executor, 8)
            return [float((await batcher.classify(picture(value)))[0]) for value in (3, 1, 2)]

    assert asyncio.run(one_by_one()) == [3, 1, 2]
    assert engine.sizes == [1, 1, 1]


def test_what_waits_runs_together_up_to_the_limit_and_each_gets_its_own_answer(engine: Recorder) -> None:
    answers = asyncio.run(crowd(engine, [10, 11, 12, 13, 14, 15]))
    assert [np.asarray(answer).item() for answer in answers] == [10, 11, 12, 13, 14, 15]
    assert engine.sizes == [1, 4, 2]


def test_a_failure_reaches_every_waiter_of_its_batch_and_no_other(engine: Recorder) -> None:
    answers = asyncio.run(crowd(engine, [10, 255, 12, 13, 14]))
    assert [type(answer) for answer in answers[:4]] == [RuntimeError] * 4
    assert np.asarray(answers[4]).item() == 14


def test_who_has_gone_away_is_not_computed(engine: Recorder) -> None:
    async def leave() -> None:
        with ThreadPoolExecutor(1) as executor:
            batcher = Batcher(engine, executor, 4)
            engine.free.clear()
            running, gone, staying = (asyncio.create_task(batcher.classify(picture(value))) for value in (1, 2, 3))
            await asyncio.sleep(0.02)
            running.cancel()
            gone.cancel()
            engine.free.set()
            assert float((await staying)[0]) == 3

    asyncio.run(leave())
    assert sum(engine.sizes) <= 2 + 1
    assert 2 not in engine.sizes[1:]
