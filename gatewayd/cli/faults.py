"""What is wrong with a configuration, and with the files that it names."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gatewayd.errors import ConfigError, Reason, Rejected
from gatewayd.faults import fault

if TYPE_CHECKING:
    from gatewayd.config import Config


def faults(path: Path) -> Iterator[str]:
    """All that is wrong with a configuration or, where it is right, with the files it names."""
    from gatewayd import config as configuration  # noqa: PLC0415  # slow to import

    try:
        config = configuration.load(path)
    except ConfigError as error:
        yield from str(error).splitlines()
        return
    for use in (
        configuration.password,
        configuration.page_token,
        configuration.tls,
        configuration.prometheus,
        _use_site_file,
    ):
        try:
            use(config)
        except ConfigError as error:
            yield from str(error).splitlines()


def _use_site_file(config: "Config") -> None:
    # slow to import, and most commands need none of them
    from gatewayd.clock import SystemClock  # noqa: PLC0415
    from gatewayd.intake import documents, parse  # noqa: PLC0415
    from gatewayd.intake.envelopes import SitePutCommand  # noqa: PLC0415
    from gatewayd.intake.site_file import site_file  # noqa: PLC0415

    path = config.site.file
    if path is None:
        return
    payload = site_file(path, config.hub.id, SystemClock())
    found = parse.faults(payload)
    if not found and isinstance(command := parse.parse(payload), SitePutCommand):
        found = list(documents.faults(command.data))
    if found:
        text = path.read_text()
        raise ConfigError("\n".join(_fault(path, text, why) for why in found))


def _fault(path: Path, text: str, why: Rejected) -> str:
    said = "is missing" if why.reason is Reason.MISSING_FIELD else f"- {why.message}"
    return fault(path, text, why.path.removeprefix("data."), said)
