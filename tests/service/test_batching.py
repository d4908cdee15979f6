"""Pictures that wait together run together, and nobody waits for nothing."""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import numpy as np
import pytest

from service.batching import Batcher, Patience
from service.engine import Pixels, Scores
from service.errors import TooBusy, TooLate

PATIENCE = Patience(requests=100, seconds=5)

Row = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


class Recorder:
    """Stands in for an engine: answers each picture with its own first pixel, remembers batch sizes, can be held up."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.free = threading.Event()
        self.free.set()

    def __call__(self, pixels: Pixels) -> Row:
        self.free.wait(5)
        self.sizes.append(len(pixels))
        if pixels.max() == 255:
            raise RuntimeError("out of memory")
        return pixels[:, 0, 0, :].astype(np.float32)

    def score(self, pixels: Pixels) -> Scores:
        return Scores(logits=-self(pixels), probabilities=self(pixels))


def picture(value: int) -> Pixels:
    return np.full((2, 2, 1), value, np.uint8)


@pytest.fixture
def engine() -> Recorder:
    return Recorder()


async def crowd(engine: Recorder, values: list[int], max_batch: int = 4) -> list[object]:
    """Have one request occupy the engine, let all `values` queue behind it, and gather their answers."""
    with ThreadPoolExecutor(1) as executor:
        batcher = Batcher(engine, engine.score, executor, max_batch, PATIENCE)
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
            batcher = Batcher(engine, engine.score, executor, 8, PATIENCE)
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
            batcher = Batcher(engine, engine.score, executor, 4, PATIENCE)
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


@pytest.fixture(params=["here", "in a thread"])
def executor(request: pytest.FixtureRequest) -> Iterator[ThreadPoolExecutor | None]:
    """Where batches run: in the event loop's own thread, or in another."""
    if request.param == "here":
        yield None
        return
    with ThreadPoolExecutor(1) as threads:
        yield threads


def test_what_comes_in_together_runs_together(engine: Recorder, executor: ThreadPoolExecutor | None) -> None:
    async def ask() -> list[float]:
        batcher = Batcher(engine, engine.score, executor, 4, PATIENCE)
        answers = await asyncio.gather(*(batcher.classify(picture(value)) for value in range(10)))
        return [float(answer[0]) for answer in answers]

    assert asyncio.run(ask()) == list(range(10))
    assert engine.sizes == [4, 4, 2]


def test_an_engine_that_fails_goes_on_with_the_next(engine: Recorder, executor: ThreadPoolExecutor | None) -> None:
    async def ask() -> list[object]:
        batcher = Batcher(engine, engine.score, executor, 1, PATIENCE)
        values = (1, 255, 3)
        return await asyncio.gather(*(batcher.classify(picture(value)) for value in values), return_exceptions=True)

    first, second, third = asyncio.run(ask())
    assert isinstance(second, RuntimeError)
    assert [np.asarray(answer).item() for answer in (first, third)] == [1, 3]


def test_over_the_limit_nothing_is_admitted(engine: Recorder) -> None:
    batcher = Batcher(engine, engine.score, None, 4, Patience(requests=2, seconds=5))
    with batcher, batcher, pytest.raises(TooBusy, match="2 pictures wait"), batcher:
        pass
    with batcher:
        pass


def test_what_would_take_too_long_is_not_admitted_and_is_told_when_to_come_back(engine: Recorder) -> None:
    def slow(pixels: Pixels) -> Row:
        time.sleep(0.05)
        return engine(pixels)

    batcher = Batcher(slow, engine.score, None, 4, Patience(requests=10_000, seconds=1))
    asyncio.run(batcher.classify(picture(1)))
    with ExitStack() as places:
        for _ in range(21):  # 1 s is twenty times 0.05 s
            with suppress(TooBusy):
                places.enter_context(batcher)
        with pytest.raises(TooBusy, match=r"pictures wait already, which takes about 1\.\d s") as refused:
            places.enter_context(batcher)
    assert refused.value.retry_after == 2


def test_beyond_two_batches_only_as_many_are_admitted_as_are_answered_soon(engine: Recorder) -> None:
    def slow(pixels: Pixels) -> Row:
        time.sleep(0.05)
        return engine(pixels)

    def count(wait: float) -> int:
        batcher = Batcher(slow, engine.score, None, 4, Patience(requests=100, seconds=60, wait=wait))
        asyncio.run(batcher.classify(picture(1)))
        admitted = 0
        with ExitStack() as places, suppress(TooBusy):
            while True:
                places.enter_context(batcher)
                admitted += 1
        return admitted

    assert count(0.01) == 8
    assert 8 < count(1) <= 21


def test_who_has_waited_for_too_long_is_told_so_and_not_computed(engine: Recorder) -> None:
    async def ask() -> None:
        with ThreadPoolExecutor(1) as executor:
            batcher = Batcher(engine, engine.score, executor, 1, Patience(requests=10, seconds=0.05))
            engine.free.clear()
            first, second = (asyncio.create_task(batcher.classify(picture(value))) for value in (1, 2))
            await asyncio.sleep(0.2)
            engine.free.set()
            assert float((await first)[0]) == 1
            with pytest.raises(TooLate, match=r"within 0\.05 s"):
                await second

    asyncio.run(ask())
    assert engine.sizes == [1]


def test_requests_that_want_different_outputs_run_together_and_are_not_mixed_up(engine: Recorder) -> None:
    async def ask() -> None:
        with ThreadPoolExecutor(1) as executor:
            batcher = Batcher(engine, engine.score, executor, 8, PATIENCE)
            engine.free.clear()
            first = asyncio.create_task(batcher.classify(picture(0)))
            await asyncio.sleep(0.02)
            plain = asyncio.create_task(batcher.classify(picture(1)))
            scored = asyncio.create_task(batcher.score(np.stack([picture(2), picture(3)])))
            several = asyncio.create_task(batcher.classify_all(np.stack([picture(4), picture(5)])))
            await asyncio.sleep(0.02)
            engine.free.set()
            await first
            assert (await plain).tolist() == [1]
            assert (await scored).logits.tolist() == [[-2], [-3]]
            assert (await scored).probabilities.tolist() == [[2], [3]]
            assert (await several).tolist() == [[4], [5]]

    asyncio.run(ask())
    assert engine.sizes == [1, 5, 5]  # the recorder runs a batch twice for logits


def test_several_pictures_take_as_many_places_or_none(engine: Recorder) -> None:
    batcher = Batcher(engine, engine.score, None, 4, Patience(requests=5, seconds=5))
    with batcher.places(3):
        with pytest.raises(TooBusy), batcher.places(3):
            pass
        with batcher.places(2):
            pass
    with batcher.places(5), pytest.raises(TooBusy), batcher:
        pass


def test_where_one_of_several_pictures_fails_the_others_are_not_computed(engine: Recorder) -> None:
    batcher = Batcher(engine, engine.score, None, 2, PATIENCE)
    with pytest.raises(RuntimeError, match="out of memory"):
        asyncio.run(batcher.classify_all(np.stack([picture(value) for value in (255, 1, 2, 3, 4, 5)])))
    assert sum(engine.sizes) < 6
