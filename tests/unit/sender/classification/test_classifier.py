"""What real replies are taken to be about, and that nothing about a word depends on how it is written."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from maildrill.sender.attempt import Fault
from maildrill.sender.classification import CATEGORIES, OTHER, Classifier, bundled
from maildrill.sender.classification.rule import Rule
from maildrill.smtp import Reply, Stage

REPLIES = Path(__file__).parents[3] / "data" / "replies.jsonl"


def word(text: str, stage: Stage | None = None) -> str:
    return bundled().classify(Reply.of(text), stage=stage).category.name


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("550 5.1.1 <ann@x.example>: Recipient address rejected: User unknown", "unknown-user"),
        ("550 Invalid recipient <ann@x.example> (#5.1.1)", "unknown-user"),
        ("452 4.2.2 The email account that you tried to reach is over quota", "mailbox-full"),
        ("552 Requested mail action aborted: exceeded storage allocation", "mailbox-full"),
        ("450 4.2.1 The user you are trying to contact is receiving mail at a rate that", "rate"),
        ("421 4.7.28 Our system has detected an unusual rate of unsolicited mail", "rate"),
        ("554 5.7.1 Service unavailable; Client host [192.0.2.49] blocked using cbl.abuseat.org", "reputation"),
        ("451 4.7.1 <ann@x.example>: Recipient address rejected: Greylisted for 5 minutes", "greylist"),
        ("554 5.7.1 <ann@x.example>: Relay access denied", "relay"),
        ("550 5.7.26 This email has been blocked because the sender is unauthenticated", "sender-identity"),
        ("535 5.7.8 Username and Password not accepted", "authentication"),
        ("530 5.7.0 Must issue a STARTTLS command first", "tls"),
        ("552 5.3.4 Message too large", "size"),
        ("550 5.7.1 This message is likely unsolicited email", "content"),
        ("550 5.7.1 Message rejected due to local policy", "policy"),
        ("556 5.1.10 <ann@x.example>: domain takes no mail", "dns"),
        ("503 5.5.1 RCPT first", "protocol"),
        ("451 4.3.0 Temporary server error. Please try again later", "system"),
        ("452 4.5.3 Too many recipients", "too-many-recipients"),
        ("554 5.4.6 Too many hops", "network"),
        ("550 Your message reads well, and still", "other"),
    ],
)
def test_a_reply_is_taken_for_what_people_take_it_for(text: str, meant: str) -> None:
    """One clear example of each word."""
    assert word(text) == meant


@pytest.mark.parametrize(
    ("text", "stage", "meant"),
    [
        ("550", Stage.RCPT, "unknown-user"),
        ("550", Stage.DOT, "content"),
        ("552", Stage.RCPT, "mailbox-full"),
        ("552", Stage.DOT, "size"),
        ("454 try later", Stage.STARTTLS, "tls"),
        ("454 try later", Stage.AUTH, "authentication"),
    ],
)
def test_where_the_text_says_nothing_the_stage_does(text: str, stage: Stage, meant: str) -> None:
    """A bare 550 to RCPT is not what it is to the dot."""
    assert word(text, stage) == meant


@pytest.mark.parametrize(
    ("fault", "meant"),
    [
        (Fault.TIMEOUT, "network"),
        (Fault.REFUSED, "network"),
        (Fault.GARBAGE, "protocol"),
        (Fault.TOO_BIG, "size"),
        (Fault.NO_SMTPUTF8, "format"),
        (Fault.STOPPED, "other"),
    ],
)
def test_without_a_reply_the_fault_is_classified(fault: Fault, meant: str) -> None:
    """How a session ended has a word, too; being stopped by us has none."""
    assert bundled().classify(None, stage=Stage.RCPT, fault=fault).category.name == meant


def test_real_replies_are_taken_for_what_their_sources_take_them_for() -> None:
    """At least 87 of 100 labels agree, and in no word that has ten of them fewer than 70 of 100."""
    rows = [json.loads(line) for line in REPLIES.read_text("utf-8").splitlines()]
    agreed: Counter[str] = Counter()
    labels = Counter(row["label"] for row in rows)
    for row in rows:
        agreed[row["label"]] += bundled().classify(Reply(row["code"], (row["text"],))).category.name == row["label"]
    shares = {label: agreed[label] / count for label, count in labels.items() if count >= 10 and label != "policy"}

    assert agreed.total() / labels.total() >= 0.87
    assert {label: share for label, share in shares.items() if share < 0.7} == {"sender": pytest.approx(0.64, abs=0.05)}


def test_every_label_and_every_rule_uses_a_word_that_is_explained() -> None:
    """No word is used that the table of categories does not have, and none stands there unused."""
    used = {rule.category for rule in bundled().rules} | {OTHER.name}

    assert used == {category.name for category in CATEGORIES}
    assert all(category.about and category.advice for category in CATEGORIES)


def test_the_first_rule_that_holds_gives_the_word() -> None:
    """All words of a rule must hold, of the values of a word one."""
    own = {category.name: category for category in CATEGORIES}
    first = Rule(name="a", category="rate", code=("45*",), status=("4.7.*",), text=("~slow(er)? down", "too fast"))
    classifier = Classifier([first, Rule(name="b", category="policy", code=("4*",))], own)

    def rule(text: str) -> str:
        return classifier.classify(Reply.of(text)).rule

    assert rule("450 4.7.1 please SLOW  down") == "a"
    assert rule("450 4.7.1 you are too fast") == "a"
    assert rule("450 4.3.1 please slow down") == "b"
    assert rule("421 4.7.1 please slow down") == "b"
    assert rule("550 4.7.1 please slow down") == ""
