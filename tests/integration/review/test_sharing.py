"""A log that is shared: nobody's name is in it, and all that reads logs reads it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from maildrill.sender.fold import fold
from maildrill.sender.log_json import read_events

PRIVATE = re.compile(r"\b(?:ann|bob|cyd|dan|eve|(?:one|two|three|hall|relay)\.example|spring)\b", re.IGNORECASE)


def shared(sent: Any, form: str = "json", *options: str) -> Path:
    """Return the file of a pseudonymised log."""
    file: Path = sent.folder / f"shared.{form}"
    file.write_text(sent.told("log", "--pseudonymise", "--format", form, *options), encoding="utf-8")
    return file


def test_nobody_is_named(sent: Any) -> None:
    """Neither in events nor in the dialogue nor in Postfix' lines; what servers said about it stays."""
    text = "".join(shared(sent, form).read_text("utf-8") for form in ("json", "text", "postfix"))

    assert PRIVATE.findall(text) == []
    assert ("452 4.2.2 mailbox is full" in text, "450 4.2.1 never now" in text) == (True, True)


def test_it_folds_as_the_original_does(sent: Any) -> None:
    """The same states, each under another name."""
    original, hidden = fold(read_events(sent.folder / "spring.events.jsonl")), fold(read_events(shared(sent)))

    assert list(hidden.values()) == list(original.values())
    assert original.keys() & hidden.keys() == set()


def test_it_can_be_reported_on_without_a_ledger(sent: Any) -> None:
    """The numbers are those of the ledger's report; so are those of the log as it is."""
    from_ledger = json.loads(sent.told("report", "--format", "json"))["results"]
    for file in (shared(sent), sent.folder / "spring.events.jsonl"):
        told = sent.told("report", "--events", str(file), "--format", "json", campaign=False)
        results = json.loads(told)["results"]
        numbers = {key: value for key, value in results.items() if isinstance(value, int)}

        assert numbers == {key: value for key, value in from_ledger.items() if isinstance(value, int)}
        assert sorted(one["recipients"] for one in results["domains"].values()) == [1, 2, 2]


def test_a_pause_is_told_without_a_ledger(paused: Any) -> None:
    """From the log as it is and from a pseudonymised one: when, for how many, and the reply."""
    from_ledger = json.loads(paused.told("report", "--format", "json"))["results"]["pauses"]
    for file in (paused.folder / "spring.events.jsonl", shared(paused)):
        told = json.loads(paused.told("report", "--events", str(file), "--format", "json", campaign=False))
        page = paused.told("report", "--events", str(file), "--format", "html", campaign=False)

        assert told["results"]["pauses"] == from_ledger
        assert [(one["recipients"], one["reply"]) for one in from_ledger] == [(2, "554 5.7.1 a listed link")]
        assert "Paused: the content is refused" in page


def test_its_dialogue_can_be_rehearsed_again(sent: Any) -> None:
    """`maildrill import` makes a script of it, which says what the servers said."""
    script = sent.told("import", str(shared(sent, "text")), "--rules", campaign=False)

    assert ("452 4.2.2 mailbox is full" in script, PRIVATE.search(script)) == (True, None)


def test_a_key_makes_two_logs_fit_together(sent: Any) -> None:
    """Without one each has names of its own; a key that can be guessed is refused."""
    key = sent.folder / "key"
    key.write_bytes(b"sixteen octets!!")
    both = [shared(sent, "json", "--key-file", str(key)).read_text() for _ in range(2)]
    drawn = [shared(sent).read_text() for _ in range(2)]

    assert (both[0] == both[1], drawn[0] == drawn[1]) == (True, False)
    key.write_bytes(b"short")
    result = sent.run("log", "--pseudonymise", "--key-file", str(key))
    assert (result.exit_code, "16 octets at least" in result.stderr) == (2, True)


def test_a_part_of_a_log_is_hidden_as_the_whole_is(sent: Any) -> None:
    """Names are learned from what is not shown, too."""
    text = shared(sent, "text", "--code", "5xx").read_text("utf-8")

    assert ("550 5.1.1" in text, PRIVATE.search(text)) == (True, None)
