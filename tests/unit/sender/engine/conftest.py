"""What the tests of retry, plan and ledger share: campaigns, rulings and recipients with little to say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from maildrill.sender.attempt import Fault, Ruling, Scope, State, Verdict
from maildrill.sender.campaign import Account, Campaign, Limits, Mailbox, RetryPolicy
from maildrill.sender.ledger import AttemptRecord, Entry
from maildrill.sender.lists import Row
from maildrill.sender.plan import Waiting
from maildrill.sender.standing import Standing, after
from maildrill.smtp import Reply, Stage

POLICY = RetryPolicy(schedule=(300.0, 600.0), cap=600.0, lifetime=86400.0)


@pytest.fixture
def policy() -> RetryPolicy:
    """Five minutes, then ten, for a day."""
    return POLICY


@pytest.fixture
def campaign() -> Callable[..., Campaign]:
    """A campaign; what matters to a test is given by name."""

    def make(**given: Any) -> Campaign:
        plain: dict[str, Any] = {
            "name": "club",
            "sender": Mailbox("", "office@club.example"),
            "subject": "Hello",
            "account": Account(host="mx.example"),
            "list_file": Path("list.csv"),
            "email": "email",
            "text": "Hello!",
            "html": None,
            "attachments": (),
            "retry": POLICY,
            "limits": Limits(),
        }
        return Campaign(**{**plain, **given})

    return make


@pytest.fixture
def ruling() -> Callable[..., Ruling]:
    """A ruling for a@x.example: the verdict, and for the rest what goes with a deferral at RCPT."""

    def make(verdict: Verdict, **given: Any) -> Ruling:
        plain: dict[str, Any] = {
            "recipient": "a@x.example",
            "scope": Scope.RECIPIENT,
            "stage": Stage.RCPT,
            "row": "rcpt-4yz",
            "reply": Reply.of("450 4.2.1 busy"),
        }
        return Ruling(verdict=verdict, **{**plain, **given})

    return make


@pytest.fixture
def unanswered(ruling: Callable[..., Ruling]) -> Ruling:
    """The line dropped after the dot."""
    return ruling(
        Verdict.UNKNOWN, scope=Scope.MESSAGE, stage=Stage.DOT, row="dot-lost", reply=None, fault=Fault.EOF, detail="cut"
    )


@pytest.fixture
def waiting() -> Callable[..., Waiting]:
    """The `key`-th recipient, due when said."""

    def make(key: int, due: float | None = 0.0, **standing: Any) -> Waiting:
        return Waiting(key, f"r{key}@x.example", 0.0, Standing(due=due, **standing))

    return make


@pytest.fixture
def rows() -> Callable[..., list[Row]]:
    """The rows of a list with these addresses."""

    def make(*addresses: str) -> list[Row]:
        return [Row(line, address, {"email": address}) for line, address in enumerate(addresses, start=2)]

    return make


@pytest.fixture
def entry() -> Callable[..., Entry]:
    """One try for a waiting recipient, ruled so, from second 10 to 12 of session 1, transaction 1."""

    def make(waiting: Waiting, ruling: Ruling, policy: RetryPolicy = POLICY) -> Entry:
        ruling = replace(ruling, recipient=waiting.address)
        standing = after(waiting.standing, ruling, policy, started=10.0, now=12.0, seed=0)
        attempt = AttemptRecord(
            recipient=waiting.address,
            number=standing.attempts,
            run=1,
            session=1,
            transaction=1,
            started=10.0,
            ended=12.0,
            verdict=ruling.verdict,
            state=standing.state,
            scope=ruling.scope,
            stage=ruling.stage,
            row=ruling.row,
            counted=ruling.counted,
            reply=ruling.reply,
            fault=ruling.fault,
            detail=ruling.detail,
            until=standing.due if standing.state is State.DEFERRED else None,
        )
        return Entry(waiting.key, attempt, standing)

    return make
