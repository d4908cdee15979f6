"""Whatever is set wrongly is refused by its name."""

import os

import pytest

from service.errors import InvalidSetting
from service.settings import PREFIX, Settings, check_names, read_settings

FREE = {"models", "host", "feedback", "api_keys", "api_keys_file", "metrics_folder"}
"""Any text will do, until it is used."""


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)


@pytest.mark.parametrize("name", sorted(set(Settings.model_fields) - FREE))
@pytest.mark.parametrize("value", ["nonsense", "-1e400", "nan", "inf", "99999999999999999999999999e99"])
def test_a_bad_value_is_refused_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    variable = PREFIX + name.upper()
    monkeypatch.setenv(variable, value)
    with pytest.raises(InvalidSetting) as refused:
        read_settings()
    assert str(refused.value).startswith(f"{variable}: ")
    assert value in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_option_counts_for_more_and_is_named_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVSCOPE_PORT", "9")
    assert read_settings({"port": 10}).port == 10
    with pytest.raises(InvalidSetting, match=r"^--port: .*\(given: 70000\)$"):
        read_settings({"port": 70000})


def test_an_empty_variable_sets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.setenv(PREFIX + name.upper(), "")
    assert read_settings() == Settings.model_construct()


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("API_KEY", "API_KEYS"),
        ("MAX_PIXEL", "MAX_PIXELS"),
        ("MODEL", "MODELS"),
        ("KEEPALIVE_SECONDS", "KEEP_ALIVE_SECONDS"),
    ],
)
def test_a_misspelt_name_is_refused(monkeypatch: pytest.MonkeyPatch, misspelt: str, meant: str) -> None:
    monkeypatch.setenv(PREFIX + misspelt, "1")
    with pytest.raises(
        InvalidSetting, match=f"^{PREFIX}{misspelt}: there is no such setting; is {PREFIX}{meant} meant"
    ):
        check_names()


def test_a_name_that_is_like_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVSCOPE_COLOUR", "red")
    monkeypatch.setenv("CONVSCOPE_WHEELS", "/wheels")
    assert check_names() == ["CONVSCOPE_COLOUR"]


def test_what_kubernetes_sets_beside_a_service_of_the_same_name_is_not_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    links = {
        "CONVSCOPE_PORT": "tcp://10.0.0.1:8000",
        "CONVSCOPE_GRPC_PORT": "tcp://[fd00::1]:8001",
        "CONVSCOPE_SERVICE_HOST": "10.0.0.1",
        "CONVSCOPE_SERVICE_PORT": "8000",
        "CONVSCOPE_SERVICE_PORT_HTTP": "8000",
        "CONVSCOPE_PORT_8000_TCP": "tcp://10.0.0.1:8000",
        "CONVSCOPE_PORT_8000_TCP_PROTO": "tcp",
        "CONVSCOPE_PORT_8000_TCP_ADDR": "10.0.0.1",
    }
    for name, value in links.items():
        monkeypatch.setenv(name, value)
    assert check_names() == []
    assert (read_settings().port, read_settings().grpc_port) == (8000, None)
