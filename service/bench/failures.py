"""Turns what can go wrong with a request into the words that it is counted under."""

import os

import aiohttp

TIMED_OUT = "timed out"

_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (TimeoutError, TIMED_OUT),
    (aiohttp.ClientConnectorDNSError, "unknown host"),
    (aiohttp.ClientConnectorCertificateError, "certificate not trusted"),
    (aiohttp.ClientSSLError, "no TLS connection"),
    (aiohttp.ServerDisconnectedError, "connection closed without an answer"),
    (aiohttp.ClientPayloadError, "answer broken off"),
)
"""The first that fits counts."""


def describe_failure(error: Exception) -> str:
    """A few words, the same for every failure of one kind."""
    for kind, words in _WORDS:
        if isinstance(error, kind):
            return words
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return type(error).__name__
