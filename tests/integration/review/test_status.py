"""`maildrill status` on a campaign that was sent."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from maildrill.cli.main import main
from maildrill.sender.campaign_file import read_campaign
from maildrill.sender.ledger import open_ledger
from maildrill.sender.lists import read_list


def test_it_counts_states_and_domains(sent: Any) -> None:
    """Everybody stands in one column, and the total is the list without what was set aside."""
    page = sent.told("status").splitlines()

    assert "still to be sent: [0 of 5]" in page
    assert next(line.split() for line in page if line.startswith("total")) == ["total", "5", "2", "1", "1", "1"]
    assert [line for line in page if line.startswith("unknown: <eve@three.example> eof at dot, ")] != []


def test_json_has_the_same_in_one_object(sent: Any) -> None:
    """For programs: states, runs, domains, and the evidence of what is unknown."""
    found = json.loads(sent.told("status", "--json"))

    assert (found["recipients"], found["delivered"], found["left"], found["sending"]) == (5, 2, 0, False)
    assert found["domains"]["two.example"]["failed"] == 1
    assert [one["recipient"] for one in found["unknown_recipients"]] == ["eve@three.example"]
    assert [run["run"] for run in found["runs"]] == [1]


def test_it_works_while_a_sender_has_the_ledger(sent: Any) -> None:
    """Nobody is hindered: it says that it is being sent, what is due and when it will be over."""
    (sent.folder / "list.csv").write_text("Email\nann@one.example\nzoe@one.example\n")
    campaign = read_campaign(sent.folder / "spring.toml")
    ledger = open_ledger(sent.folder / "spring.ledger", campaign, at=time.time())
    ledger.enrol(read_list(campaign).recipients, lambda row: f"<{row.number}>", time.time())

    page = sent.told("status")
    ledger.close()

    assert "sending now, run 2 since " in page
    assert "still to be sent: [1 of 6]" in page
    assert "due now: 1 recipient\n" in page
    assert "1h from now, if the 1 recipient not tried yet has a turn now" in page


def test_watching_ends_with_the_campaign(sent: Any) -> None:
    """Where nothing is left to send and nobody sends, there is nothing to watch."""
    assert sent.told("status", "--watch").count("still to be sent") == 1
    assert len(sent.told("status", "--watch", "--json").splitlines()) == 1


def test_a_ledger_is_enough(sent: Any) -> None:
    """By --ledger, in the campaign's place, or as the only one of the folder."""
    ledger = str(sent.folder / "spring.ledger")
    pages = [sent.run("status", *words, campaign=False).stdout for words in (["--ledger", ledger], [ledger])]

    assert pages[0] == pages[1]
    assert 'Campaign "spring"' in pages[0]


@pytest.mark.parametrize(
    ("ledgers", "told"), [([], "there is none in this folder"), (["a", "b"], "a.ledger, b.ledger")]
)
def test_which_campaign_is_meant_must_be_clear(
    ledgers: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No ledger or several: it says what there is."""
    monkeypatch.chdir(tmp_path)
    for name in ledgers:
        (tmp_path / f"{name}.ledger").touch()
    result = CliRunner().invoke(main, ["status"])

    assert (result.exit_code, told in result.output) == (2, True), result.output


def test_before_anything_was_sent_it_says_so(sent: Any) -> None:
    """No ledger is no error of the campaign's: it says what would make one."""
    (sent.folder / "spring.ledger").unlink()
    result = sent.run("status")

    assert (result.exit_code, "there is no such ledger" in result.stderr) == (78, True)


def test_a_folder_as_a_campaign_is_said(sent: Any) -> None:
    """No traceback."""
    result = sent.run("status", str(sent.folder), campaign=False)

    assert (result.exit_code, "error: " in result.stderr) == (78, True)
