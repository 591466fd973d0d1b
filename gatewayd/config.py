"""gatewayd.toml to a frozen Config. A wrong key is named with its line."""

import ssl
import tomllib
from importlib.util import find_spec
from ipaddress import ip_address
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
from gatewayd.faults import fault

HostPort = Annotated[str, StringConstraints(pattern=r"^[^:\s]+(:[0-9]{1,5})?$")]
FILES = ("ca_file", "cert_file", "key_file", "password_file")
LEAST_TOKEN = 16
"""Characters: at a try a second nobody guesses them."""
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


class Page(Section):
    """The page for browsers. Anything but loopback wants a token; `hosts`: names of the hub besides
    its address."""

    port: Annotated[int, Field(ge=1, le=65_535)]
    bind: str = "127.0.0.1"
    hosts: tuple[Annotated[str, StringConstraints(to_lower=True, pattern=r"^[^:/\s]+$")], ...] = ()
    token_file: Path | None = None
    changes: bool = False

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if not ip_address(self.bind).is_loopback and self.token_file is None:
            raise ValueError("bind beyond loopback wants a token_file")
        return self


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
    page: Page | None = None
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


def page_token(config: Config) -> str | None:
    """What whoever opens the page must know, from its file; None: nothing.

    Raises:
        ConfigError: the file cannot be read, or holds too little.
    """
    path = config.page.token_file if config.page else None
    if path is None:
        return None
    try:
        token = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"page.token_file: {error}") from error
    if len(token) < LEAST_TOKEN:
        raise ConfigError(f"page.token_file {path}: wants {LEAST_TOKEN} characters at least")
    return token


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


def _anchored(config: Config, folder: Path) -> Config:
    def at(path: Path | None) -> Any:
        return None if path is None else folder / path

    mqtt, site, local, page = config.mqtt, config.site, config.local.socket, config.page
    return config.model_copy(
        update={
            "mqtt": mqtt.model_copy(update={name: at(getattr(mqtt, name)) for name in FILES}),
            "store": Store(path=folder / config.store.path),
            "site": SiteFile(file=at(site.file)),
            "local": Local(socket=local and str(folder / local)),
            "page": page and page.model_copy(update={"token_file": at(page.token_file)}),
        }
    )
