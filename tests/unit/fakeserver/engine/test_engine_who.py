"""Which events are a rule's business: at, from, rcpt, domain."""

from __future__ import annotations

from typing import Any

import pytest

from maildrill.fakeserver.language.script_words import REPLYING
from maildrill.smtp import Stage
from maildrill.smtp.stage import SERVED


def test_without_rules_a_correct_server_answers(play: Any) -> None:
    """An empty script is a server that accepts everything."""
    engine = play("version = 1\n# [[rule]]")

    assert {engine.on(stage) for stage in Stage} == {"proceed"}


def test_a_rule_acts_at_its_stages_only(play: Any) -> None:
    """`at` may be one stage or a list."""
    script = play('at = ["mail", "data"]\nreply = "451 4.3.0 no"')

    assert [stage for stage in Stage if script.on(stage) == "say 451"] == [Stage.MAIL, Stage.DATA]


def test_a_star_is_every_stage_that_waits_for_a_reply(play: Any) -> None:
    """Connect, TLS, body and idle must be named."""
    script = play('at = "*"\nreply = "451 4.3.0 no"')
    hit = {stage for stage in Stage if "say 451" in script.on(stage)}

    assert hit == REPLYING == set(SERVED) - {Stage.CONNECT, Stage.TLS, Stage.BODY, Stage.IDLE}


def test_a_star_with_a_recipient_begins_at_rcpt(play: Any) -> None:
    """`*` leaves out the stages that cannot know what the rule asks for."""
    script = play('at = "*"\nrcpt = "ann@x.test"\nreply = "451 4.3.0 no"')

    assert script.on("mail") == "proceed"
    assert script.rcpt("ann@x.test") == "say 451"
    assert script.on("data", recipients=("ann@x.test",)) == "say 451"


def test_the_first_rule_that_matches_answers(play: Any) -> None:
    """An exception comes before the rule; a rule without an answer lets the event through."""
    script = play('[[rule]]\nat = "rcpt"\nrcpt = "vip@*"\n[[rule]]\nat = "rcpt"\nreply = "450 4.2.1 no"')

    assert script.rcpt("vip@x.test") == "proceed"
    assert script.rcpt("ann@x.test") == "say 450"
    assert script.engine.fired() == {"test.toml:1": 1, "test.toml:4": 1}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ('rcpt = "ann@x.test"', True),
        ('rcpt = "bob@*"', False),
        ('domain = "x.test"', True),
        ('domain = ["y.test", "x.*"]', True),
        ('domain = "!x.test"', False),
        ('from = "news@*"', True),
        ('from = ""', False),
        ('from = "news@*"\nrcpt = "~^a"\ndomain = "!y.test"', True),
        ('from = "other@*"\nrcpt = "~^a"', False),
        ('rcpt = "ann@*"\ndomain = "y.test"', False),
    ],
)
def test_who_a_rule_is_about(play: Any, rule: str, expected: bool) -> None:
    """From, rcpt and domain must all fit."""
    script = play(f'at = "rcpt"\n{rule}\nreply = "450 4.2.1 no"')

    assert (script.rcpt("Ann@X.test") == "say 450") is expected


def test_the_null_sender_is_an_empty_from(play: Any) -> None:
    """`from = ""` is `MAIL FROM:<>`."""
    script = play('at = "mail"\nfrom = ""\nreply = "550 5.7.1 no bounces"')

    assert script.on("mail", reverse_path="") == "say 550"
    assert script.on("mail") == "proceed"


def test_what_is_not_known_matches_nothing(play: Any) -> None:
    """Outside a transaction there is no reverse-path, so not even a negated pattern fits it."""
    script = play('at = "rset"\nfrom = "!x@*"\nreply = "450 4.2.1 no"')

    assert script.on("rset") == "say 450"
    assert script.on("rset", reverse_path=None) == "proceed"


def test_an_unreadable_recipient_matches_no_recipient(play: Any) -> None:
    """RCPT with a broken path names nobody, whoever was accepted before; a rule about all RCPT still acts."""
    script = play(
        '[[rule]]\nat = "rcpt"\nrcpt = "*"\nreply = "450 4.2.1 no"\n[[rule]]\nat = "rcpt"\nreply = "501 5.1.3 what"'
    )

    assert script.on("rcpt", argument="TO:<<", recipients=("ann@x.test",)) == "say 501"


def test_after_rcpt_any_accepted_recipient_will_do(play: Any) -> None:
    """At data, body and dot a rule about a recipient looks at all that were accepted."""
    script = play('at = ["data", "body", "dot"]\ndomain = "x.test"\nreply = "451 4.3.0 {rcpt}"')
    both = ("bob@y.test", "ann@x.test")

    assert script.on("data", recipients=both) == "say 451"
    assert script.on("dot", recipients=both) == "do not take, say 451"
    assert script.on("body", recipients=("bob@y.test",)) == "proceed"
    assert script.decide("data", recipients=both).actions[0].reply.text == "4.3.0 ann@x.test"


def test_one_recipient_must_fit_both_rcpt_and_domain(play: Any) -> None:
    """Two recipients do not add up to one."""
    script = play('at = "data"\nrcpt = "ann@*"\ndomain = "y.test"\nreply = "451 4.3.0 no"')

    assert script.on("data", recipients=("ann@x.test", "bob@y.test")) == "proceed"
    assert script.on("data", recipients=("ann@x.test", "ann@y.test")) == "say 451"


def test_vrfy_is_about_the_mailbox_that_is_asked_for(play: Any) -> None:
    """Whoever the transaction is for; where no address is asked for it is about them."""
    script = play('at = "vrfy"\nrcpt = "ann@x.test"\nreply = "250 yes"')

    assert script.on("vrfy", argument="<ann@x.test>", recipients=("bob@x.test",)) == "say 250"
    assert script.on("vrfy", argument="bob@x.test", recipients=("ann@x.test",)) == "proceed"
    assert script.on("vrfy", argument="ann", recipients=("ann@x.test",)) == "say 250"


@pytest.mark.parametrize(
    ("rcpt", "rule"),
    [
        ("list-a@x.test", "lists"),
        ("LIST-A@X.TEST", "lists"),
        ("owner-a@x.test", "owners"),
        ("ann@gone.test", "gone"),
        ("ann@x.test", ""),
        ("ann", "notlocal"),
        ("ann@\u212a.test", "kelvin"),
    ],
)
def test_many_rules_about_addresses_are_as_each_alone(play: Any, rcpt: str, rule: str) -> None:
    """Whoever is meant by none is told so by all; K and the Kelvin sign are one letter in another case."""
    script = play(
        """
        [[rule]]
        name = "lists"
        at = "rcpt"
        rcpt = ['~^list-', "both@*"]
        reply = "450 no"
        [[rule]]
        name = "owners"
        at = "rcpt"
        rcpt = '~^OWNER-'
        reply = "450 no"
        [[rule]]
        name = "gone"
        at = "rcpt"
        domain = "gone.test"
        reply = "450 no"
        [[rule]]
        name = "kelvin"
        at = "rcpt"
        domain = "k.test"
        reply = "450 no"
        [[rule]]
        name = "notlocal"
        at = "rcpt"
        rcpt = "ann"
        reply = "450 no"
        """
    )
    decision = script.decide("rcpt", rcpt=rcpt)

    assert decision.rule == rule
    assert len(decision.near_misses) == (0 if rule else 5)
