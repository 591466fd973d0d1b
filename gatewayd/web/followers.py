"""Who waits for what is told next."""

import asyncio
import contextlib
from collections.abc import Iterator

from gatewayd.store.database import Transaction


class Followers:
    """All who follow; `closed`: the hub ends, and so do they."""

    def __init__(self) -> None:
        self.closed = False
        self._news: set[asyncio.Event] = set()

    def committed(self, tx: Transaction) -> None:
        """A transaction became true: wake them where it told something."""
        if tx.told:
            self._wake()

    def close(self) -> None:
        """Send them home."""
        self.closed = True
        self._wake()

    @contextlib.contextmanager
    def one(self) -> Iterator[asyncio.Event]:
        """One of them: set when there is something new."""
        news = asyncio.Event()
        self._news.add(news)
        try:
            yield news
        finally:
            self._news.remove(news)

    def _wake(self) -> None:
        for news in self._news:
            news.set()
