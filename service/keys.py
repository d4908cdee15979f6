"""Turns a list of keys into who may do what: a key that is given -> the scopes that it has, or a refusal.

Knows no HTTP, so that every protocol asks here.
"""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256

from service.errors import InvalidSetting, KeyNeeded, ScopeNeeded, WrongKey

KEYS_VARIABLE, FILE_VARIABLE = "CONVSCOPE_API_KEYS", "CONVSCOPE_API_KEYS_FILE"
"""Where keys are set: in the variable itself, or in the file that the other one names."""


class Scope(StrEnum):
    """What a key may be good for; each includes those before it."""

    PREDICT = "predict"
    """Predictions, and what is needed to ask for them."""
    INSPECT = "inspect"
    """Looking inside."""
    ADMIN = "admin"
    """Which versions are served."""

    def includes(self, other: "Scope") -> bool:
        """Whether who has this scope may do what needs the other one."""
        return _ORDER.index(self) >= _ORDER.index(other)


_ORDER = (Scope.PREDICT, Scope.INSPECT, Scope.ADMIN)

_SHORTEST, _LONGEST = 16, 512
"""Characters of a key."""

_HOW = "a key is 16 or more letters, digits and signs, for example of `openssl rand -hex 24`"


@dataclass(frozen=True)
class Keys:
    """The keys that are known. None at all: who can reach the service may do everything but administrate it.

    Keys are kept as their SHA-256, so that none of them can come to light, in a log or in a dump.
    """

    _known: tuple[tuple[bytes, Scope], ...] = field(default=(), repr=False)
    """SHA-256 of a key, and what it is good for."""

    @classmethod
    def parse(cls, text: str, source: str = KEYS_VARIABLE) -> "Keys":
        """Read entries KEY:SCOPE, separated by commas, spaces or lines; what follows a # at a line's begin is ignored.

        Args:
            text: the entries.
            source: where they come from, for messages.

        Raises:
            InvalidSetting: there is an entry that is none; the message names its place, never the key.
        """
        known: dict[bytes, Scope] = {}
        for number, entry in enumerate(_split(text), 1):
            key, _, scope = entry.rpartition(":")
            place = f"{source}: entry {number}"
            if scope not in set(Scope):
                known_scopes = ", ".join(Scope)
                raise InvalidSetting(f"{place} does not end in one of the scopes {known_scopes}: write KEY:SCOPE")
            if not _SHORTEST <= len(key) <= _LONGEST or not key.isascii() or not key.isprintable():
                raise InvalidSetting(f"{place}: the key has {len(key)} characters, or odd ones; {_HOW}")
            digest = sha256(key.encode()).digest()
            if digest in known:
                raise InvalidSetting(f"{place} has the key of another entry: write it once, with the wider scope")
            known[digest] = Scope(scope)
        return cls(tuple(known.items()))

    def __bool__(self) -> bool:
        return bool(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def __add__(self, other: "Keys") -> "Keys":
        return Keys(self._known + other._known)

    def check(self, given: str | bytes | None, needed: Scope | None) -> Scope:
        """Hold a key against those that are known, all of them, in a time that tells nothing of them.

        Args:
            given: the key, as it came; None: none came.
            needed: what is to be done with it; None: anything, so any of the keys will do.

        Returns:
            What the key is good for. Without keys: all but administrating.

        Raises:
            KeyNeeded: none was given.
            WrongKey: it is none of the keys.
            ScopeNeeded: it is one of them, but not good for this; or it takes a key, and there are none.
        """
        if not self._known:
            if needed is Scope.ADMIN:
                raise ScopeNeeded(
                    f"this needs a key with the scope {needed}, always, and this service has no keys:"
                    f" set {KEYS_VARIABLE}=KEY:{needed} or {FILE_VARIABLE} and start it again"
                )
            return Scope.INSPECT
        if not given:
            raise KeyNeeded("a key is needed: send it as 'Authorization: Bearer KEY' or as 'X-API-Key: KEY'")
        digest = sha256(given.encode("utf-8", "surrogateescape") if isinstance(given, str) else given).digest()
        granted = [scope for known, scope in self._known if hmac.compare_digest(known, digest)]
        if not granted:
            raise WrongKey("the key that was sent is none of this service's")
        best = max(granted, key=_ORDER.index)
        if needed is not None and not best.includes(needed):
            raise ScopeNeeded(f"this needs a key with the scope {needed}; the key that was sent has {best}")
        return best


def _split(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if not line.lstrip().startswith("#"):
            yield from line.replace(",", " ").split()
