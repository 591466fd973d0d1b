"""The settings of one level: as the cloud sends them, and as the domain narrows them."""

from typing import Annotated, Literal

from pydantic import (
    Field,
)

from gatewayd.domain.policy import PinSource, PolicyPatch
from gatewayd.intake.fields import Duration, Model


class PinPolicy(Model):
    """Where codes come from."""

    source: PinSource | None = None
    length: Annotated[int, Field(ge=4, le=8)] | None = None


class PolicyDocument(Model):
    """Settings of one level; what is absent is left to the wider level (site, property, key)."""

    grace: Duration | Literal["all_day"] | None = Field(
        default=None, description="before and after the stay; all_day = whole first and last day"
    )
    grace_before: Duration | None = None
    grace_after: Duration | None = None
    pin: PinPolicy | None = None
    write_lead: Duration | None = Field(default=None, description="how long before the window")
    verify_after: Duration | None = Field(default=None, description="second look at a new code")


def patch_of(policy: PolicyDocument | None) -> PolicyPatch:
    """The fields of `domain.policy.Policy` that a document sets."""
    if policy is None:
        return {}
    patch: dict[str, object] = {}
    if policy.grace is not None:
        whole = policy.grace == "all_day"
        patch["grace_all_day"] = whole
        if not whole:
            patch["grace_before"] = patch["grace_after"] = policy.grace
    for name in ("grace_before", "grace_after", "write_lead", "verify_after"):
        if (span := getattr(policy, name)) is not None:
            patch[name] = span
    if policy.pin is not None and policy.pin.source is not None:
        patch["pin_source"] = policy.pin.source
    if policy.pin is not None and policy.pin.length is not None:
        patch["pin_length"] = policy.pin.length
    return patch
