"""Reports that a campaign asks for: what the server hears, and whose and which try's a report is that comes back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from maildrill.cli.main import main
from maildrill.fakeserver.journal.record import Message
from maildrill.fakeserver.language.injection import Action, Injection, Kind
from maildrill.fakeserver.sending.injections import Cause
from maildrill.fakeserver.sending.notices import Postmark, compose
from maildrill.fakeserver.server import FakeServer
from maildrill.fakeserver.system_clock import SystemClock
from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.mutants.patching import Patching
from maildrill.scenarios.world import run_world
from maildrill.sender import desk
from maildrill.sender.campaign import Account, Campaign, Limits, Mailbox, Mode, RetryPolicy
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.dsn import DsnRequest, Notify, Ret
from maildrill.sender.ledger import AttemptRecord, Durability, open_ledger
from maildrill.sender.lists import Row
from maildrill.sender.log_sinks import Memory
from maildrill.sender.message import Composer
from maildrill.sender.runner import Runner
from maildrill.smtp import Clock

WISHES = DsnRequest(notify=(Notify.SUCCESS, Notify.DELAY), ret=Ret.HDRS)
PEOPLE = ("ann+list@x.example", "bob@x.example", "jörg@x.example")
WITHOUT = '[server]\ncaps = "-DSN"\n'
LATER = '[[rule]]\nat = "rcpt"\nrcpt = "bob@*"\nkey = "rcpt"\nattempt = "1"\nreply = "450 4.2.1 later"\n'


@dataclass
class Sent:
    """What a run left: the messages that the server has, the tries, and the ledger."""

    messages: list[Message]
    attempts: list[AttemptRecord]
    ledger: Path

    def of(self, address: str) -> Message:
        """Return the message that somebody got."""
        (found,) = (one for one in self.messages if address in one.recipients)
        return found

    def bounces(self, octets: bytes, *options: str) -> Result:
        """Read what came back."""
        return CliRunner().invoke(main, ["bounces", "-", "--ledger", str(self.ledger), *options], input=octets)

    def report(self, address: str, original: bytes = b"Subject: Hello\r\n") -> bytes:
        """Return what the server reports to the sender if somebody's mailbox turns out not to be there."""
        message = self.of(address)
        cause = Cause(
            injection=Injection(name="bounce", kind=Kind.DSN, action=Action.FAILED, status="5.1.1"),
            id="1",
            rcpt=address,
            address="office@club.example",
            reverse_path="office@club.example",
            original=original,
            at=message.at,
            parameters=message.parameters,
            said=message.rcpt_parameters.get(address, {}),
        )
        return compose(cause, Postmark("mx.example", message.at + 60))


Send = Callable[..., Sent]


@pytest.fixture(params=["memory", "tcp"])
def send(request: pytest.FixtureRequest, tmp_path: Path) -> Send:
    """Send a campaign to PEOPLE by a server with this script, in virtual time or over TCP."""

    def run(script: str = "", **given: Any) -> Sent:
        async def play(clock: Clock, host: str) -> Sent:
            server = FakeServer(read_script(f"version = 1\n{script}", "test.toml"), clock=clock)
            _, port = await server.start(host, 0)
            campaign = _campaign(Account(host=host, port=port), given)
            ledger = open_ledger(tmp_path / "club.ledger", campaign, at=clock.now(), durability=Durability.PROCESS)
            rows = [Row(line, address, {"email": address}) for line, address in enumerate(PEOPLE, start=2)]
            try:
                with ConnectionLog(Memory()) as log:
                    await Runner(campaign, rows, Composer(campaign), ledger, clock=clock, log=log).run()
                return Sent(list(server.journal.messages), list(ledger.attempts()), tmp_path / "club.ledger")
            finally:
                ledger.close()
                await server.stop()

        if request.param == "memory":
            return run_world(lambda world: play(world.clock, "mx.example"))
        return asyncio.run(asyncio.wait_for(play(SystemClock(), "127.0.0.1"), 60))

    return run


def _campaign(account: Account, given: dict[str, Any]) -> Campaign:
    plain: dict[str, Any] = {
        "name": "club",
        "sender": Mailbox("", "office@club.example"),
        "subject": "Hello",
        "account": account,
        "list_file": Path("list.csv"),
        "email": "email",
        "text": "Hello!",
        "html": None,
        "attachments": (),
        "retry": RetryPolicy(schedule=(0.2,), cap=0.2, lifetime=60.0),
        "limits": Limits(connections=2),
        "dsn": WISHES,
    }
    return Campaign(**{**plain, **given})


def test_the_server_hears_what_is_wished_for(send: Send) -> None:
    """NOTIFY and ORCPT for each recipient, RET and ENVID for each message; no two tries have one ENVID."""
    sent = send()
    said = [sent.of(address).rcpt_parameters[address] for address in PEOPLE]

    assert [one["NOTIFY"] for one in said] == ["SUCCESS,DELAY"] * 3
    assert [one["ORCPT"] for one in said] == [
        "rfc822;ann+2Blist@x.example",
        "rfc822;bob@x.example",
        r"utf-8;j\x{F6}rg@x.example",
    ]
    assert {one.parameters["RET"] for one in sent.messages} == {"HDRS"}
    assert len({one.parameters["ENVID"] for one in sent.messages}) == 3


def test_a_server_without_dsn_hears_nothing_of_it(send: Send) -> None:
    """Nor does one that offers it, where the campaign asks for nothing."""
    words = {"RET", "ENVID", "NOTIFY", "ORCPT"}
    sent = send(WITHOUT)

    assert not any(words & one.parameters.keys() or one.rcpt_parameters for one in sent.messages)
    assert len(sent.messages) == 3


def test_a_report_is_matched_by_its_envelope_id(send: Send) -> None:
    """Whose it is and which try, though it returns nothing of the message that has the Message-ID."""
    sent = send(LATER)
    (try_,) = (one for one in sent.attempts if one.recipient == "bob@x.example" and one.verdict.value == "delivered")
    result = sent.bounces(sent.report("bob@x.example"), "--json")

    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["recipient"], told["state"]) == ("bob@x.example", "failed")
    assert told["attempt"] == {"run": 1, "session": try_.session, "transaction": try_.transaction}


def test_in_a_batch_the_original_recipient_says_whose_it_is(send: Send) -> None:
    """One message, one ENVID for many: each is told from the others by ORCPT, whatever its encoding."""
    sent = send(mode=Mode.BATCH)

    for address in PEOPLE:
        result = sent.bounces(sent.report(address))
        assert result.stdout.startswith(f"{address}: delivered, now failed (bounced 5.1.1")


def test_a_report_without_envelope_id_says_no_try(send: Send) -> None:
    """The Message-ID in what is returned still says whose it is."""
    sent = send(dsn=None)
    message = sent.of("bob@x.example")
    header = message.content.partition(b"\r\n\r\n")[0] + b"\r\n"
    told = json.loads(sent.bounces(sent.report("bob@x.example", header), "--json").stdout)

    assert (told["recipient"], told["state"], told["attempt"]) == ("bob@x.example", "failed", None)
    assert sent.bounces(sent.report("bob@x.example")).exit_code == 1


def test_a_defect_in_the_envelope_id_is_found(send: Send) -> None:
    """With one ENVID for all messages a report is nobody's: the tests above see the defect."""
    with Patching() as patch:
        patch.setattr(desk, "message_of", lambda _: "0")
        sent = send()

    assert sent.bounces(sent.report("bob@x.example")).exit_code == 1
