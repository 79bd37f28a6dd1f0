"""Recipients and tries with little to say, for what reads them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from maildrill.sender.attempt import Scope, State, Verdict
from maildrill.sender.campaign import Account, Campaign, Limits, Mailbox, RetryPolicy
from maildrill.sender.ledger.records import AttemptRecord, RecipientRecord
from maildrill.smtp import Reply, Stage

NOON = 1767614400.0


@pytest.fixture
def recipient() -> Callable[..., RecipientRecord]:
    """A recipient in a state; what matters to a test is given by name."""

    def make(address: str, state: State, **given: Any) -> RecipientRecord:
        plain: dict[str, Any] = {
            "address": address,
            "number": 2,
            "state": state,
            "attempts": 1,
            "queued_at": NOON,
            "due": None,
            "first_at": NOON,
            "expires_at": None,
            "message_id": f"<{address}>",
        }
        return RecipientRecord(**{**plain, **given})

    return make


@pytest.fixture
def attempt() -> Callable[..., AttemptRecord]:
    """A try with a verdict; what matters to a test is given by name."""

    def make(recipient: str, verdict: Verdict, **given: Any) -> AttemptRecord:
        plain: dict[str, Any] = {
            "recipient": recipient,
            "number": 1,
            "run": 1,
            "session": 3,
            "transaction": 2,
            "started": NOON,
            "ended": NOON + 1,
            "verdict": verdict,
            "state": State.DEFERRED,
            "scope": Scope.RECIPIENT,
            "stage": Stage.RCPT,
            "row": "rcpt-4yz",
            "counted": True,
            "reply": Reply.of("450 4.2.1 busy"),
        }
        return AttemptRecord(**{**plain, **given})

    return make


@pytest.fixture
def campaign() -> Callable[..., Campaign]:
    """A campaign; what matters to a test is given by name."""

    def make(**given: Any) -> Campaign:
        plain: dict[str, Any] = {
            "name": "spring",
            "sender": Mailbox("", "news@hall.example"),
            "subject": "Hello",
            "account": Account(host="mx.example"),
            "list_file": Path("list.csv"),
            "email": "Email",
            "text": "Hello!",
            "html": None,
            "attachments": (),
            "retry": RetryPolicy(schedule=(300.0,), cap=300.0, lifetime=3600.0),
            "limits": Limits(),
        }
        return Campaign(**{**plain, **given})

    return make
