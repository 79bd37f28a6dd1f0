"""The oracles of drills judge what several processes did on a real socket, by ledger, log and journal."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from maildrill.scenarios.gather import Witness
from maildrill.scenarios.oracles import Evidence, judge_drill
from maildrill.sender.campaign_file import read_campaign
from maildrill.sender.ledger import read_ledger
from maildrill.sender.lists import spool_list
from maildrill.sender.log_event import LogEvent
from maildrill.sender.log_json import read_events
from maildrill.sender.message import Composer, message_id
from maildrill.sender.summary import Violation

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no process can fork here")
Play = Callable[..., Any]

DOMAINS = ("good.example", "grey.example", "gone.example", "cut.example")
GUESTS = tuple(f"guest{number}@{DOMAINS[number % 4]}" for number in range(60))
SCRIPT = (Path(__file__).parents[2] / "data" / "domains.toml").read_text("utf-8")


def in_order(events: Iterable[LogEvent]) -> tuple[LogEvent, ...]:
    """Return events by their times: a process's are in the log when it hands them over, at once or a little later."""
    ordered = enumerate(sorted(events, key=lambda event: event.at), 1)
    return tuple(replace(event, number=number) for number, event in ordered)


def judged(site: Any, witness: Witness, report: dict[str, Any], resumed: int) -> Sequence[Violation]:
    """Return what the oracles find in what a campaign left behind."""
    campaign = read_campaign(site.folder / "spring.toml")
    found = spool_list(campaign)
    rows, composer = {row.address: row for row in found.recipients}, Composer(campaign)
    with closing(read_ledger(site.file(".ledger"))) as ledger:
        created = ledger.created
        return judge_drill(
            Evidence(
                campaign=campaign,
                imported=tuple(rows),
                recipients=tuple(ledger.recipients()),
                attempts=tuple(ledger.attempts()),
                events=in_order(read_events(site.file(".events.jsonl"))),
                asked=witness.asked(),
                taken=witness.taken(),
                severed=witness.severed(),
                resumed=resumed,
                report=report,
                composed=lambda address: composer.compose(
                    rows[address], message_id=message_id(campaign, rows[address]), date=created
                ).whole(),
                connected=witness.connected("127.0.0.1"),
                rows={address: row.fields for address, row in rows.items()},
                set_aside=tuple(found.set_aside),
            )
        )


def played(play: Play, before: str = "") -> Sequence[Violation]:
    """Send with two processes, then once more; judge that."""
    told: list[Sequence[Violation]] = []

    async def story(site: Any) -> None:
        witness = Witness(site.journal)
        first = await site.run(*site.words, "--json", before=before)
        begun = len(site.journal.sessions)

        assert first.code == 1, first.errors

        report = json.loads(first.output)
        told.append(judged(site, witness, report, 0))
        await site.send(before)

        assert len(site.journal.sessions) == begun

    play(story, processes=2, connections=3, script=SCRIPT, guests=GUESTS)
    return told[0]


def test_no_oracle_finds_anything(play: Play) -> None:
    """Greylisted, refused, cut off behind the dot, taken: each invariant of a drill holds for two processes."""
    assert played(play) == ()


@pytest.mark.parametrize(
    ("name", "defect", "number"),
    [
        ("has", "lambda share, key: True", "I3"),
        ("of_campaign", "lambda share, campaign: campaign", "I20"),
        ("number", "lambda share, count: count", "I49"),
    ],
)
def test_processes_that_are_no_crew_are_found(name: str, defect: str, number: str, play: Play) -> None:
    """The seeded defects: each thinks that everybody is its own; or all connections; or all numbers of sessions."""
    found = played(play, f"from maildrill.sender.share import Share\nShare.{name} = {defect}\n")

    assert number in {one.invariant for one in found}
