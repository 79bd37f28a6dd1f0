"""`maildrill explain` on a campaign that was sent."""

from __future__ import annotations

import json
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("address", "told"),
    [
        (
            "eve@three.example",
            [
                "<eve@three.example> is unknown",
                "#1 === eof: the connection is gone",
                "no reply at dot: eof",
                "row `dot-lost`: nobody can know; a plain retry is how people get two copies (RFC 1047)",
                "`maildrill settle`",
                "Message-ID <",
            ],
        ),
        (
            "cyd@two.example",
            [
                "the reply at rcpt: 550 5.1.1 <script>alert(1)</script> =cmd|' /C calc'!A0 \\u202eevil",
                "(RFC 5321 section 4.2.1)",
                "the mailbox does not exist: correct the address in the list",
                "unknown-user: there is no such mailbox; take the address off the list",
            ],
        ),
        ("dan@two.example", ["is expired (lifetime is over): 6 tries count", "10m later", "gives it another lifetime"]),
        (
            "<ANN@one.example>",
            [
                "1. 2026-01-05T09:00:00.022Z, run 1, session #2: released (does not count)",
                "#2 <** 421 4.3.2 too busy",
                "row `banner-4yz`",
                'line 8 of the list, "ANN@one.example", was set aside: duplicate',
            ],
        ),
        ("nobody", ['line 7 of the list, "nobody", was set aside: invalid (it has no @-sign)\n']),
    ],
)
def test_everything_that_is_known_is_told(address: str, told: list[str], sent: Any) -> None:
    """The tries with their lines, the row and its source, what may be done; rows that were set aside, too."""
    page = sent.told("explain", address)

    assert [words for words in told if words not in page] == []
    assert ("\u202e" in page, "\x1b" in page) == (False, False)


def test_json_has_the_same_in_one_object(sent: Any) -> None:
    """For programs."""
    found = json.loads(sent.told("explain", "bob@one.example", "--json"))

    assert (found["state"], found["row"], [one["verdict"] for one in found["tries"]]) == (
        "delivered",
        3,
        ["deferred", "delivered"],
    )
    assert found["tries"][0]["source"] == "RFC 5321 section 4.2.1"
    assert [one["category"] for one in found["tries"]] == ["mailbox-full", None]
    assert {"mark": "<**", "text": "452 4.2.2 mailbox is full"}.items() <= found["tries"][0]["lines"][4].items()
    assert "told" in json.loads(sent.told("explain", "nobody", "--json"))


def test_an_address_that_is_not_there_is_told_with_the_nearest(sent: Any) -> None:
    """Did you mean; 1."""
    result = sent.run("explain", "bop@one.example")

    assert (result.exit_code, "did you mean bob@one.example" in result.stderr) == (1, True), result.stderr
    assert sent.run("explain", "x").stderr == "error: x is neither in the ledger nor in the list\n"


def test_an_address_that_was_added_to_the_list_is_known(sent: Any) -> None:
    """Also without a log: the list is read again."""
    with (sent.folder / "list.csv").open("a") as file:
        file.write("zoe@four.example\nzoe.four.example\n")
    (sent.folder / "spring.events.jsonl").unlink()

    assert "line 9 of the list, but not in the ledger yet" in sent.told("explain", "Zoe@four.example")
    assert 'line 10 of the list, "zoe.four.example", is set aside: invalid' in sent.told("explain", "zoe.four.example")
    assert "row `dot-2yz`" in sent.told("explain", "ann@one.example")


def test_without_a_campaign_the_ledger_is_enough(sent: Any) -> None:
    """By --ledger; what only the list knows is not known then."""
    ledger = str(sent.folder / "spring.ledger")
    (sent.folder / "spring.events.jsonl").unlink()

    assert sent.run("explain", "--ledger", ledger, "ann@one.example", campaign=False).exit_code == 0
    assert sent.run("explain", "--ledger", ledger, "nobody", campaign=False).exit_code == 1


def test_no_address_is_a_mistake_of_usage(sent: Any) -> None:
    """2."""
    assert sent.run("explain", campaign=False).exit_code == 2
