"""Turns `CONVSCOPE_…` environment variables into one frozen value, made at the edge and passed down."""

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.choices import MOST_BYTES, Form, Inline, Level, PictureLimits, Provider, Watch
from service.errors import InvalidSetting
from service.keys import FILE_VARIABLE, Keys

PREFIX = "CONVSCOPE_"

_OTHERS = frozenset({"RUNS", "TEST_DATA", "WHEELS"})
"""What else has the prefix: variables of the training, the tests and the images."""

_SERVICE_LINK = re.compile(r"(tcp|udp|sctp)://.+:\d+")
"""What Kubernetes sets CONVSCOPE_PORT to in every pod beside a Service of the name `convscope`, and others likewise."""

_SERVICE_LINK_NAME = re.compile(r".*(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT_\d+_(TCP|UDP|SCTP)(_.+)?)")
"""The names of those others, after the prefix."""

_TYPO = 0.85
"""How like a setting's a name has to be to be taken for it, from 0 to 1."""

_DAY = 86_400.0
"""Seconds; no time limit needs to be longer, and the event loop's clock takes no number whatever."""

Seconds = Annotated[float, Field(gt=0, le=_DAY)]
Place = Annotated[Path | None, BeforeValidator(lambda given: given or None)]
"""An empty variable names no place, rather than the folder that the service was started in."""


_ORIGIN = re.compile(r"https?://[A-Za-z0-9._\[\]:-]+")
"""Source: RFC 6454, section 6.2."""


def split_origins(text: str) -> list[str]:
    """The entries of a list separated by commas or spaces."""
    return text.replace(",", " ").split()


def _check_origins(text: str) -> str:
    for origin in split_origins(text):
        if origin != "*" and not _ORIGIN.fullmatch(origin):
            raise ValueError(f"{origin!r} is no origin: write https://example.org, without a path, or * for all sites")
    return text


class Settings(BaseSettings):
    """Everything that can be set about a running service; each field is also `CONVSCOPE_<FIELD>`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid", allow_inf_nan=False
    )

    models: Path = Path("models")
    """The models folder."""
    watch: Watch = Watch.AUTO
    """How new versions are noticed."""
    watch_seconds: Annotated[float, Field(ge=0.1, le=3600)] = 5.0
    """Seconds after which the models folder is looked at, even if nothing told of a change."""
    old_versions: Annotated[int, Field(ge=0)] = 8
    """Versions that don't answer by default, but stay in memory, at most, of all models together; the others are loaded
    when they are asked for, and the least recently used make room."""
    old_bytes: Annotated[int, Field(ge=0)] = 2**30
    """Bytes of their graphs, at most."""
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """0: one that is free."""
    workers: Annotated[int, Field(ge=1, le=256)] = 1
    """Processes that answer."""
    log_format: Form = Form.AUTO
    """Of the log: `json`, `pretty`; `auto`: pretty on a terminal, JSON elsewhere."""
    log_level: Level = Level.INFO
    """Below which nothing is logged."""
    access_log: bool = True
    """Each request is logged; else only those that the service failed."""
    metrics_folder: Place = None
    """Where worker processes keep their figures, so that any of them can tell all; `--workers` sees to it itself."""
    provider: Provider = Provider.AUTO
    threads: Annotated[int, Field(ge=0, le=1024)] = 0
    """Of the arithmetic inside one run, per process; 0: this process's share of the cores, see `cores`."""
    decode_threads: Annotated[int, Field(ge=0, le=1024)] = 0
    """For what would hold up the event loop, decoding large pictures for one; 0: the same share."""
    inline: Inline = Inline.AUTO
    """Whether the event loop runs small networks itself."""
    max_batch: Annotated[int, Field(ge=0, le=4096)] = 0
    """Pictures in one run, at most; 0: 16 on the CPU, where more take only memory, and 64 on a GPU."""
    shrink_memory: bool = False
    """Memory that a run set aside goes back to the system after it; for many models that are rarely asked."""
    queue: Annotated[int, Field(ge=1)] = 256
    """Predictions of one version that are admitted and not yet answered, at most."""
    max_wait: Seconds = 1.0
    """Seconds that a prediction may be expected to wait when it is admitted, once two batches are full."""
    patience: Seconds = 20.0
    """Seconds that an admitted prediction may wait."""
    max_in_flight: Annotated[int, Field(ge=1)] = 1024
    """Requests of all kinds that are being answered by one process, at most."""
    request_seconds: Seconds = 120.0
    """From the head of a request to the end of its answer, at most; what it still was at is given up."""
    max_bytes: Annotated[int, Field(ge=1)] = PictureLimits().max_bytes
    """Of an encoded picture."""
    max_pixels: Annotated[int, Field(ge=1)] = PictureLimits().max_pixels
    """Of a picture, width times height."""
    max_pictures: Annotated[int, Field(ge=1)] = PictureLimits().max_pictures
    """In one request of the Open Inference Protocol."""
    grpc_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    """Where the Open Inference Protocol is answered over gRPC too; None: nowhere. 0: one that is free."""

    client_seconds: Seconds = 30.0
    """Seconds that a client has to send a request, from its first byte to its last, or to take a part of an answer."""
    keep_alive_seconds: Seconds = 75.0
    """Seconds that a connection stays open without a request; more than most proxies, so that they close first."""
    drain_seconds: Annotated[float, Field(ge=0, le=_DAY)] = 5.0
    """Seconds that new requests are still answered after SIGTERM, while those who send them learn to go elsewhere."""
    shutdown_seconds: Annotated[float, Field(ge=0, le=_DAY)] = 20.0
    """Seconds that requests in flight have to be answered after that."""

    max_model_bytes: Annotated[int, Field(ge=1)] = MOST_BYTES
    """Of a graph's file; a larger one is not loaded."""
    max_inspection_bytes: Annotated[int, Field(ge=1)] = 512 * 2**20
    """Memory that one request may take to show what goes on inside."""
    inspection_queue: Annotated[int, Field(ge=0)] = 32
    """Requests to look inside that wait for their turn, at most; they never hold up predictions."""

    feedback: Place = None
    """The folder that pictures are kept in which people say were answered wrongly; none: they aren't kept."""
    feedback_bytes: Annotated[int, Field(ge=1)] = 2**30
    """Of all files in it."""
    feedback_count: Annotated[int, Field(ge=1)] = 10_000
    """Pictures in it."""

    api_keys: SecretStr = SecretStr("")
    """KEY:SCOPE, several separated by commas; see `keys`."""
    api_keys_file: Place = None
    """A file of such entries."""

    cors_origins: Annotated[str, AfterValidator(_check_origins)] = ""
    """Other sites whose pages may use the API, separated by commas: https://example.org; none by default."""

    def read_keys(self) -> Keys:
        """The keys of the variable and of the file.

        Raises:
            InvalidSetting: they can't be read; a file without keys is an error, for it was meant to have some.
        """
        keys = Keys.parse(self.api_keys.get_secret_value())
        if self.api_keys_file is None:
            return keys
        try:
            text = self.api_keys_file.read_text("utf-8")
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            raise InvalidSetting(f"{FILE_VARIABLE}: {self.api_keys_file} can't be read: {reason}") from error
        filed = Keys.parse(text, f"{FILE_VARIABLE}: {self.api_keys_file}")
        if not filed:
            raise InvalidSetting(f"{FILE_VARIABLE}: {self.api_keys_file} has no keys")
        return keys + filed

    @property
    def origins(self) -> list[str]:
        """What `cors_origins` lists."""
        return split_origins(self.cors_origins)

    @property
    def limits(self) -> PictureLimits:
        """What is refused before it is decoded."""
        return PictureLimits(max_bytes=self.max_bytes, max_pixels=self.max_pixels, max_pictures=self.max_pictures)


def read_settings(options: Mapping[str, object] | None = None) -> Settings:
    """Read the environment, and what was said on the command line, which counts for more.

    Args:
        options: by the names of the fields.

    Raises:
        InvalidSetting: one can't be; the message names the option or the variable.
    """
    options = options or {}
    try:
        return Settings(**options)  # type: ignore[arg-type]  # validated by pydantic
    except ValidationError as error:
        problem = error.errors()[0]
        name = str(problem["loc"][0])
        source = f"--{name.replace('_', '-')}" if name in options else PREFIX + name.upper()
        raise InvalidSetting(f"{source}: {problem['msg']} (given: {problem['input']!r})") from error


def check_names() -> list[str]:
    """Refuse misspelt variables, for what was meant to hold must not silently not hold. Forget what isn't meant here.

    Returns:
        Variables that are like no setting's.

    Raises:
        InvalidSetting: a name is almost that of a setting.
    """
    known, strange = [name.upper() for name in Settings.model_fields], []
    for variable, value in list(os.environ.items()):
        prefix, _, name = variable.partition(PREFIX)
        if prefix or not name or name in _OTHERS:
            continue
        if _SERVICE_LINK.fullmatch(value) or _SERVICE_LINK_NAME.fullmatch(name):
            del os.environ[variable]
        elif name not in known:
            if meant := get_close_matches(name, known, 1, _TYPO):
                raise InvalidSetting(f"{variable}: there is no such setting; is {PREFIX}{meant[0]} meant?")
            strange.append(variable)
    return strange
