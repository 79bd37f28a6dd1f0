"""`maildrill settle` and `maildrill bounces` on a campaign that was sent, and what ledger and log say afterwards."""

from __future__ import annotations

import json
import mailbox
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from maildrill.cli.main import main
from maildrill.sender.attempt import State
from maildrill.sender.fold import fold
from maildrill.sender.ledger import RecipientRecord, read_ledger
from maildrill.sender.log_json import read_events


def record(folder: Path, address: str) -> RecipientRecord:
    """Return what the ledger says of somebody; ledger and log agree on everybody."""
    ledger = read_ledger(folder / "spring.ledger")
    states = {one.address: one.state for one in ledger.recipients()}
    found = ledger.find(address)
    ledger.close()
    assert found is not None
    assert states == fold(read_events(folder / "spring.events.jsonl"))
    return found


def run(sent: Any, *arguments: str, said: bytes = b"") -> Result:
    """Run a command beside the campaign's files."""
    return CliRunner().invoke(main, [*arguments, "--ledger", str(sent.folder / "spring.ledger")], input=said)


def bounce(one: RecipientRecord, action: str = "failed", status: str = "5.1.1") -> bytes:
    """Return a delivery status report about somebody's message."""
    return (
        "From: <MAILER-DAEMON@relay.example>\nSubject: news\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; relay.example\n\n"
        f"Final-Recipient: rfc822; {one.address}\nAction: {action}\nStatus: {status}\n"
        "--b\nContent-Type: text/rfc822-headers\n\n"
        f"Message-ID: {one.message_id}\n--b--\n"
    ).encode()


@pytest.mark.parametrize(
    ("said", "state"), [("--delivered", State.DELIVERED), ("--failed", State.FAILED), ("--retry", State.PENDING)]
)
def test_an_operator_settles_who_is_unknown(sent: Any, said: str, state: State) -> None:
    """Ledger and log say so, and by what; a second time there is nothing to settle."""
    result = run(sent, "settle", "EVE@three.example", said)

    assert (result.exit_code, result.stdout) == (0, f"eve@three.example: unknown, now {state}\n")
    assert record(sent.folder, "eve@three.example").state is state
    log = (sent.folder / "spring.connection.log").read_text("utf-8")
    assert f"was unknown, is {state} by `maildrill settle`: an operator said so" in log
    again = run(sent, "settle", "eve@three.example", "--delivered")
    assert again.exit_code == 1


def test_only_a_doubt_can_be_settled(sent: Any) -> None:
    """Who is delivered or failed is known; who is not there cannot be; something must be said."""
    known = run(sent, "settle", "ann@one.example", "--failed")

    assert known.exit_code == 1
    assert "ann@one.example is delivered, and no try of it ended unknown" in known.stderr
    assert run(sent, "settle", "zoe@one.example", "--failed").exit_code == 1
    assert run(sent, "settle", "eve@three.example").exit_code == 2
    assert run(sent, "settle", "--failed").exit_code == 2


def test_what_came_back_settles_and_suppresses(sent: Any) -> None:
    """Who was delivered and bounced has failed; who was unknown is known; others' reports are counted."""
    ann, eve = record(sent.folder, "ann@one.example"), record(sent.folder, "eve@three.example")
    folder = sent.folder / "came"
    box = mailbox.Maildir(folder)
    for octets in (bounce(ann), bounce(eve, "delivered", "2.0.0"), b"From: a@b.example\n\nhello\n"):
        box.add(octets)
    suppressed = sent.folder / "suppressed.txt"
    result = run(sent, "bounces", str(folder), "--suppress", str(suppressed))

    assert result.exit_code == 0
    assert sorted(result.stdout.splitlines()) == [
        "ann@one.example: delivered, now failed (bounced 5.1.1); bounced: unknown-user",
        "eve@three.example: unknown, now delivered (reported as delivered 2.0.0)",
    ]
    assert result.stderr == "1 not about this campaign\n"
    assert suppressed.read_text("utf-8") == "ann@one.example bounced: unknown-user\n"
    assert record(sent.folder, "ann@one.example").state is State.FAILED
    assert record(sent.folder, "eve@three.example").reason == "reported as delivered 2.0.0"


def test_a_dry_run_changes_nothing(sent: Any) -> None:
    """It says what it would be, for programs too; an mbox and standard input are read alike."""
    eve = record(sent.folder, "eve@three.example")
    box = b"From MAILER-DAEMON Mon Jan  5 11:00:00 2026\n" + bounce(eve) + b"\nFrom x\n" + bounce(eve)
    result = run(sent, "bounces", "-", "--dry-run", "--json", said=box)

    assert [json.loads(line)["state"] for line in result.stdout.splitlines()] == ["failed", "failed"]
    assert record(sent.folder, "eve@three.example").state is State.UNKNOWN


def test_where_nothing_is_ours_the_exit_status_says_so(sent: Any, tmp_path: Path) -> None:
    """A folder of files is read; one that is not there is an error."""
    (tmp_path / "a.eml").write_bytes(b"From: a@b.example\n\nhello\n")

    assert run(sent, "bounces", str(tmp_path)).exit_code == 1
    assert run(sent, "bounces", "-", said=b"\n").exit_code == 1
    assert run(sent, "bounces", str(tmp_path / "none")).exit_code == 78


def test_a_suppression_list_that_cannot_be_used_stops_it_before(sent: Any) -> None:
    """78: the ledger is as it was, and the same report can be read again."""
    before = record(sent.folder, "ann@one.example")
    (sent.folder / "suppressed.txt").write_text("no address at all\n", "utf-8")
    result = run(sent, "bounces", "-", "--suppress", str(sent.folder / "suppressed.txt"), said=bounce(before))

    assert (result.exit_code, "suppressed.txt:1: no address" in result.stderr) == (78, True), result.output
    assert record(sent.folder, "ann@one.example") == before
