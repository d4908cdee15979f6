"""Names that would lead out of their folder, as bytes on a socket: no client makes them harmless on their way."""

import shutil
import socket
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from service.engine import Provider
from service.settings import Settings
from tests.conftest import MODELS, serving

UP = [
    "..", "../..", "%2e%2e", "%2E%2E%2F%2e%2e", "..%2f", "..%2f..%2f..%2f..%2f..%2fetc%2fpasswd", "%2fetc%2fpasswd",
    "..%5c..%5cmanifest.json", "..\\manifest.json", "%252e%252e%252fmanifest.json", "....//manifest.json",
    "%c0%ae%c0%ae/manifest.json", "%ef%bc%8e%ef%bc%8e/manifest.json", "..;/manifest.json", "./manifest.json",
    "../manifest.json", "..%2fmanifest.json", "..%00/manifest.json", "secret.png", "secret.png%00", "00-0.png%00",
    "00-0.png%0a", "%00", "%0d%0aX-Injected:%201", "~root", "C:%5cwindows", "\xff\xfe", "a" * 5000,
]  # fmt: skip
"""In the place of a file's, a layer's or a model's name."""

NUMBERS = [
    "0", "00", "01", "-1", "+1", "%201", "1%20", "1e0", "0x1", "1.0", "1_0", "%D9%A1", "%EF%BC%91", "%C2%B2", "1%00",
    "1/../2", "..%2f1", "9" * 400, "999999999999", "latest", "NaN",
]  # fmt: skip
"""In the place of a version's number, 1."""

OF_THE_PACKAGE = [
    "/assets/../index.html", "/assets/..%2findex.html", "/assets/%2e%2e/%2e%2e/%2e%2e/settings.py",
    "/assets/..%2f..%2f..%2f..%2fsettings.py", "/docs/..%5c..%5capp.py", "/docs/%2e%2e%2f%2e%2e%2f..%2fapp.py",
    "//etc/passwd", "/..", "/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/favicon.svg/../../openapi.json", "/assets%00",
    "/assets/",
]  # fmt: skip


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A model in whose folders lie files, and links to files, that nothing names."""
    models = tmp_path_factory.mktemp("models")
    version = models / "digits" / "1"
    shutil.copytree(MODELS / "digits" / "1", version)
    (models / "secret.png").write_text("secret")
    (version / "samples" / "secret.png").write_text("secret")
    (version / "report.html").symlink_to(models / "secret.png")
    (version / "exemplars").mkdir()
    (version / "exemplars" / "exemplars.json").write_text(
        '{"pictures": 1, "layers": {"conv1": [[{"file": "a.png", "label": "7", "value": 1, "y": 0, "x": 0}]]}}'
    )
    (version / "exemplars" / "a.png").symlink_to(models / "secret.png")
    with serving(Settings(models=models, provider=Provider.CPU)) as at:
        yield at


def ask(address: str, path: str, method: str = "GET") -> tuple[int, bytes]:
    """Status and body of what comes for a path as it is."""
    parts = urlsplit(address)
    with socket.create_connection((str(parts.hostname), parts.port or 0), timeout=20) as connection:
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        length = "Content-Length: 0\r\n" if method == "POST" else ""
        connection.sendall(f"{head}{length}\r\n".encode("latin-1"))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head_, _, body = answer.partition(b"\r\n\r\n")
    assert b"x-injected" not in head_.lower()
    return int(head_.split(b" ", 2)[1]), body


def check_refused(address: str, path: str, method: str = "GET") -> None:
    status, body = ask(address, path, method)
    assert status == 307 or 400 <= status < 500, (path, status, body[:200])  # 307: to itself without a / at its end
    for leaked in (b"secret\n", b"root:", b'"contract"', b"BaseSettings", b"FastAPI"):
        assert leaked not in body
    assert body != b"secret"


def test_a_name_never_leaves_its_folder(address: str) -> None:
    version = "/v1/models/digits/versions/1"
    assert ask(address, f"{version}/samples/00-0.png")[0] == 200
    assert ask(address, f"{version}/exemplars/conv1/0")[0] == 200
    for name in UP:
        for path in (f"{version}/samples/{name}", f"{version}/exemplars/pictures/{name}", f"{version}/weights/{name}",
                     f"{version}/exemplars/{name}/0", f"/v1/models/{name}", f"/v1/models/{name}/versions/1/report",
                     f"/v2/models/{name}"):  # fmt: skip
            check_refused(address, path)
        check_refused(address, f"/v1/models/{name}/predict", "POST")


def test_a_version_is_a_number_and_nothing_like_it(address: str) -> None:
    assert ask(address, "/v1/models/digits/versions/1")[0] == 200
    for number in NUMBERS:
        check_refused(address, f"/v1/models/digits/versions/{number}")
        check_refused(address, f"/v1/models/digits/versions/{number}/samples/00-0.png")
        check_refused(address, f"/v1/models/digits/versions/{number}/predict", "POST")
        check_refused(address, f"/v2/models/digits/versions/{number}/ready")


def test_links_out_of_a_version_are_not_answered_with(address: str) -> None:
    check_refused(address, "/v1/models/digits/versions/1/report")
    check_refused(address, "/v1/models/digits/versions/1/exemplars/pictures/a.png")


def test_the_package_gives_no_other_files(address: str) -> None:
    for path in OF_THE_PACKAGE:
        check_refused(address, path)


def test_a_head_that_does_not_end_is_refused_before_it_fills_memory(address: str) -> None:
    parts = urlsplit(address)
    for start in (b"GET /", b"GET / HTTP/1.1\r\nX-Long: ", b"GET / HTTP/1.1\r\n"):
        with socket.create_connection((str(parts.hostname), parts.port or 0), timeout=20) as connection:
            connection.sendall(start)
            line = b"a: b\r\n" if start.endswith(b"\n") else b"aaaaaa"
            sent, answer = 0, b""
            try:
                while not answer and sent < 64 * 2**20:
                    sent += connection.send(line * 1000)
                    connection.setblocking(False)
                    with suppress(BlockingIOError):
                        answer = connection.recv(4096)
                    connection.setblocking(True)
            except OSError:
                pass  # cut off
        assert sent < 40 * 2**20
        assert not answer or answer.startswith((b"HTTP/1.1 431", b"HTTP/1.1 400")), answer


SMUGGLING = (
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
    b"0\r\n\r\nGET /v1/models HTTP/1.1\r\n\r\n"
)
TLS = b"\x16\x03\x01\x02\x00\x01"


@pytest.mark.parametrize(
    "junk",
    [TLS, SMUGGLING, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\0" * 100, b"GET / HTTP/1.1\r\nX: a\0b\r\n\r\n"],
    ids=["tls", "smuggling", "no-path", "version", "zeros", "zero-in-header"],
)
def test_bytes_that_are_no_request_get_no_traceback(address: str, junk: bytes) -> None:
    parts = urlsplit(address)
    with socket.create_connection((str(parts.hostname), parts.port or 0), timeout=20) as connection:
        connection.sendall(junk)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b"Traceback" not in answer
    assert answer.count(b"HTTP/1.1 ") <= 1, "a second request was smuggled in"
    assert not answer or b" 400 " in answer.split(b"\r\n")[0], answer[:200]
    assert ask(address, "/v2/health/live")[0] == 200
