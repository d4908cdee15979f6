"""Keys: read, held against, never shown."""

import pytest

from service.errors import InvalidSetting, KeyNeeded, ScopeNeeded, WrongKey
from service.keys import Keys, Scope

PREDICT, INSPECT, ADMIN = ("predicting-0123456", "inspecting:0123456", "administrate-01234")
KEYS = Keys.parse(f"{PREDICT}:predict,{INSPECT}:inspect\n# a comment: with words\n  {ADMIN}:admin")


def test_each_scope_includes_those_before_it() -> None:
    may = {
        (key, scope)
        for key in (PREDICT, INSPECT, ADMIN)
        for scope in (Scope.PREDICT, Scope.INSPECT, Scope.ADMIN, None)
        if _passes(key, scope)
    }
    assert may == {
        (PREDICT, Scope.PREDICT), (INSPECT, Scope.PREDICT), (INSPECT, Scope.INSPECT), (ADMIN, Scope.PREDICT),
        (ADMIN, Scope.INSPECT), (ADMIN, Scope.ADMIN), (PREDICT, None), (INSPECT, None), (ADMIN, None),
    }  # fmt: skip
    assert [KEYS.check(key, None) for key in (PREDICT, INSPECT, ADMIN)] == list(Scope)


def _passes(key: str, scope: Scope | None) -> bool:
    try:
        KEYS.check(key, scope)
    except ScopeNeeded as error:
        assert key not in str(error)
        return False
    return True


@pytest.mark.parametrize(
    "given", [PREDICT[:-1], PREDICT + "x", PREDICT.upper(), "\udcff", "ключ", b"\xff", " " + PREDICT]
)
def test_what_is_no_key_is_refused_and_not_repeated(given: str | bytes) -> None:
    with pytest.raises(WrongKey) as refused:
        KEYS.check(given, Scope.PREDICT)
    assert str(given) not in str(refused.value)


@pytest.mark.parametrize("given", [None, b""])
def test_without_a_key_it_is_said_how_to_send_one(given: bytes | None) -> None:
    with pytest.raises(KeyNeeded, match=r"Authorization: Bearer KEY.*X-API-Key: KEY"):
        KEYS.check(given, None)


def test_without_keys_all_may_be_done_but_administrating() -> None:
    none = Keys.parse(" \n# nothing yet\n")
    assert not none
    assert none.check(None, Scope.INSPECT) is Scope.INSPECT
    assert none.check("whatever", None) is Scope.INSPECT
    with pytest.raises(ScopeNeeded, match="CONVSCOPE_API_KEYS=KEY:admin or CONVSCOPE_API_KEYS_FILE"):
        none.check(None, Scope.ADMIN)


def test_keys_are_never_shown() -> None:
    for shown in (repr(KEYS), str(KEYS), str(vars(KEYS))):
        assert not any(key in shown for key in (PREDICT, INSPECT, ADMIN))
    assert "[" not in repr(KEYS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0123456789abcdef0", "entry 1 does not end in one of the scopes predict, inspect, admin"),
        (f"{PREDICT}:predict 0123456789abcdef0:everything", "entry 2 does not end in one of the scopes"),
        ("short:admin", "entry 1: the key has 5 characters"),
        (":admin", "entry 1: the key has 0 characters"),
        ("schlüssel-0123456789:admin", "odd ones"),
        (f"{'x' * 513}:admin", "513 characters"),
        (f"{PREDICT}:predict,{PREDICT}:admin", "entry 2 has the key of another entry"),
    ],
)
def test_a_bad_entry_is_named_by_its_place(text: str, said: str) -> None:
    with pytest.raises(InvalidSetting, match=said) as refused:
        Keys.parse(text)
    assert str(refused.value).startswith("CONVSCOPE_API_KEYS: ")
    assert "0123456" not in str(refused.value)
