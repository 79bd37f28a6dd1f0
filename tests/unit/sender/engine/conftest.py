"""What the tests of retry, plan and ledger share: campaigns, rulings and recipients with little to say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from maildrill.sender.attempt import Fault, Ruling, Scope, Verdict
from maildrill.sender.campaign import Account, Campaign, Limits, Mailbox, RetryPolicy
from maildrill.sender.plan import Waiting
from maildrill.sender.standing import Standing
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
