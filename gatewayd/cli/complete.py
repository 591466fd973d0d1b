"""What a shell completes: locks and keys by the daemon where it answers, else nothing."""

import os
from collections.abc import Iterator
from pathlib import Path

import click
from click.shell_completion import CompletionItem, get_completion_class

from gatewayd.cli.client import Door
from gatewayd.cli.options import DOOR_SOCKET
from gatewayd.cli.trouble import Trouble

ANSWERS_WITHIN = 0.3
"""Seconds: somebody has pressed Tab."""
KEYS = 200
SHELLS = ("bash", "zsh", "fish")


def locks(context: click.Context, _: click.Parameter, begun: str) -> list[CompletionItem]:
    """The ids of locks that begin so, each with the lock's name."""
    return [
        CompletionItem(lock["lock_id"], help=lock["name"])
        for lock in _asked(context, "/v1/locks", "locks")
        if lock["lock_id"].startswith(begun)
    ]


def keys(context: click.Context, _: click.Parameter, begun: str) -> list[CompletionItem]:
    """The ids of current and coming keys that begin so, the nearest first."""
    path = f"/v1/keys?status=current,upcoming&limit={KEYS}"
    found = (key["key_id"] for key in _asked(context, path, "keys"))
    return [CompletionItem(id_) for id_ in found if id_.startswith(begun)]


def subjects(
    context: click.Context, parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """What `why` explains."""
    return [*locks(context, parameter, begun), *keys(context, parameter, begun)]


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print what makes a SHELL complete commands, locks and keys.

    \b
    bash:  echo 'eval "$(gatewayd completion bash)"' >> ~/.bashrc
    zsh:   echo 'eval "$(gatewayd completion zsh)"' >> ~/.zshrc
    fish:  gatewayd completion fish > ~/.config/fish/completions/gatewayd.fish
    """
    root = click.get_current_context().find_root().command
    found = get_completion_class(shell)
    assert found is not None  # noqa: S101  # click has them
    click.echo(found(root, {}, "gatewayd", "_GATEWAYD_COMPLETE").source())


def _asked(context: click.Context, path: str, name: str) -> Iterator[dict[str, str]]:
    """What the daemon lists; nothing where it does not answer at once."""
    socket = context.params.get("socket") or os.environ.get("GATEWAYD_SOCKET") or DOOR_SOCKET
    try:
        yield from Door(Path(socket), ANSWERS_WITHIN).get(path)[name]
    except (Trouble, ValueError):
        return
