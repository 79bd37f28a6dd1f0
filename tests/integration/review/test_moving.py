"""`maildrill retry` and `maildrill requeue` on a campaign that was sent, and what the next run makes of it."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from maildrill.cli.main import main
from maildrill.sender.attempt import State
from maildrill.sender.campaign_file import read_campaign
from maildrill.sender.fold import fold
from maildrill.sender.ledger import change_ledger, open_ledger, read_ledger
from maildrill.sender.log_json import read_events


def states(folder: Path) -> dict[str, State]:
    """Return what the ledger says."""
    ledger = read_ledger(folder / "spring.ledger")
    found = {one.address: one.state for one in ledger.recipients()}
    ledger.close()
    return found


def move(folder: Path, address: str, **standing: object) -> None:
    """Let the ledger have a recipient stand elsewhere."""
    ledger = change_ledger(folder / "spring.ledger")
    record = ledger.find(address)
    assert record is not None
    now = replace(record.waiting.standing, **standing)  # type: ignore[arg-type]
    ledger.settle([record.waiting.at(now)])
    ledger.close()


def asked(sent: Any, answer: str, *options: str) -> Result:
    """Run `maildrill requeue` and answer its question."""
    return CliRunner().invoke(main, ["requeue", str(sent.folder / "spring.toml"), *options], input=answer)


def test_requeued_is_written_into_ledger_and_log(sent: Any) -> None:
    """Both say who did it, and agree afterwards on where everybody stands."""
    page = sent.told("requeue", "--state", "failed", "--state", "expired", "--yes")

    assert "cyd@two.example: failed (550 5.1.1" in page
    assert "2 recipients are due at once" in page
    assert states(sent.folder) == fold(read_events(sent.folder / "spring.events.jsonl"))
    assert states(sent.folder)["cyd@two.example"] is State.PENDING
    text = (sent.folder / "spring.connection.log").read_text("utf-8")
    assert "=== <dan@two.example> was expired, is pending by `maildrill requeue`\n" in text
    assert "an operator said `maildrill requeue`; it was failed" in sent.told("explain", "cyd@two.example")


def test_the_next_run_tries_who_was_requeued(sent: Any) -> None:
    """With a lifetime of its own, and the tries that there were still counted."""
    sent.told("requeue", "--address", "cyd@*", "--yes")
    ledger = open_ledger(sent.folder / "spring.ledger", read_campaign(sent.folder / "spring.toml"), at=time.time())
    record = ledger.find("cyd@two.example")
    ledger.close()

    assert record is not None
    assert (record.state, record.attempts, record.first_at, record.expires_at) == (State.PENDING, 1, None, None)


@pytest.mark.parametrize(
    ("answer", "code", "told"),
    [("y\n", 0, "1 recipient is due at once"), ("n\n", 1, "nothing was changed"), ("", 1, "--yes says so beforehand")],
)
def test_it_asks_before_anything_is_changed(answer: str, code: int, told: str, sent: Any) -> None:
    """And says who may get a second copy."""
    before = states(sent.folder)
    result = asked(sent, answer, "--state", "unknown")

    assert "requeue 1 recipient (1 unknown); 1 recipient may get a second copy?" in result.stderr
    assert (result.exit_code, told in result.output) == (code, True), result.output
    assert (states(sent.folder) == before) is (code != 0)


def test_who_may_have_the_message_must_be_named(sent: Any) -> None:
    """A filter alone does not reach the unknown and the delivered."""
    result = asked(sent, "", "--domain", "three.example")

    assert (result.exit_code, "0 recipients are due" in result.stdout) == (1, True), result.output


def test_everybody_at_once_must_be_said(sent: Any) -> None:
    """2: nobody has the whole campaign sent again by mistake."""
    assert asked(sent, "", "--yes").exit_code == 2
    assert "--address, --domain, --code or --state" in asked(sent, "", "--yes").stderr


def test_retry_brings_forward_who_waits_and_nobody_else(sent: Any) -> None:
    """Its lifetime goes on; one that is over begins anew; who was held is pending; who is due already is left."""
    soon, now = time.time() + 9000, time.time()
    move(sent.folder, "ann@one.example", state=State.DEFERRED, due=soon, expires_at=soon + 60)
    move(sent.folder, "bob@one.example", state=State.DEFERRED, due=soon, expires_at=1.0)
    move(sent.folder, "cyd@two.example", state=State.HELD, reason="no relay")
    move(sent.folder, "dan@two.example", state=State.PENDING, due=1.0, expires_at=None)
    found = json.loads(sent.told("retry", "--json"))
    ledger = read_ledger(sent.folder / "spring.ledger")
    after = {one.address[:3]: one for one in ledger.recipients()}
    ledger.close()

    assert {one["recipient"][:3]: one["before"] for one in found["recipients"]} == {
        "ann": "deferred",
        "bob": "deferred",
        "cyd": "held",
    }
    assert (after["ann"].state, after["ann"].expires_at) == (State.DEFERRED, soon + 60)
    assert now <= (after["ann"].due or 0) < soon
    assert [after[name].expires_at for name in ("bob", "cyd")] == [None, None]
    assert (after["dan"].due, after["eve"].state) == (1.0, State.UNKNOWN)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--code", "45*"], {"dan"}),
        (["--domain", "@TWO.example"], {"cyd", "dan"}),
        (["--state", "failed"], {"cyd"}),
        (["--address", "cyd@two.example", "--address", "dan@*"], {"cyd", "dan"}),
        (["--domain", "two.example", "--code", "5xx"], {"cyd"}),
    ],
)
def test_filters_hold_together_and_a_dry_run_changes_nothing(options: list[str], found: set[str], sent: Any) -> None:
    """Of several of one kind any."""
    before = (sent.folder / "spring.events.jsonl").read_bytes(), states(sent.folder)
    told = json.loads(sent.told("requeue", "--dry-run", "--json", *options))

    assert {one["recipient"][:3] for one in told["recipients"]} == found
    assert ((sent.folder / "spring.events.jsonl").read_bytes(), states(sent.folder)) == before
    assert "would be due at once" in sent.told("requeue", "--dry-run", *options)


def test_final_states_are_not_retried(sent: Any) -> None:
    """Usage says which are."""
    result = sent.run("retry", "--state", "failed")

    assert (result.exit_code, "'pending', 'deferred', 'held'" in result.stderr) == (2, True)
    assert sent.run("retry").exit_code == 1


def test_a_sender_at_work_is_not_disturbed(sent: Any) -> None:
    """78: it would not notice."""
    ledger = open_ledger(sent.folder / "spring.ledger", read_campaign(sent.folder / "spring.toml"), at=time.time())
    result = sent.run("retry")
    ledger.close()

    assert (result.exit_code, "in use by another maildrill" in result.stderr) == (78, True)


def test_many_are_counted(sent: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page is a page."""
    monkeypatch.setattr("maildrill.cli.moving._SHOWN", 1)

    assert "(1 more)\n" in sent.told("requeue", "--domain", "two.example", "--yes")


def test_a_log_that_cannot_be_written_stops_it_before(sent: Any) -> None:
    """What the log does not say did not happen."""
    before = states(sent.folder)
    (sent.folder / "spring.connection.log").unlink()
    (sent.folder / "spring.connection.log").mkdir()
    result = sent.run("requeue", "--state", "failed", "--yes")

    assert (result.exit_code, "cannot write log" in result.stderr) == (78, True)
    assert states(sent.folder) == before
