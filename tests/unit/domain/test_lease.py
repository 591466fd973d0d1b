"""A lease: how far we got, how sure we are."""

import pytest

from gatewayd.domain.lease import Proof, Stage
from tests.unit.domain.builders import lease


def test_proofs_are_ranked() -> None:
    """An acknowledgement is the least, use the most; S0-1."""
    assert list(Proof) == [Proof.ACCEPTED, Proof.PRESENT, Proof.MATCHED, Proof.USED]


@pytest.mark.parametrize(
    ("proof", "proven"),
    [
        (None, False),
        (Proof.ACCEPTED, False),  # S0-1
        (Proof.PRESENT, True),
        (Proof.MATCHED, True),
        (Proof.USED, True),
    ],
)
def test_only_what_the_lock_has_shown_is_proven(proof: Proof | None, proven: bool) -> None:
    """An acknowledgement is never proof."""
    assert lease(Stage.WRITTEN, proof).proven is proven


@pytest.mark.parametrize(
    ("stage", "proof", "in_doubt"),
    [
        (Stage.TAKEN, None, False),
        (Stage.GONE, None, False),
        (Stage.WRITING, None, True),
        (Stage.WRITTEN, Proof.ACCEPTED, True),
        (Stage.WRITTEN, Proof.MATCHED, True),  # suffering 13
        (Stage.CLEARING, Proof.MATCHED, True),
        (Stage.CLEARED, None, True),
        (Stage.CLEARED, Proof.MATCHED, False),
    ],
)
def test_one_empty_look_is_enough_only_after_a_proven_code_was_cleared(
    stage: Stage, proof: Proof | None, in_doubt: bool
) -> None:
    """Else a write may still land, or the look may lie."""
    assert lease(stage, proof).in_doubt is in_doubt
