"""Defects about the user's overrides, seeded in the sender."""

from __future__ import annotations

from maildrill.scenarios.mutants.patching import Patching
from maildrill.sender import lane, override, standing
from maildrill.sender.attempt import Ruling
from maildrill.sender.retry import next_attempt


def ignores_overrides(patch: Patching) -> None:
    patch.setattr(lane, "overruled", lambda ruling, _, **__: ruling)


def overrides_whatever_is_said(patch: Patching) -> None:
    patch.setattr(override, "changeable", lambda ruling: ruling.reply is not None)


def hides_its_overrides(patch: Patching) -> None:
    honest = override.overruled

    def silent(ruling: Ruling, overrides: override.Overrides, **who: str) -> Ruling:
        found = honest(ruling, overrides, **who)
        object.__setattr__(found, "override", "")
        return found

    patch.setattr(lane, "overruled", silent)


def forgets_the_interval(patch: Patching) -> None:
    patch.setattr(standing, "next_attempt", lambda policy, **more: next_attempt(policy, **{**more, "instead": None}))
