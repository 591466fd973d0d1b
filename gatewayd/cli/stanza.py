"""A lock's lines for the site document."""

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatewayd.config import Config


def stanza(name: str, driver: str, address: str) -> str:
    """As TOML."""
    slug = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")[:64] or driver
    lines = {"id": slug, "name": name, "driver": driver, "address": address}
    values = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in lines.items()]
    return "\n".join(["[[locks]]", *values])


def where(config: "Config") -> str:
    """What to do with them."""
    site = config.site.file or "the site document that your cloud sends (site.put)"
    return (
        f"Put this into {site}: call it as people call the door, name its id among\n"
        "the `locks` of a property, and raise `version`."
    )
