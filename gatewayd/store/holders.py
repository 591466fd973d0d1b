"""Who has a code, a guest's name, a label: read once where a transaction makes many keys."""

from typing import Literal

from gatewayd.domain.code import Code
from gatewayd.domain.ids import KeyId
from gatewayd.domain.key import Key

type Kind = Literal["code", "guest", "label", "refused"]

HOLDERS = """
SELECT 'code', code, id FROM keys
UNION ALL SELECT 'code', code, key_id FROM past_codes
UNION ALL SELECT 'code', code, NULL FROM slots s WHERE code IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.lock_id = s.lock_id AND l.slot = s.slot)
UNION ALL SELECT 'guest', guest, id FROM keys WHERE guest IS NOT NULL
UNION ALL SELECT 'label', label, id FROM keys WHERE label <> ''
UNION ALL SELECT 'refused', id, NULL FROM keys WHERE relabelled
"""


class Holders:
    """What nobody else has here is free; whether the rest is taken has to be asked."""

    def __init__(self) -> None:
        self._by: dict[tuple[Kind, str], KeyId | None] = {}

    def add(self, kind: Kind, value: str, key: KeyId | None) -> None:
        """This key has it, perhaps beside others; None: nobody's key."""
        if self._by.setdefault((kind, value), key) != key:
            self._by[kind, value] = None

    def put(self, key: Key, code: Code) -> None:
        """A key is made or changed."""
        self.add("code", code.digits, key.id)
        self.add("label", key.label, key.id)
        self.add("guest", key.guest or "", key.id)

    def code_free(self, key: Key, code: Code) -> bool:
        """Whether surely no other key and no lock has it."""
        return self._only(key.id, "code", code.digits)

    def name_free(self, key: Key) -> bool:
        """Whether the key's name is surely free to be its label."""
        return (
            self._only(key.id, "refused", key.id)
            and self._only(key.id, "guest", key.guest or "")
            and self._only(key.id, "label", key.name or "")
        )

    def _only(self, key: KeyId, kind: Kind, value: str) -> bool:
        return self._by.get((kind, value), key) == key
