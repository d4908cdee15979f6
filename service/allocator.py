"""Hands memory that is free back to the system: glibc keeps what versions leave behind, in pieces between what is used.

Fixed thresholds (`mallopt`) would avoid it too, but then every large block is mapped anew: a large JPEG takes half as
much time again.
"""

import ctypes
from collections.abc import Callable

_trim: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)


def give_back() -> None:
    """Do so, where the C library is one that can; it takes milliseconds, in which other threads go on."""
    if _trim is not None:
        _trim(0)
