"""gatewayd.toml to a frozen Config. A wrong key is named with its line."""

import re
import ssl
import tomllib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from gatewayd.domain.site import BLUETOOTH_ADDRESS
from gatewayd.errors import ConfigError

HostPort = Annotated[str, StringConstraints(pattern=r"^[^:\s]+(:[0-9]{1,5})?$")]
FILES = ("ca_file", "cert_file", "key_file", "password_file")
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]

Topic = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$")]


class Section(BaseModel):
    """A table of the file; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Hub(Section):
    """Who this hub is: the words of its MQTT topics, v1/{org}/{site}/{id}/."""

    org: Word
    site: Word
    id: Word


class Mqtt(Section):
    """The broker. Use TLS outside of one machine: codes travel in events."""

    host: str
    port: Annotated[int, Field(ge=1, le=65_535)] = 8883
    fallbacks: tuple[HostPort, ...] = ()
    protocol: Literal["5", "3.1.1"] = "5"
    username: str | None = None
    password_file: Path | None = None
    tls: bool = True
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    keepalive: Annotated[int, Field(ge=5, le=3600)] = 30


class Zwave(Section):
    """The zwave-js server."""

    url: Annotated[str, StringConstraints(pattern=r"^wss?://")] = "ws://127.0.0.1:3000"


ADAPTER = "hci[0-9]{1,3}"
Adapter = Annotated[str, StringConstraints(pattern=f"^{ADAPTER}$")]
Mac = Annotated[str, StringConstraints(pattern=f"^{BLUETOOTH_ADDRESS}$", to_upper=True)]


class Bluetooth(Section):
    """The adapters, and which of them a lock must use; others are reached through the one that
    hears them best."""

    adapters: tuple[Adapter, ...] = ("hci0",)
    bindings: dict[Mac, Adapter] = {}

    @model_validator(mode="after")
    def _bound_to_ours(self) -> Self:
        if not self.adapters:
            raise ValueError("adapters wants at least one, such as hci0")
        if unknown := sorted(set(self.bindings.values()) - set(self.adapters)):
            raise ValueError(f"bindings name {unknown[0]}, which is not among the adapters")
        return self


class Store(Section):
    """Where facts are kept."""

    path: Path = Path("/var/lib/gatewayd/gatewayd.db")


class SiteFile(Section):
    """A site document on disk, for a hub whose cloud sends none; the higher version wins."""

    file: Path | None = None


class Local(Section):
    """The local door: a unix socket for the command line and the page; empty: none."""

    socket: str = "/run/gatewayd/gatewayd.sock"


class Metrics(Section):
    """Numbers for Prometheus, over HTTP without a password: at loopback by default."""

    port: Annotated[int, Field(ge=1, le=65_535)]
    bind: str = "127.0.0.1"


class HomeAssistant(Section):
    """Locks and hub as devices of a Home Assistant at the same broker."""

    discovery_prefix: Topic = "homeassistant"


class Time(Section):
    """When to believe the machine's clock; a hub without time server or RTC must say `always`."""

    trust: Literal["synchronised", "always"] = "synchronised"
    uncertainty_hours: Annotated[int, Field(ge=1, le=24 * 30)] = 72


class Log(Section):
    """`auto`: for people on a terminal, JSON elsewhere."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"


class Config(Section):
    """The whole file."""

    hub: Hub
    mqtt: Mqtt
    zwave: Zwave | None = None
    bluetooth: Bluetooth | None = None
    store: Store = Store()
    site: SiteFile = SiteFile()
    local: Local = Local()
    metrics: Metrics | None = None
    home_assistant: HomeAssistant | None = None
    clock: Time = Time()
    log: Log = Log()


def load(path: Path) -> Config:
    """Read and check a configuration; relative paths in it are meant from its own folder.

    Raises:
        ConfigError: names every wrong key and its line.
    """
    try:
        text = path.read_text()
        document = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    try:
        config = Config.model_validate(document)
    except ValidationError as error:
        words = {"missing": "is missing", "extra_forbidden": "is not a setting"}
        faults = [
            fault(path, text, ".".join(map(str, e["loc"])), words.get(e["type"], f"- {e['msg']}"))
            for e in error.errors()
        ]
        raise ConfigError("\n".join(faults)) from None
    return _anchored(config, path.parent)


def password(config: Config) -> str | None:
    """The broker's password, from its file.

    Raises:
        ConfigError: the file cannot be read.
    """
    if config.mqtt.password_file is None:
        return None
    try:
        return config.mqtt.password_file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"mqtt.password_file: {error}") from error


def prometheus(config: Config) -> None:
    """Whether numbers for Prometheus can be made, where they are wanted.

    Raises:
        ConfigError: what makes them is not installed.
    """
    if config.metrics and find_spec("prometheus_client") is None:
        raise ConfigError(
            "metrics: prometheus-client is not installed; install requirements/metrics.txt with "
            "pip, or take the section out"
        )


def tls(config: Config) -> ssl.SSLContext | None:
    """What the broker's certificate is held against; None: no TLS.

    Raises:
        ConfigError: the file with the authority, or the hub's own certificate, cannot be used.
    """
    if not config.mqtt.tls:
        return None
    mqtt = config.mqtt
    try:
        context = ssl.create_default_context(cafile=mqtt.ca_file)
    except OSError as error:  # an SSLError is one
        raise ConfigError(f"mqtt.ca_file {mqtt.ca_file}: {error}") from error
    if mqtt.cert_file:
        try:
            context.load_cert_chain(mqtt.cert_file, mqtt.key_file, password=_no_passphrase)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"mqtt.cert_file {mqtt.cert_file}, key_file {mqtt.key_file}: {error}"
            ) from error
    return context


def _no_passphrase() -> str:
    """Instead of a question on the terminal that nobody would see."""
    raise ValueError("the key has a passphrase; give the hub one without")


def fault(path: Path, text: str, key: str, said: str) -> str:
    """One fault in a file of ours: its line, the key (dotted), and what is wrong with it."""
    return " ".join(filter(None, [f"{path}:{_line(text, key)}:", key, said]))


def _line(text: str, wanted: str) -> int:
    """The line of a key, else of its table, else the first."""
    table, found = "", 1
    arrays: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*(\[\[?)([^\[\]]+)\]", line):
            name = re.sub(r'[ "]', "", header[2])
            if name == wanted:
                return number
            if header[1] == "[[":
                arrays[name] = arrays.get(name, -1) + 1
            table = here = _numbered(name, arrays)
        elif entry := re.match(r'\s*([\w." -]+?)\s*=', line):
            here = ".".join(filter(None, [table, re.sub(r'[ "]', "", entry[1])]))
        else:
            continue
        if here == wanted:
            return number
        if wanted.startswith(f"{here}."):  # its table, also an inline one
            found = number
    return found


def _numbered(table: str, arrays: Mapping[str, int]) -> str:
    """A table's name with the numbers of the arrays of tables that it lies in."""
    parts = table.split(".")
    heads = (".".join(parts[: n + 1]) for n in range(len(parts)))
    return ".".join(
        f"{part}.{arrays[head]}" if head in arrays else part
        for part, head in zip(parts, heads, strict=True)
    )


def _anchored(config: Config, folder: Path) -> Config:
    def at(path: Path | None) -> Any:
        return None if path is None else folder / path

    mqtt, site, local = config.mqtt, config.site, config.local.socket
    return config.model_copy(
        update={
            "mqtt": mqtt.model_copy(update={name: at(getattr(mqtt, name)) for name in FILES}),
            "store": Store(path=folder / config.store.path),
            "site": SiteFile(file=at(site.file)),
            "local": Local(socket=local and str(folder / local)),
        }
    )
