"""What overrides change, what they never change, and when the next try is by them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from maildrill.sender.attempt import Fault, Ruling, Scope, State, Verdict
from maildrill.sender.campaign import RetryPolicy
from maildrill.sender.classification import bundled
from maildrill.sender.disposition_table import TABLE
from maildrill.sender.override import STAGES, Override, Overrides, Then, changeable, overruled
from maildrill.sender.standing import Standing, after
from maildrill.smtp import Reply, Stage

Make = Callable[..., Any]

NO = {"reply": Reply.of("550 5.1.1 no such user"), "row": "rcpt-5yz"}
BUSY = {"reply": Reply.of("450 4.2.1 busy"), "row": "rcpt-4yz"}


def by(*each: Override) -> Overrides:
    return Overrides(each, None, bundled())


@pytest.mark.parametrize(
    ("words", "fits"),
    [
        ({"category": ("unknown-user",)}, True),
        ({"category": ("greylist", "unknown-user")}, True),
        ({"category": ("greylist",)}, False),
        ({"code": ("55*",)}, True),
        ({"code": ("450", "551")}, False),
        ({"status": ("*.1.1",)}, True),
        ({"status": ("5.7.*",)}, False),
        ({"text": ("SUCH user",)}, True),
        ({"text": ("~no .* mailbox",)}, False),
        ({"at": (Stage.RCPT,)}, True),
        ({"at": (Stage.MAIL, Stage.DOT)}, False),
        ({"match": ("X.example",)}, True),
        ({"match": ("mx?.host.example",)}, True),
        ({"match": ("main",)}, True),
        ({"match": ("*.other.example",)}, False),
        ({"code": ("550",), "match": ("other.example",)}, False),
    ],
)
def test_an_override_fits_by_all_of_its_words(ruling: Make, words: dict[str, Any], fits: bool) -> None:
    """Each word by one of its values; names of domain, host and account in any case."""
    refused = ruling(Verdict.FAILED, **NO)
    found = overruled(refused, by(Override(line=7, then=Then.RETRY, **words)), host="MX1.host.example", account="main")

    assert (found.verdict, found.override) == ((Verdict.DEFERRED, "line 7: retry") if fits else (Verdict.FAILED, ""))
    assert (found.row, found.reply, found.scope) == (refused.row, refused.reply, refused.scope)


@pytest.mark.parametrize(
    ("one", "said", "verdict", "override", "counted"),
    [
        (Override(line=3, then=Then.RETRY, after=7200.0), NO, Verdict.DEFERRED, "line 3: retry after 2h", True),
        (Override(line=3, then=Then.HOLD), NO, Verdict.HELD, "line 3: hold", False),
        (Override(line=3, then=Then.FAIL), NO, Verdict.FAILED, "", True),
        (Override(line=3, then=Then.FAIL), BUSY, Verdict.FAILED, "line 3: fail", True),
        (Override(line=3, then=Then.RETRY), BUSY, Verdict.DEFERRED, "", True),
        (Override(line=3, then=Then.RETRY, after=60.0), BUSY, Verdict.DEFERRED, "line 3: retry after 1m", True),
    ],
)
def test_what_an_override_has_instead(
    ruling: Make, one: Override, said: dict[str, Any], verdict: Verdict, override: str, counted: bool
) -> None:
    """One that changes nothing leaves no mark."""
    before = ruling(Verdict.FAILED if said is NO else Verdict.DEFERRED, **said)
    found = overruled(before, by(one))

    assert (found.verdict, found.override, found.counted) == (verdict, override, counted)
    assert found.interval == (one.after if override else None)


def test_the_first_that_fits_decides(ruling: Make) -> None:
    """In the order of the file; without any the table does."""
    each = by(
        Override(line=1, then=Then.FAIL, code=("4*",)),
        Override(line=2, then=Then.HOLD, code=("5*",)),
        Override(line=3, then=Then.RETRY, code=("550",)),
    )

    assert overruled(ruling(Verdict.FAILED, **NO), each).override == "line 2: hold"
    assert overruled(ruling(Verdict.FAILED, **NO), Overrides()).override == ""
    assert (
        overruled(ruling(Verdict.FAILED, **NO), Overrides((Override(then=Then.HOLD, category=("x",)),))).override == ""
    )


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.id)
@pytest.mark.parametrize("code", ["250", "354", "421", "450", "550"])
def test_only_refusals_of_a_message_or_a_recipient_can_be_changed(row: Any, code: str) -> None:
    """Never a delivery, a doubt, a hold of our account, or what is about host, batch and order of commands."""
    told = Ruling(
        recipient="a@x.example",
        verdict=row.verdict,
        scope=row.scope,
        stage=row.stage,
        row=row.id,
        reply=Reply.of(f"{code} so it is"),
    )
    every = by(*(Override(then=then, after=60.0) for then in (Then.RETRY,)), Override(then=Then.FAIL))
    found = overruled(told, every)

    about_us = row.scope is Scope.HOST or "out-of-step" in row.id or "too-many" in row.id or row.stage not in STAGES
    if code[0] in "23" or row.verdict not in (Verdict.FAILED, Verdict.DEFERRED) or about_us:
        assert found is told
    assert found.verdict in (told.verdict, Verdict.DEFERRED)


def test_what_was_not_said_is_not_changed(ruling: Make) -> None:
    """A session that was lost, and a fault beside a reply."""
    assert not changeable(ruling(Verdict.DEFERRED, reply=None, fault=Fault.EOF))
    assert not changeable(ruling(Verdict.DEFERRED, fault=Fault.OUT_OF_STEP, **BUSY))


@pytest.mark.parametrize(
    ("interval", "lifetime", "due", "state"),
    [
        (None, 86400.0, 312.0, State.DEFERRED),
        (60.0, 86400.0, 72.0, State.DEFERRED),  # shorter than the floor of the schedule
        (7200.0, 86400.0, 7212.0, State.DEFERRED),  # longer than its cap
        (7200.0, 7200.0, None, State.EXPIRED),  # there is no room for it any more
        (3621.0, 3660.0, 3633.0, State.DEFERRED),
    ],
)
def test_the_next_try_is_when_the_override_says(
    ruling: Make, interval: float | None, lifetime: float, due: float | None, state: State
) -> None:
    """In place of the schedule's delay; the lifetime holds (invariant I14)."""
    policy = RetryPolicy(schedule=(300.0, 600.0), cap=600.0, lifetime=lifetime)
    told = ruling(Verdict.DEFERRED, interval=interval)
    found = after(Standing(due=0.0), told, policy, started=10.0, now=12.0, seed=0)

    assert (found.state, found.due) == (state, due)
