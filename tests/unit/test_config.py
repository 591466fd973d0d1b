"""gatewayd.toml: what is right is read, what is wrong is named with its line."""

import sys
from pathlib import Path

import pytest

from gatewayd.config import load, page_token, prometheus
from gatewayd.errors import ConfigError

LEAST = """\
[hub]
org = "acme"
site = "lakeside"
id = "hub-1"

[mqtt]
host = "broker.example"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration that has all it must."""
    path = tmp_path / "gatewayd.toml"
    path.write_text(LEAST)
    return path


def faults(path: Path, text: str) -> list[str]:
    """What is said of a file, without its name."""
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{path}:") for line in lines)
    return [line.removeprefix(f"{path}:") for line in lines]


def test_the_least_configuration_has_safe_defaults(file: Path) -> None:
    config = load(file)
    assert (config.hub.org, config.hub.site, config.hub.id) == ("acme", "lakeside", "hub-1")
    assert (config.mqtt.tls, config.mqtt.port) == (True, 8883)  # codes travel in events
    assert config.store.path == Path("/var/lib/gatewayd/gatewayd.db")
    assert config.bluetooth is None
    assert (config.zwave, config.site.file, config.mqtt.ca_file) == (None, None, None)
    assert (config.page, config.metrics, config.home_assistant) == (None, None, None)
    assert (config.log.level, config.log.format) == ("info", "auto")


def test_everything_that_can_be_set_is_read(file: Path) -> None:
    file.write_text(
        LEAST
        + """
port = 1883
username = "hub"
password_file = "secrets/mqtt"
tls = false
ca_file = "/etc/ssl/ca.pem"
keepalive = 5

[zwave]
url = "wss://sticks.example:3000"

[bluetooth]
adapters = ["hci0", "hci1"]
bindings = { "54:d2:72:00:00:01" = "hci1" }

[store]
path = "data/hub.db"

[site]
file = "site.toml"

[page]
port = 8470
bind = "192.0.2.7"
hosts = ["Hub.example"]
token_file = "secrets/page"
changes = true

[metrics]
port = 9110

[home_assistant]

[log]
level = "debug"
format = "json"
"""
    )
    config = load(file)
    folder = file.parent
    assert config.mqtt.password_file == folder / "secrets/mqtt"
    assert config.page is not None
    assert config.page.token_file == folder / "secrets/page"
    assert (config.page.port, config.page.hosts, config.page.changes) == (
        8470,
        ("hub.example",),
        True,
    )
    assert config.mqtt.ca_file == Path("/etc/ssl/ca.pem")
    assert config.store.path == folder / "data/hub.db"
    assert config.site.file == folder / "site.toml"
    assert config.zwave is not None
    assert config.zwave.url == "wss://sticks.example:3000"
    assert config.bluetooth is not None
    assert config.bluetooth.adapters == ("hci0", "hci1")
    assert config.bluetooth.bindings == {"54:D2:72:00:00:01": "hci1"}
    assert (config.mqtt.port, config.mqtt.username, config.mqtt.keepalive) == (1883, "hub", 5)
    assert (config.log.level, config.log.format) == ("debug", "json")
    assert config.metrics is not None
    assert config.home_assistant is not None
    assert config.home_assistant.discovery_prefix == "homeassistant"
    assert (config.metrics.port, config.metrics.bind) == (9110, "127.0.0.1")


def test_relative_paths_are_meant_from_the_files_own_folder(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(LEAST + '[store]\npath = "hub.db"\n')
    monkeypatch.chdir(file.parent.parent)
    assert load(Path(file.parent.name) / file.name).store.path.resolve() == file.parent / "hub.db"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LEAST + "prot = 1883\n[zwave]\n", ["8: mqtt.prot is not a setting"]),
        ('colour = "blue"\n' + LEAST, ["1: colour is not a setting"]),
        (LEAST + '[mqqt]\nhost = "b"\n', ["8: mqqt is not a setting"]),
        (LEAST.replace('id = "hub-1"\n', ""), ["1: hub.id is missing"]),
        (LEAST.replace('host = "broker.example"', ""), ["6: mqtt.host is missing"]),
        ("", ["1: hub is missing", "1: mqtt is missing"]),
        (LEAST + '# port = 1\nport = "many"\n', ["9: mqtt.port - Input should be a valid integer"]),
        (LEAST + "port = 65536\n", ["8: mqtt.port - Input should be less than or equal to 65535"]),
        (LEAST + "keepalive = 4\n", ["8: mqtt.keepalive - Input should be greater than or equal"]),
        (LEAST + 'tls = "perhaps"\n', ["8: mqtt.tls - Input should be a valid boolean"]),
        (LEAST.replace('"hub-1"', '"hub 1"'), ["4: hub.id - String should match pattern"]),
        (LEAST.replace('"acme"', '"acme/+"'), ["2: hub.org - String should match pattern"]),
        (LEAST.replace('"acme"', '""'), ["2: hub.org - String should match pattern"]),
        (LEAST + '[zwave]\nurl = "http://x"\n', ["9: zwave.url - String should match pattern"]),
        (
            LEAST + '[bluetooth]\nadapters = ["usb"]\n',
            ["9: bluetooth.adapters.0 - String should match pattern"],
        ),
        (LEAST + "[bluetooth]\nadapters = []\n", ["8: bluetooth - Value error, adapters wants"]),
        (
            LEAST + '[bluetooth]\n\n[bluetooth.bindings]\n"54:D2:72:00:00:01" = "hci3"\n',
            ["8: bluetooth - Value error, bindings name hci3"],
        ),
        (LEAST + '[log]\nlevel = "loud"\n', ["9: log.level - Input should be 'debug', 'info'"]),
        (LEAST + "[store] # here\n[ log ]\nlevel = 1\n", ["10: log.level - Input should be"]),
        (LEAST + "[store]\n  path = 5\n", ["9: store.path - Input is not a valid path"]),
        (LEAST + '[log]\n"level" = "loud"\n', ["9: log.level - Input should be"]),
        ('hub = "x"\n' + LEAST[LEAST.index("[mqtt]") :], ["1: hub - Input should be a valid dict"]),
        (LEAST + '[site]\nhost = "x"\nid = "y"\n', ["9: site.host is not", "10: site.id is not"]),
        (
            LEAST + '[home_assistant]\ndiscovery_prefix = "ha/#"\n',
            ["9: home_assistant.discovery_prefix - String should match pattern"],
        ),
        (LEAST + "[metrics]\n", ["8: metrics.port is missing"]),
        (LEAST + "[metrics]\nport = 0\n", ["9: metrics.port - Input should be greater than"]),
        (LEAST + "[log]\n[zwave]\nlevel = 1\n", ["10: zwave.level is not a setting"]),
        # TOML's other ways to write a table
        (LEAST + 'log = 5\n[log]\nlevel = "loud"\n', ["8: mqtt.log is not", "10: log.level - "]),
        ('log.level = "loud"\n' + LEAST, ["1: log.level - Input should be"]),
        ('# one\nlog.level = "loud"\n' + LEAST, ["2: log.level - Input should be"]),
        ('# one\nlog = {level = "loud"}\n' + LEAST, ["2: log.level - Input should be"]),
        (LEAST + "[log.level]\nx = 1\n", ["8: log.level - Input should be"]),
    ],
)
def test_every_wrong_key_is_named_with_its_line(file: Path, text: str, said: list[str]) -> None:
    # Fault 36
    found = faults(file, text)
    assert len(found) == len(said)
    for line, beginning in zip(found, said, strict=True):
        assert line.startswith(beginning)


def test_no_value_of_the_file_is_repeated(file: Path) -> None:
    """A password may have been written into the wrong key."""
    (said,) = faults(file, LEAST.replace('"hub-1"', '"hunter2 hunter2"'))
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read (No such file or directory)"),
        (b"[hub\n", "not TOML"),
        (b"hub = 1\nhub = 2\n", "not TOML"),
        (b"# \xff\xfe\n", "not TOML"),
        (b"\xef\xbb\xbf[hub]\n", "not TOML"),
    ],
    ids=["missing", "half a header", "a key twice", "not UTF-8", "a byte order mark"],
)
def test_a_file_that_cannot_be_read_says_why(file: Path, content: bytes | None, said: str) -> None:
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert str(caught.value).startswith(f"{file}: {said}")


def test_metrics_without_what_makes_them_say_what_to_install(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)  # as if it were not installed
    prometheus(load(file))
    file.write_text(LEAST + "[metrics]\nport = 9110\n")
    with pytest.raises(ConfigError, match=r"install requirements/metrics\.txt"):
        prometheus(load(file))


def test_a_folder_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)


@pytest.mark.parametrize("bind", ["0.0.0.0", "192.0.2.7", "::", "2001:db8::1"])  # noqa: S104  # that is the point
def test_a_page_beyond_loopback_wants_a_token(file: Path, bind: str) -> None:
    page = f'{LEAST}[page]\nport = 8470\nbind = "{bind}"\n'
    (fault,) = faults(file, page)
    assert fault.startswith("8: page - ")
    assert "token_file" in fault
    file.write_text(f'{page}token_file = "token"\n')
    page_ = load(file).page
    assert page_ is not None
    assert page_.bind == bind


@pytest.mark.parametrize("bind", ["127.0.0.1", "127.0.0.2", "::1"])
def test_a_page_on_loopback_wants_none(file: Path, bind: str) -> None:
    file.write_text(f'{LEAST}[page]\nport = 8470\nbind = "{bind}"\n')
    config = load(file)
    assert page_token(config) is None
    assert config.page is not None
    assert config.page.changes is False


def test_a_token_is_read_from_its_file_and_is_long(file: Path) -> None:
    file.write_text(f'{LEAST}[page]\nport = 8470\ntoken_file = "token"\n')
    config, token = load(file), file.parent / "token"
    with pytest.raises(ConfigError, match=r"page\.token_file"):
        page_token(config)
    token.write_text("fifteen letters")
    with pytest.raises(ConfigError, match="16 characters") as caught:
        page_token(config)
    assert "fifteen" not in str(caught.value)
    token.write_text("sixteen letters!\n")
    assert page_token(config) == "sixteen letters!"
