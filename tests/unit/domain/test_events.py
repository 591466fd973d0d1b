"""Facts for the cloud."""

from typing import get_args

from gatewayd.domain.events import Event


def test_every_event_has_a_type_of_its_own() -> None:
    """It names the topic and the schema."""
    kinds = [kind.type for kind in get_args(Event.__value__)]
    assert len(set(kinds)) == len(kinds)
    assert all(kind.count(".") == 1 for kind in kinds)
