"""Turns changes in the models folder into fresh looks at it, for as long as the service runs."""

import asyncio
import logging
from contextlib import aclosing
from pathlib import Path

from watchfiles import Change, awatch

from service.choices import Watch as Watch  # noqa: PLC0414 - also to be had here
from service.publish import STAGING_PREFIX
from service.registry import Registry

log = logging.getLogger("convscope")
logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it counts changes; what came of them is said here

_QUIET, _LONGEST = 50, 400
"""Milliseconds: a change is looked at when nothing else has changed for so long, and after so long in any case."""


async def watch(registry: Registry, how: Watch, seconds: float) -> None:
    """Keep a registry as its folder is, until cancelled.

    Args:
        registry: is refreshed.
        how: changes are noticed.
        seconds: after which the folder is looked at, whatever was noticed.
    """
    while how is not Watch.OFF:
        if how is Watch.AUTO:
            await _be_told(registry, seconds)
        await asyncio.sleep(seconds)
        await _look(registry)


async def _be_told(registry: Registry, seconds: float) -> None:
    """Look whenever the system tells of a change; returns where it can't tell, or the folder is another one now."""
    folder = registry.folder
    try:
        watched = folder.stat().st_ino
        changes = awatch(
            folder,
            watch_filter=_matters,
            debounce=_LONGEST,
            step=_QUIET,
            rust_timeout=round(seconds * 1000),
            yield_on_timeout=True,
            ignore_permission_denied=True,
        )
        async with aclosing(changes):
            async for _ in changes:
                await _look(registry)
                if folder.stat().st_ino != watched:  # made anew: the old one's changes tell nothing
                    return
    except FileNotFoundError:  # it isn't there, or not any more
        return
    except (OSError, RuntimeError) as error:
        log.warning("the system doesn't tell of changes in %s (%s); looking every %g s", folder, error, seconds)


async def _look(registry: Registry) -> None:
    try:
        await registry.refresh()
    except Exception:
        log.exception("the models folder could not be looked at; what is served goes on")


def _matters(_: Change, path: str) -> bool:
    """Not what is being written for a version in the making."""
    return not any(part.startswith(STAGING_PREFIX) for part in Path(path).parts)
