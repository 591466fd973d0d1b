"""What the pages of docs/ say is so: their commands, links and messages."""

import json
import re
from pathlib import Path
from typing import Any

import click
import pytest

from gatewayd.cli.main import main
from gatewayd.domain.health import ALERTS
from gatewayd.errors import Rejected
from gatewayd.intake.parse import parse
from tests import alerts
from tests.schemas import fits

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
MADE = {"alerts.md", "faults.md", "requirements.md"}
PAGES = [ROOT / "README.md", *sorted(x for x in DOCS.glob("*.md") if x.name not in MADE)]
LONG = {"cloud.md": 250}
LINK = re.compile(r"\]\(([^)#:]+)(?:#([^)]*))?\)")
NAMED = re.compile(
    r"`((?:config|docs|gatewayd|requirements|simulators|systemd|tests)/[a-z0-9_./-]*)`"
)
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
SHELL = re.compile(r"^ *```sh\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
TYPED = re.compile(r"(?:^ *|bin/)gatewayd ([a-z][a-z -]*)(.*)")
MESSAGE = re.compile(r"^[→←] (\S+)\n(.*?)(?=^(?:[→←] |```))", re.DOTALL | re.MULTILINE)
DOCUMENT = json.loads((DOCS / "asyncapi.json").read_text())
MESSAGES = MESSAGE.findall((DOCS / "cloud.md").read_text())
ANSWERS = [json.loads(text) for topic, text in MESSAGES if topic == "evt/command.rejected"]
REFUSED = {answer["cause"]: answer["data"] for answer in ANSWERS}


def typed(page: Path) -> list[tuple[str, str]]:
    """The commands of gatewayd in a page's shell blocks: their names, and what follows."""
    lines = "".join(SHELL.findall(page.read_text())).replace("\\\n", " ").splitlines()
    return [(m[1].strip(), m[2]) for line in lines if (m := TYPED.search(line))]


def test_the_page_of_alerts_is_made_from_their_table() -> None:
    """Mend it with `python -m tests.alerts > docs/alerts.md`."""
    assert (DOCS / "alerts.md").read_text() == alerts.page()
    assert all(f"| `{code}` |" in alerts.page() for code in ALERTS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_short(page: Path) -> None:
    assert len(page.read_text().splitlines()) <= LONG.get(page.name, 150)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_points_at_is_there(page: Path) -> None:
    text = page.read_text()
    assert [named for named in NAMED.findall(text) if not (ROOT / named).exists()] == []
    for link, anchor in LINK.findall(text):
        assert (page.parent / link).exists()
        if anchor:
            headings = HEADING.findall((page.parent / link).read_text())
            assert anchor in {h.lower().replace(" ", "-") for h in headings}, link


def test_every_page_can_be_found_from_the_readme() -> None:
    linked = {Path(link).name for link, _ in LINK.findall((ROOT / "README.md").read_text())}
    assert {page.name for page in DOCS.glob("*.md")} <= linked


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_command_in_a_page_is_one(page: Path) -> None:
    for words, rest in typed(page):
        command: click.Command = main
        for word in words.split():
            if isinstance(command, click.Group):
                found = command.get_command(click.Context(command), word)
                assert found is not None, f"gatewayd {words}"
                command = found
        known = {name for parameter in command.params for name in parameter.opts}
        assert set(re.findall(r"(?<= )--[a-z-]+", f" {rest}")) <= known, f"gatewayd {words} {rest}"


def test_the_commands_of_the_pages_are_found() -> None:
    assert {words.split()[0] for page in PAGES for words, _ in typed(page)} >= {"status", "reserve"}


def test_no_message_of_the_contract_s_page_is_passed_over() -> None:
    lines = (DOCS / "cloud.md").read_text().splitlines()
    assert len(MESSAGES) == sum(line.startswith("{") for line in lines) > 0


@pytest.mark.parametrize(("topic", "text"), MESSAGES)
def test_a_message_of_the_contract_s_page_is_what_the_contract_says(topic: str, text: str) -> None:
    message: dict[str, Any] = json.loads(text)
    name = topic.partition("/")[2] or topic
    assert message.get("type", name) == name
    if (why := REFUSED.get(message.get("id"))) is not None:
        with pytest.raises(Rejected) as refused:
            parse(text.encode())
        assert (refused.value.reason, refused.value.path) == (why["reason"], why["path"])
        return
    fits(DOCUMENT, DOCUMENT["components"]["messages"][name]["payload"], message)
    if topic.startswith("cmd/"):
        assert parse(text.encode()).id == message["id"]


def test_the_messages_of_the_contract_s_page_answer_one_another() -> None:
    told = [(topic, json.loads(text)) for topic, text in MESSAGES]
    commands = {message["id"] for topic, message in told if topic.startswith("cmd/")}
    events = {message["id"] for topic, message in told if topic.startswith("evt/")}
    causes = {message["cause"] for topic, message in told if topic.startswith("evt/")}
    assert causes - {None} <= commands
    assert {id_ for topic, message in told if topic == "ack" for id_ in message["ids"]} <= events
