"""What the commands ask of the daemon, at its local door."""

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from gatewayd.cli.trouble import Trouble, fail

NO_ANSWER = 3
"""The exit code where the daemon does not answer."""
ANSWERS_WITHIN = 35.0
"""Seconds: a little longer than the daemon gives itself."""
SILENT = 60.0
"""Seconds after which who follows events takes the line for dead: there is a sign every 15."""
NOT_FOUND = 404
FAILED = 500

type Document = dict[str, Any]


class _Connection(http.client.HTTPConnection):
    """Over a unix socket."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Door:
    """The daemon's, at a socket.

    Raises, whatever is asked:
        Trouble: it does not answer, or has no such answer.
    """

    def __init__(self, path: Path, within: float = ANSWERS_WITHIN) -> None:
        self._path, self._within = path, within

    def get(self, path: str, **asked: object) -> Document:
        """An answer."""
        return self._said(*self._ask("GET", _with(path, asked)))

    def find(self, path: str) -> Document | None:
        """An answer; None: there is no such thing."""
        status, document = self._ask("GET", path)
        return None if status == NOT_FOUND else self._said(status, document)

    def post(self, path: str, body: Mapping[str, object]) -> Document:
        """The answer to a word."""
        return self._said(*self._ask("POST", path, body))

    def command(self, type_: str, data: Mapping[str, object]) -> Document:
        """A command's receipt, whatever it says."""
        said = {"type": type_, "data": data}
        status, document = self._ask("POST", "/v1/commands", said)
        return document if "cause" in document else self._said(status, document)

    def follow(self, path: str, last: int, **asked: object) -> Iterator[Document]:
        """Each event after the last one as it comes, until the daemon ends."""
        with self._reached() as line:
            line.timeout = SILENT
            words = {"Accept": "text/event-stream", "Last-Event-ID": str(last)}
            line.request("GET", _with(path, asked), headers=words)
            response = line.getresponse()
            if response.status != http.client.OK:
                self._said(response.status, json.loads(response.read()))
            while said := response.readline():
                if said.startswith(b"data: "):
                    yield json.loads(said.removeprefix(b"data: "))
        raise Trouble("the daemon has ended the line", NO_DAEMON, NO_ANSWER)

    def _ask(
        self, method: str, path: str, body: Mapping[str, object] | None = None
    ) -> tuple[int, Document]:
        with self._reached() as line:
            line.request(method, path, json.dumps(body) if body is not None else None)
            response = line.getresponse()
            return response.status, json.loads(response.read())

    def _said(self, status: int, document: Document) -> Document:
        if status < http.client.BAD_REQUEST:
            return document
        at = f" ({document['path']})" if document.get("path") else ""
        todo = "journalctl -u gatewayd" if status >= FAILED else "gatewayd COMMAND --help"
        raise Trouble(f"{document['message']}{at}", todo)

    @contextlib.contextmanager
    def _reached(self) -> Iterator[http.client.HTTPConnection]:
        """A line to the daemon; what keeps us from it, in words."""
        with contextlib.closing(_Connection(self._path, self._within)) as line:
            try:
                yield line
            except PermissionError as error:
                todo = "sudo usermod -aG gatewayd $USER, then log in again; or use sudo"
                raise Trouble(f"{self._path}: no permission", todo, NO_ANSWER) from error
            except (OSError, http.client.HTTPException) as error:
                why = f"the daemon does not answer at {self._path}"
                raise Trouble(why, NO_DAEMON, NO_ANSWER) from error


NO_DAEMON = "is it running? systemctl status gatewayd"


@contextlib.contextmanager
def answered(path: Path, *, as_json: bool) -> Iterator[Door]:
    """The door; whatever is wrong with it, or with an answer, ends the command in words."""
    try:
        yield Door(path)
    except Trouble as trouble:
        fail(trouble, as_json=as_json)


def part(name: str) -> str:
    """One part of a path."""
    return quote(name, safe="")


def _with(path: str, asked: Mapping[str, object]) -> str:
    given = {name: value for name, value in asked.items() if value not in (None, "", ())}
    words = {n: ",".join(v) if isinstance(v, list | tuple) else v for n, v in given.items()}
    return f"{path}?{urlencode(words, safe=',:')}" if words else path
