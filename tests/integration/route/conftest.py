"""Drills with several hosts: the real sender, a fake server for each host, a DNS of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from maildrill.fakeserver.language.script import Script
from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.drill import Drilled, Plan, rehearse
from maildrill.scenarios.fake_dns import Records
from maildrill.sender.campaign import Account, Campaign, Limits, Mailbox, RetryPolicy
from maildrill.sender.lists import RecipientList, Row


def script(rules: str = "") -> Script:
    """A script of these rules."""
    return read_script(f"version = 1\n{rules}", "test.toml")


@pytest.fixture
def played() -> Callable[..., Drilled]:
    """Play a campaign: recipients (a number, or addresses), scripts by host, records by name; the rest by name."""

    def play(
        recipients: int | Sequence[str],
        hosts: Mapping[str, str],
        dns: Mapping[str, Records] | None = None,
        *,
        ledger: Path | None = None,
        judged: bool = True,
        **given: Any,
    ) -> Drilled:
        people = [f"r{n}@x.example" for n in range(recipients)] if isinstance(recipients, int) else recipients
        plain: dict[str, Any] = {
            "name": "club",
            "sender": Mailbox("", "office@club.example"),
            "subject": "Hello",
            "account": Account(host=next(iter(hosts), "none.example")),
            "list_file": Path("list.csv"),
            "email": "email",
            "text": "Hello!\n",
            "html": None,
            "attachments": (),
            "retry": RetryPolicy(schedule=(300.0, 600.0), cap=600.0, lifetime=86400.0),
            "limits": Limits(connections=4),
        }
        rows = tuple(Row(n, address, {"email": address}) for n, address in enumerate(people, start=2))
        plan = Plan(
            campaign=Campaign(**{**plain, **given}),
            script=script(),
            recipients=RecipientList(rows, (), ("email",)),
            hosts={host: script(rules) for host, rules in hosts.items()},
            dns=dns or {},
            ledger=ledger,
        )
        drilled = rehearse(plan)
        assert not judged or drilled.summary.violations == ()
        return drilled

    return play
