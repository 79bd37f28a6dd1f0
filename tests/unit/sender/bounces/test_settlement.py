"""Whose a report is, and what it changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from maildrill.sender.attempt import State
from maildrill.sender.bounces import Kind, Report, Returned
from maildrill.sender.bounces.settlement import Settlement, names_of, settle, whose
from maildrill.sender.classification import bundled
from maildrill.sender.ledger import RecipientRecord
from maildrill.smtp import Reply

ANN = RecipientRecord(
    address="Ann@x.test",
    number=2,
    state=State.UNKNOWN,
    attempts=1,
    queued_at=0.0,
    due=None,
    first_at=0.0,
    expires_at=9.0,
    message_id="<1@shop.test>",
    doubtful=True,
)
BOB = replace(ANN, address="bob@x.test", number=3)


def found(report: Report, message_ids: Sequence[str], ledger: Sequence[RecipientRecord]) -> str:
    record = whose(
        Returned(reports=(report,), message_ids=tuple(message_ids)),
        report,
        lambda message_id: [one for one in ledger if one.message_id == message_id],
    )
    return "" if record is None else record.address


def test_an_envelope_id_says_whose_message_it_was() -> None:
    """Before any Message-ID: what is returned may be cut off, or quote another message."""
    report = Report(kind=Kind.FAILED, recipients=("bob@x.test",))
    ledger = {"1": [ANN, BOB], "<2@shop.test>": [ANN]}
    returned = Returned(reports=(report,), envelope_id="1.1.2.3", message_ids=("<2@shop.test>",))
    strange = Returned(reports=(report,), envelope_id="QQ314159")

    assert whose(returned, report, lambda name: ledger.get(name, [])) == BOB
    assert whose(strange, report, lambda name: ledger.get(name, [])) is None
    assert names_of(ANN.message_id) == ("<1@shop.test>", "1")


def settled(state: State, kind: Kind, *, doubtful: bool = False, text: str = "", status: str = "5.1.1") -> Settlement:
    reply = Reply.of(text) if text else None
    report = Report(kind=kind, status=status, reply=reply, why=text)
    return settle(replace(ANN, state=state, doubtful=doubtful), report, bundled())


def test_a_report_belongs_to_whom_the_message_was_for() -> None:
    """The Message-ID decides; where a message was for many the address says whose it is."""
    about_bob = Report(kind=Kind.FAILED, recipients=("BOB@x.test",))

    assert found(about_bob, ["<1@shop.test>"], [ANN, BOB]) == "bob@x.test"
    assert found(about_bob, ["<0@else.test>", "<1@shop.test>"], [ANN, BOB]) == "bob@x.test"
    assert found(about_bob, ["<1@shop.test>"], [ANN]) == "Ann@x.test"  # forwarded to Bob


def test_a_report_about_another_message_is_nobodys() -> None:
    """An address is not enough, nor is a message for many without one that is ours."""
    about_bob = Report(kind=Kind.FAILED, recipients=("bob@x.test",))
    about_eve = Report(kind=Kind.FAILED, recipients=("eve@x.test",))

    assert found(about_bob, ["<2@shop.test>"], [ANN, BOB]) == ""
    assert found(about_bob, [], [ANN, BOB]) == ""
    assert found(about_eve, ["<1@shop.test>"], [ANN, BOB]) == ""


@pytest.mark.parametrize(
    ("state", "doubtful", "kind", "after"),
    [
        (State.UNKNOWN, True, Kind.FAILED, State.FAILED),
        (State.UNKNOWN, True, Kind.DELIVERED, State.DELIVERED),
        (State.UNKNOWN, True, Kind.RELAYED, State.DELIVERED),
        (State.UNKNOWN, True, Kind.COMPLAINT, State.DELIVERED),
        (State.UNKNOWN, True, Kind.AUTOMATIC, State.DELIVERED),
        (State.UNKNOWN, True, Kind.DELAYED, None),
        (State.DEFERRED, True, Kind.DELIVERED, State.DELIVERED),
        (State.DEFERRED, False, Kind.DELIVERED, None),
        (State.DELIVERED, False, Kind.FAILED, State.FAILED),
        (State.DELIVERED, False, Kind.DELIVERED, None),
        (State.DEFERRED, False, Kind.FAILED, None),
        (State.PENDING, False, Kind.FAILED, None),
        (State.FAILED, True, Kind.FAILED, None),
        (State.HELD, False, Kind.FAILED, None),
    ],
)
def test_a_report_moves_only_who_may_have_the_message(
    state: State, kind: Kind, after: State | None, *, doubtful: bool
) -> None:
    """What was Unknown is known then; what was taken may have bounced; nobody else moves."""
    assert settled(state, kind, doubtful=doubtful).state is after


@pytest.mark.parametrize(
    ("kind", "text", "status", "why"),
    [
        (Kind.FAILED, "550 5.1.1 no such user", "5.1.1", "bounced: unknown-user"),
        (Kind.FAILED, "", "5.2.1", "bounced: mailbox-disabled"),
        (Kind.FAILED, "552 5.2.2 mailbox full", "5.2.2", ""),
        (Kind.FAILED, "", "5.2.2", ""),
        (Kind.FAILED, "", "", ""),
        (Kind.FAILED, "450 4.1.1 unknown user", "4.4.7", ""),
        (Kind.FAILED, "451 4.1.1 unknown user", "", ""),
        (Kind.DELAYED, "450 4.1.1 unknown user", "4.1.1", ""),
        (Kind.COMPLAINT, "", "", "complained"),
        (Kind.DELIVERED, "", "2.0.0", ""),
    ],
)
def test_nobody_is_written_to_again_in_vain_or_against_their_will(kind: Kind, text: str, status: str, why: str) -> None:
    """A mailbox that is not there for good, and who complained; not a full one, not what may pass."""
    assert settled(State.DELIVERED, kind, text=text, status=status).suppress == why


def test_the_reason_has_the_words_of_the_report() -> None:
    """Status and reply, or the text where no reply is quoted."""
    assert settled(State.DELIVERED, Kind.FAILED, text="550 5.1.1 gone").reason == "bounced 5.1.1: 550 5.1.1 gone"
    assert settled(State.DELIVERED, Kind.COMPLAINT, status="").reason == "the recipient complained"
