"""What people call a key or a lock, and which one they mean."""

import difflib

from gatewayd.cli.client import Document, Door, part
from gatewayd.cli.trouble import Trouble


def key_named(door: Door, id_: str) -> Document:
    """The key with that id, or of the reservation with that id."""
    for name in (id_, f"res:{id_}"):
        if (found := door.find(f"/v1/keys/{part(name)}")) is not None:
            return found
    raise Trouble(f"there is no key {id_}", "gatewayd keys")


def lock_named(door: Door, name: str, *, exactly: bool = False) -> str:
    """The id of the one lock that is called so, or, unless it must be so `exactly`, whose id or
    name begins so."""
    there = door.get("/v1/locks")["locks"]
    found = called(there, name)
    if exactly and not _exact(there, name):
        like = f"is it {', '.join(sorted(found))}? " if found else ""
        raise Trouble(f"there is no lock {name}", f"{like}gatewayd locks")
    if len(found) == 1:
        return found.pop()
    if found:
        raise Trouble(f"{name} may be {', '.join(sorted(found))}", "name one of them")
    near = difflib.get_close_matches(name.casefold(), [word for _, word in _words(there)], 1)
    todo = f"is it {near[0]}? gatewayd locks" if near else "gatewayd locks"
    raise Trouble(f"there is no lock {name}", todo)


def called(locks: list[Document], name: str) -> set[str]:
    """The ids of the locks that are called so, else of those whose id or name begins so."""
    wanted = name.casefold()
    return _exact(locks, name) or {id_ for id_, word in _words(locks) if word.startswith(wanted)}


def _exact(locks: list[Document], name: str) -> set[str]:
    return {id_ for id_, word in _words(locks) if word == name.casefold()}


def _words(locks: list[Document]) -> list[tuple[str, str]]:
    """Each lock's id with that and with its name, as they are compared."""
    both = ((lock["lock_id"], lock[word]) for lock in locks for word in ("lock_id", "name"))
    return [(id_, word.casefold()) for id_, word in both]
