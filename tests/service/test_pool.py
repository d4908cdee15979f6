"""Work in threads of its own: bounded, and given up only where nobody has begun it."""

import asyncio
import threading

import pytest

from service.errors import TooBusy
from service.pool import Pool


def test_results_and_errors_come_back() -> None:
    async def check() -> None:
        with Pool("test", 1, 0) as pool:
            assert await pool.run(lambda: threading.current_thread().name) == "test_0"
            with pytest.raises(ZeroDivisionError):
                await pool.run(lambda: 1 // 0)

    asyncio.run(check())


def test_over_the_queue_is_refused_at_once_and_taken_again_afterwards() -> None:
    async def check() -> None:
        hold = threading.Event()
        with Pool("test", 1, 1) as pool:
            inside = [asyncio.ensure_future(pool.run(lambda: hold.wait(10))) for _ in range(2)]
            await asyncio.sleep(0.05)
            with pytest.raises(TooBusy, match="1 requests for test are being answered and 1 wait"):
                await pool.run(lambda: True)
            hold.set()
            assert await asyncio.gather(*inside) == [True, True]
            assert await pool.run(lambda: True)

    asyncio.run(check())


def test_work_that_nobody_waits_for_is_not_begun_and_its_place_is_free() -> None:
    async def check() -> None:
        hold, begun = threading.Event(), []
        with Pool("test", 1, 1) as pool:
            first = asyncio.ensure_future(pool.run(lambda: hold.wait(10)))
            second = asyncio.ensure_future(pool.run(lambda: begun.append("second")))
            await asyncio.sleep(0.05)
            second.cancel()
            await asyncio.sleep(0)
            third = asyncio.ensure_future(pool.run(lambda: "third"))
            hold.set()
            assert await third == "third"
            assert await first
        assert not begun

    asyncio.run(check())
