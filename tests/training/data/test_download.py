"""Public files over real HTTP: checked, resumed, and refused in one line."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from training.data.download import PublicFile, fetch_file, find_file
from training.errors import DatasetUnavailable

CONTENT = bytes(range(256)) * 1000
FILE = PublicFile("digits.gz", hashlib.sha256(CONTENT).hexdigest())


class Ranges(http.server.SimpleHTTPRequestHandler):
    """A server that honours `Range: bytes=N-`, as mirrors do."""

    asked: list[str | None]

    def __init__(self, *arguments: object, asked: list[str | None], **options: object) -> None:
        self.asked = asked
        super().__init__(*arguments, **options)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.asked.append(wanted)
        path = Path(self.translate_path(self.path))
        if not wanted or not path.is_file():
            super().do_GET()
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        content = path.read_bytes()
        self.send_response(206 if start < len(content) else 416)
        self.end_headers()
        self.wfile.write(content[start:])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[tuple[str, Path, list[str | None]]]:
    """Its address, the folder that it serves, and the ranges that it was asked for."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    (folder / FILE.name).write_bytes(CONTENT)
    asked: list[str | None] = []
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Ranges, directory=str(folder), asked=asked)
    ) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", folder, asked
        server.shutdown()
        thread.join()


Mirror = tuple[str, Path, list[str | None]]


def test_a_file_is_downloaded_once(mirror: Mirror, tmp_path: Path) -> None:
    address, _, asked = mirror
    for _ in range(2):
        assert fetch_file(FILE, [address], tmp_path / "cache").read_bytes() == CONTENT
    assert asked == [None]
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [FILE.name]


@pytest.mark.parametrize("have", [1, 100_000, len(CONTENT)])
def test_a_broken_download_goes_on_where_it_stopped(mirror: Mirror, tmp_path: Path, have: int) -> None:
    address, _, asked = mirror
    (tmp_path / "digits.gz.part").write_bytes(CONTENT[:have])
    assert fetch_file(FILE, [address], tmp_path).read_bytes() == CONTENT
    assert asked == [f"bytes={have}-"]


def test_a_damaged_file_in_the_cache_is_fetched_again(mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / FILE.name).write_bytes(b"damaged")
    assert fetch_file(FILE, [mirror[0]], tmp_path).read_bytes() == CONTENT


def test_the_next_mirror_is_tried_and_a_wrong_file_is_never_kept(mirror: Mirror, tmp_path: Path) -> None:
    address, folder, _ = mirror
    (folder / "bad").mkdir()
    (folder / "bad" / FILE.name).write_bytes(b"an error page")
    cache = tmp_path / "cache"
    assert fetch_file(FILE, [f"{address}/none", f"{address}/bad", address], cache).read_bytes() == CONTENT
    with pytest.raises(DatasetUnavailable, match="another sha256"):
        fetch_file(PublicFile(FILE.name, "0" * 64), [address], tmp_path / "other")
    assert list((tmp_path / "other").iterdir()) == []


def test_no_network_names_the_way_around_it(tmp_path: Path) -> None:
    with pytest.raises(DatasetUnavailable, match="--data") as refused:
        fetch_file(FILE, ["http://127.0.0.1:9"], tmp_path)
    assert "Connection refused" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_cache_that_cant_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetUnavailable, match="can't be kept in"):
        fetch_file(FILE, [], tmp_path / "file" / "cache")


def test_a_named_folder_has_to_hold_the_file(tmp_path: Path) -> None:
    with pytest.raises(DatasetUnavailable, match="missing"):
        find_file(FILE, tmp_path)
    (tmp_path / FILE.name).write_bytes(CONTENT)
    assert find_file(FILE, tmp_path) == tmp_path / FILE.name
