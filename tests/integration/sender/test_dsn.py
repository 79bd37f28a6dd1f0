"""Reports that a campaign asks for: what the server hears, and whose and which try's a report is that comes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from click.testing import CliRunner, Result

from maildrill.cli.main import main
from maildrill.fakeserver.journal.record import Message
from maildrill.fakeserver.language.injection import Action, Injection, Kind
from maildrill.fakeserver.sending.injections import Cause
from maildrill.fakeserver.sending.notices import Postmark, compose
from maildrill.scenarios.mutants.patching import Patching
from maildrill.sender import desk
from maildrill.sender.campaign import Mode
from maildrill.sender.dsn import DsnRequest, Notify, Ret

WISHES = DsnRequest(notify=(Notify.SUCCESS, Notify.DELAY), ret=Ret.HDRS)
PEOPLE = ("ann+list@x.example", "bob@x.example", "jörg@x.example")
WITHOUT = '[server]\ncaps = "-DSN"\n'
LATER = '[[rule]]\nat = "rcpt"\nrcpt = "bob@*"\nkey = "rcpt"\nattempt = "1"\nreply = "450 4.2.1 later"\n'


Send = Callable[..., Any]


def of(sent: Any, address: str) -> Message:
    """Return the message that somebody got."""
    found: list[Message] = [one for one in sent.messages if address in one.recipients]
    assert len(found) == 1
    return found[0]


def bounces(sent: Any, octets: bytes, *options: str) -> Result:
    """Read what came back."""
    return CliRunner().invoke(main, ["bounces", "-", "--ledger", str(sent.ledger), *options], input=octets)


def report(sent: Any, address: str, original: bytes = b"Subject: Hello\r\n") -> bytes:
    """Return what the server reports to the sender if somebody's mailbox turns out not to be there."""
    message = of(sent, address)
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


def test_the_server_hears_what_is_wished_for(send: Send) -> None:
    """NOTIFY and ORCPT for each recipient, RET and ENVID for each message; no two tries have one ENVID."""
    sent = send(dsn=WISHES)
    said = [of(sent, address).rcpt_parameters[address] for address in PEOPLE]

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
    sent = send(WITHOUT, dsn=WISHES)

    assert not any(words & one.parameters.keys() or one.rcpt_parameters for one in sent.messages)
    assert len(sent.messages) == 3


def test_a_report_is_matched_by_its_envelope_id(send: Send) -> None:
    """Whose it is and which try, though it returns nothing of the message that has the Message-ID."""
    sent = send(LATER, dsn=WISHES)
    (try_,) = (one for one in sent.attempts if one.recipient == "bob@x.example" and one.verdict.value == "delivered")
    result = bounces(sent, report(sent, "bob@x.example"), "--json")

    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["recipient"], told["state"]) == ("bob@x.example", "failed")
    assert told["attempt"] == {"run": 1, "session": try_.session, "transaction": try_.transaction}


def test_in_a_batch_the_original_recipient_says_whose_it_is(send: Send) -> None:
    """One message, one ENVID for many: each is told from the others by ORCPT, whatever its encoding."""
    sent = send(mode=Mode.BATCH, dsn=WISHES)

    for address in PEOPLE:
        result = bounces(sent, report(sent, address))
        assert result.stdout.startswith(f"{address}: delivered, now failed (bounced 5.1.1")


def test_a_report_without_envelope_id_says_no_try(send: Send) -> None:
    """The Message-ID in what is returned still says whose it is."""
    sent = send()
    message = of(sent, "bob@x.example")
    header = message.content.partition(b"\r\n\r\n")[0] + b"\r\n"
    told = json.loads(bounces(sent, report(sent, "bob@x.example", header), "--json").stdout)

    assert (told["recipient"], told["state"], told["attempt"]) == ("bob@x.example", "failed", None)
    assert bounces(sent, report(sent, "bob@x.example")).exit_code == 1


def test_a_defect_in_the_envelope_id_is_found(send: Send) -> None:
    """With one ENVID for all messages a report is nobody's: the tests above see the defect."""
    with Patching() as patch:
        patch.setattr(desk, "message_of", lambda _: "0")
        sent = send(dsn=WISHES)

    assert bounces(sent, report(sent, "bob@x.example")).exit_code == 1
