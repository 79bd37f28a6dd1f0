"""What a rule that fires does: reply, replies, wait, cut, commit, caps; and what a strict script says."""

from __future__ import annotations

from typing import Any

import pytest

from maildrill.fakeserver.engine.event import Say
from maildrill.fakeserver.language.script_words import REPLYING
from maildrill.smtp import Reply, Stage


@pytest.mark.parametrize(
    ("stage", "answer", "done"),
    [
        ("rcpt", "", "proceed"),
        ("rcpt", 'reply = "450 4.2.1 no"', "say 450"),
        ("rcpt", 'wait = "2s"', "wait 2s, proceed"),
        ("rcpt", 'to = "127.0.0.1:25"', "hand on to 127.0.0.1:25, proceed"),
        ("mail", 'to = "smtp://[::1]:25"\nwait = "2s"', "wait 2s, hand on to smtp://[::1]:25, proceed"),
        ("dot", 'to = "mx.test:25"\noutside = true\ncut = "before"', "hand on to mx.test:25, close"),
        ("dot", 'to = "127.0.0.1:25"\nreply = "451 4.3.0 no"', "hand on to 127.0.0.1:25, say 451"),
        ("rcpt", 'wait = "2s"\nreply = "250 2.1.5 ok"', "wait 2s, say 250"),
        ("rcpt", 'reply = "421 4.3.2 bye"', "say 421, close"),
        ("rcpt", 'reply = "421 4.3.2 bye"\ncut = "never"', "say 421"),
        ("rcpt", 'cut = "before"', "close"),
        ("rcpt", 'cut = "after"', "proceed, close"),
        ("rcpt", 'cut = "mid"', "half of the usual, close"),
        ("rcpt", 'cut = "rst"', "reset"),
        ("rcpt", 'wait = "1s"\ncut = "rst"', "wait 1s, reset"),
        ("rcpt", 'reply = "450 4.2.1 no"\ncut = "after"', "say 450, close"),
        ("rcpt", 'reply = "450 4.2.1 no"\ncut = "mid"', "half of 450, close"),
        ("rcpt", 'reply = "450 4.2.1 no"\ncut = "before"', "close"),
        ("rcpt", 'reply = "450 4.2.1 no"\ncut = "rst"', "reset"),
        ("quit", 'reply = "221 2.0.0 bye"', "say 221"),
        ("starttls", 'reply = "220 2.0.0 go"', "say 220"),
        ("connect", 'cut = "refuse"', "reset"),
        ("connect", 'cut = "rst"', "reset"),
        ("connect", 'cut = "before"', "close"),
        ("ehlo", 'caps = ["-8BITMIME", "SIZE 1000"]', "advertise -8BITMIME SIZE 1000, proceed"),
        ("data", 'reply = "354 go"', "say 354"),
        ("body", 'reply = "552 5.3.4 too big"', "say 552"),
        ("body", 'sip = "1KB/500ms"', "sip 1000 in 0.5s, proceed"),
        ("body", 'sip = "1KB/1s"\nwait = "2s"\nreply = "552 no"', "wait 2s, sip 1000 in 1s, say 552"),
        ("dot", "", "take, proceed"),
        ("dot", "commit = false", "do not take, proceed"),
        ("dot", 'reply = "250 2.0.0 ok"', "take, say 250"),
        ("dot", 'reply = "250 2.0.0 ok"\ncommit = false', "do not take, say 250"),
        ("dot", 'reply = "451 4.3.0 no"', "do not take, say 451"),
        ("dot", 'reply = "451 4.3.0 no"\ncommit = true', "take, say 451"),
        ("dot", 'wait = "11m"\ncommit = true\ncut = "before"', "wait 660s, take, close"),
        ("dot", 'cut = "before"', "do not take, close"),
        ("dot", 'cut = "rst"', "do not take, reset"),
        ("dot", 'reply = "250 2.0.0 ok"\ncut = "rst"', "do not take, reset"),
        ("dot", 'cut = "mid"', "take, half of the usual, close"),
        ("dot", 'cut = "after"', "take, proceed, close"),
        ("dot", 'reply = "421 4.3.2 bye"', "do not take, say 421, close"),
        ("rcpt", "raw = '250\\x00ok\\r\\n'", "raw b'250\\x00ok\\r\\n'"),
        ("rcpt", "raw = ''", "raw b''"),
        ("rcpt", "raw = 'abcd'\ncut = \"mid\"", "raw b'ab', close"),
        ("rcpt", "raw = 'abcd'\ncut = \"after\"", "raw b'abcd', close"),
        ("rcpt", "raw = 'abcd'\ncut = \"before\"", "close"),
        ("rcpt", 'raw = \'ab\'\nwait = "1s"\ndrip = "1B/2s"', "wait 1s, raw b'ab' by 1 in 2s"),
        ("dot", "raw = '250 ok'", "do not take, raw b'250 ok'"),
        ("dot", "raw = '250 ok'\ncommit = true", "take, raw b'250 ok'"),
        ("body", "raw = '?'", "raw b'?'"),
        ("rcpt", 'drip = "2B/500ms"', "proceed by 2 in 0.5s"),
        ("rcpt", 'tease = "30s x 20"', "proceed behind 20 of 30s"),
        ("rcpt", 'mangle = "lf"', "proceed with lf"),
        ("rcpt", 'mangle = "extra"\nreply = "450 no"\ndrip = "1B/s"', "say 450 by 1 in 1s with extra"),
        ("rcpt", 'cut = "mid"\nreply = "450 no"\ntease = "1s x 2"', "half of 450 behind 2 of 1s, close"),
        ("rcpt", 'reply = "421 bye"\ndrip = "1B/s"', "say 421 by 1 in 1s, close"),
        ("tls", 'handshake = "expired"', "shake expired"),
        ("tls", 'wait = "5s"\nhandshake = "hang"', "wait 5s, shake hang"),
        ("tls", 'cut = "rst"', "reset"),
        ("tls", "", "proceed"),
        ("auth", 'reply = "334 dXNlcg=="', "say 334"),
        ("auth-step", 'reply = "535 5.7.8 no"', "say 535"),
        ("bdat", 'reply = "452 4.3.1 no"', "say 452"),
        ("bdat", "commit = false", "proceed"),
        ("rcpt", 'reply = "354 go"\nlint = false', "say 354"),
        ("rcpt", 'reply = "599 what"\nlint = false', "say 599"),
    ],
)
def test_what_an_answer_does(play: Any, stage: str, answer: str, done: str) -> None:
    """Wait, commit, capabilities, reply, end of the connection: in this order."""
    script = play(f'at = "{stage}"\n{answer}')

    assert script.on(stage) == done


def test_the_silence_can_be_broken(play: Any) -> None:
    """An unasked 421, and a connection that just ends."""
    assert play('at = "idle"\nage = ">=1m"\nreply = "421 4.4.2 bye"').on("idle", 60, idle=60.0) == "say 421, close"
    assert play('at = "idle"\nage = ">=1m"\ncut = "before"').on("idle", 60, idle=60.0) == "close"


def test_replies_follow_one_another_for_each_key(play: Any) -> None:
    """The kth firing of a key says the kth reply; the last one stays."""
    script = play('at = "rcpt"\nkey = "rcpt"\nreplies = ["450 4.2.1 a", "421 4.3.2 b", "250 2.1.5 c"]')

    for address in ("ann@x.test", "bob@x.test"):
        assert [script.rcpt(address) for _ in range(4)] == ["say 450", "say 421, close", "say 250", "say 250"]


def test_replies_count_firings_not_events(play: Any) -> None:
    """What the rule lets pass does not use up a reply."""
    script = play('at = "rcpt"\nattempt = ["2", "4-"]\nreplies = ["450 4.2.1 a", "451 4.3.0 b"]')

    assert [script.rcpt("ann@x.test") for _ in range(4)] == ["proceed", "say 450", "proceed", "say 451"]


def test_every_field_is_filled(play: Any) -> None:
    """Each field that the documentation names has its value."""
    script = play(
        '[server]\nhostname = "mx.busy.test"\n[[rule]]\nat = "rcpt"\nrcpt = \'~^(?P<name>\\w+)@\'\nkey = "rcpt"\n'
        'reply = "450 4.2.1 {rcpt} {from} {domain} {ehlo} {client} {hostname} {n} {now} {name}"'
    )
    script.rcpt("ann@x.test")
    reply = script.decide("rcpt", 60, rcpt="ann@x.test").actions[0].reply

    assert reply.text == (
        "4.2.1 ann@x.test news@shop.test x.test client.test 192.0.2.1 mx.busy.test 2 1970-01-12T13:47:40.000Z ann"
    )


def test_a_named_group_may_be_called_like_a_key(play: Any) -> None:
    """`message` is no field, so it is free."""
    script = play('at = "rcpt"\nrcpt = "~^(?P<message>[a-z]+)"\nreply = "450 {message}"')

    assert script.decide("rcpt", rcpt="ann@x.test").actions[0].reply == Reply(450, ("ann",))


def test_what_is_not_known_is_left_empty(play: Any) -> None:
    """With `*` a field may stand where it has no value."""
    script = play('at = "*"\nreply = "450 <{rcpt}> <{domain}> <{from}> <{ehlo}>"')

    assert script.decide("banner", helo="").actions[0].reply == Reply(450, ("<> <> <> <>",))


def test_at_ehlo_the_name_just_given_counts(play: Any) -> None:
    """The name of an earlier greeting is forgotten."""
    script = play('at = ["ehlo", "helo"]\nkey = "ehlo"\nattempt = "1"\nreply = "450 {ehlo}"')

    assert script.decide("ehlo", argument="new.test").actions[0].reply == Reply(450, ("new.test",))
    assert script.on("helo", argument="NEW.test") == "proceed"


def test_queue_ids_differ_and_repeat(play: Any) -> None:
    """Each message has an id of its own; the same run has the same ids."""

    def ids() -> list[str]:
        script = play('at = "dot"\nreply = "250 2.0.0 {id}"')
        return [script.decide("dot", session=n // 2).actions[1].reply.lines[0] for n in range(20)]

    first = ids()

    assert len(set(first)) == 20
    assert first == ids()


def test_a_decision_names_its_rule(play: Any) -> None:
    """By its name, or by file and line."""
    script = play('[[rule]]\nname = "no ann"\nat = "rcpt"\nrcpt = "ann@*"\n[[rule]]\nat = "rcpt"')

    assert script.decide("rcpt", rcpt="ann@x.test").rule == "no ann"
    assert script.decide("rcpt", rcpt="bob@x.test").rule == "test.toml:5"
    assert script.decide("mail").rule == ""


STRICT = '[server]\nunmatched = "fail"\n'


def test_a_strict_script_refuses_what_no_rule_matches(play: Any) -> None:
    """At the stages that it speaks of; elsewhere a correct server answers."""
    script = play(STRICT + '[[rule]]\nat = ["rcpt", "dot"]\ndomain = "x.test"')
    refused = script.decide("rcpt", rcpt="bob@y.test")

    assert refused.unmatched
    assert refused.actions == (Say(Reply(554, ("5.3.0 the script has no rule for this rcpt",))),)
    assert script.on("dot", recipients=("bob@y.test",)) == "do not take, say 554"
    assert script.rcpt("ann@x.test") == "proceed"
    assert not script.decide("mail").unmatched


def test_a_strict_greeting_has_no_enhanced_code(play: Any) -> None:
    """RFC 2034 section 4."""
    script = play(STRICT + '[[rule]]\nat = "*"\ntimes = 1')
    script.on("banner")

    assert script.decide("banner").actions[0].reply.text == "the script has no rule for this banner"
    assert {stage for stage in Stage if script.decide(stage).unmatched} == REPLYING


def test_a_strict_script_says_what_did_not_hold(play: Any) -> None:
    """For each rule of the stage the first word that kept it from firing."""
    script = play(
        STRICT
        + '[[rule]]\nname = "one"\nat = "rcpt"\nfrom = "other@*"\n'
        + '[[rule]]\nname = "two"\nat = "rcpt"\nrcpt = "bob@*"\n'
        + '[[rule]]\nname = "three"\nat = "rcpt"\nrcpt = "ann@*"\ndomain = ["y.test", "z.test"]\n'
        + '[[rule]]\nname = "four"\nat = "rcpt"\nage = ">=5m"\n'
        + '[[rule]]\nname = "five"\nat = "rcpt"\ndomain = "y.test"\n'
        + '[[rule]]\nname = "six"\nat = "mail"\n'
    )

    assert [str(miss) for miss in script.decide("rcpt", rcpt="ann@x.test").near_misses] == [
        'three: domain = ["y.test", "z.test"] but domain is x.test',
        'one: from = "other@*" but from is news@shop.test',
        'two: rcpt = "bob@*" but rcpt is ann@x.test',
        'four: age = ">=5m" but it is 0s old',
        'five: domain = "y.test" but domain is x.test',
    ]


def test_a_key_that_is_not_known_is_a_near_miss(play: Any) -> None:
    """Counting by what is not there keeps a rule from firing."""
    script = play(
        STRICT + '[[rule]]\nname = "r"\nat = "rset"\nkey = "rcpt"\n[[rule]]\nname = "f"\nat = "rset"\nkey = "from"'
    )

    assert [str(miss) for miss in script.decide("rset", reverse_path=None).near_misses] == [
        'r: key = "rcpt" but there is no recipient yet',
        'f: key = "from" but no transaction is open',
    ]


def test_an_unmatched_event_is_not_charged(play: Any) -> None:
    """What a strict script refused did not go through."""
    script = play(STRICT + '[[rule]]\nat = "rcpt"\nover = "1/1h"\nreply = "450 4.2.1 no"')

    assert [script.rcpt("ann@x.test") for _ in range(3)] == ["say 554"] * 3


def test_rules_that_never_fired_are_named(play: Any) -> None:
    """In the order of the script, so that nothing is silently untested."""
    script = play('[[rule]]\nat = "rcpt"\n[[rule]]\nat = "mail"\n[[rule]]\nat = "data"')
    script.rcpt("ann@x.test")

    assert script.engine.unfired() == ("test.toml:3", "test.toml:5")


@pytest.mark.parametrize(
    ("answer", "done"),
    [
        ("", "take, proceed"),
        ("commit = false", "do not take, proceed"),
        ('reply = "451 4.3.0 no"', "do not take, say 451"),
        ("raw = '250 ok'", "do not take, raw b'250 ok'"),
    ],
)
def test_the_last_chunk_ends_a_message(play: Any, answer: str, done: str) -> None:
    """Then BDAT is as the dot; a chunk before it takes no message."""
    script = play(f'at = "bdat"\n{answer}')

    assert script.on("bdat", last=True) == done
    assert script.on("bdat") == done.removeprefix("do not ").removeprefix("take, ")


def test_a_key_of_messages_counts_whole_ones(play: Any) -> None:
    """A chunk that is not the last is the business of no rule that counts messages."""
    script = play('at = ["dot", "bdat"]\nkey = "message"\nattempt = "1"\nreply = "451 4.3.0 no"')
    message = {"message_id": "<1@x>", "recipients": ("a@x",)}

    assert script.on("bdat") == "proceed"
    assert script.on("bdat", last=True, **message) == "do not take, say 451"
    assert script.on("dot", **message) == "proceed"


def test_the_code_comes_from_the_address(play: Any) -> None:
    """Named groups are the code, the enhanced code and the time to wait."""
    script = play(
        """at = "rcpt"
rcpt = '~^c(?P<code>\\d{3})(?:_(?P<status>\\d\\.\\d\\.\\d))?(?:-(?P<seconds>\\w+))?@'
wait = "{seconds}s"
reply = "{code} {status} as you say"
"""
    )
    said = script.decide("rcpt", rcpt="c550_5.1.1-7@x.test").actions

    assert script.rcpt("c421-0@x.test") == "wait 0s, say 421, close"
    assert said[1].reply == Reply(550, ("5.1.1 as you say",))
    assert script.rcpt("c550@x.test") == "proceed"


@pytest.mark.parametrize(
    ("address", "rule", "miss"),
    [
        ("c199@x", 'reply = "{x} no"', 'reply = "{x} no" but the code would be "199"'),
        ("c354@x", 'reply = "{x} no"', 'reply = "{x} no" but a server cannot say 354 at "rcpt"'),
        ("c299@x", 'reply = "{x} no"', 'reply = "{x} no" but no RFC has a reply code 299'),
        ("c299@x", 'replies = ["{x} no", "450"]', 'replies = ["{x} no", "450"] but no RFC has a reply code 299'),
        ("csoon@x", 'wait = "{x}s"', 'wait = "{x}s" but that would be no duration'),
        ("csoon@x", 'wait = "{x}s"\nattempt = "1"', 'wait = "{x}s" but that would be no duration'),
    ],
)
def test_what_cannot_be_said_is_not(play: Any, address: str, rule: str, miss: str) -> None:
    """What a client made of it is no reply, or no time: then the rule does not fire."""
    script = play(f'name = "r"\nat = "rcpt"\nrcpt = \'~^c(?P<x>\\w+)@\'\n{rule}')

    assert script.misses("rcpt", rcpt=address) == [f"r: {miss}"]
    assert script.engine.unfired() == ("r",)


def test_without_lint_a_client_may_have_any_code(play: Any) -> None:
    """As long as it is one."""
    script = play('at = "rcpt"\nrcpt = \'~^c(?P<x>\\d+)@\'\nreply = "{x} no"\nlint = false')

    assert [script.rcpt(f"c{code}@x") for code in (299, 354, 199)] == ["say 299", "say 354", "proceed"]


def test_capabilities_may_have_fields(play: Any) -> None:
    """From the name that the client gives; what would be none is not said."""
    script = play(
        """at = "ehlo"
ehlo = '~^size(?P<limit>.+)\\.test$'
caps = ["SIZE {limit}", "X-CLIENT {client}"]
"""
    )

    assert script.on("ehlo", argument="size1000.test") == "advertise SIZE 1000 X-CLIENT 192.0.2.1, proceed"
    assert script.misses("ehlo", argument="size\xfc.test") == [
        'test.toml:1: caps = ["SIZE {limit}", "X-CLIENT {client}"] but "SIZE \xfc" would be no capability'
    ]


def test_a_wait_may_grow(play: Any) -> None:
    """With each attempt."""
    script = play('at = "rcpt"\nwait = "{n}m"')

    assert [script.rcpt("ann@x.test") for _ in range(2)] == ["wait 60s, proceed", "wait 120s, proceed"]


ADDED = """
[[rule]]
name = "slow"
at = "*"
wait = "1s"
drip = "1B/1s"
then = "pass"

[[rule]]
name = "slower"
at = ["rcpt", "dot", "ehlo"]
wait = "{n}s"
drip = "2B/2s"
tease = "5s x 2"
mangle = "lf"
then = "pass"

[[rule]]
name = "shy"
at = "ehlo"
caps = ["-SIZE", "X-A"]
then = "pass"

[[rule]]
name = "loud"
at = "ehlo"
caps = ["SIZE 10", "X-B", "-X-A"]
times = 1

[[rule]]
name = "lost"
at = "dot"
commit = false
then = "pass"

[[rule]]
name = "full"
at = ["rcpt", "dot"]
domain = "full.test"
wait = "10s"
mangle = "cr"
commit = true
reply = "452 4.2.2 full"
""".replace("commit = true\n", "")


def test_rules_that_pass_the_event_on_add_up(play: Any) -> None:
    """Waits are added; of all else the first that is said counts; the first rule that does not pass answers."""
    script = play(ADDED)
    decision = script.decide("rcpt", rcpt="ann@full.test")

    assert (decision.rule, decision.added) == ("full", ("slow", "slower"))
    assert script.rcpt("ann@full.test") == "wait 13s, say 452 by 1 in 1s behind 2 of 5s with lf"
    assert script.on("dot", recipients=("ann@full.test",)) == (
        "wait 14s, do not take, say 452 by 1 in 1s behind 2 of 5s with lf"
    )
    assert script.on("ehlo") == ("wait 5s, advertise -SIZE X-A X-B, proceed by 1 in 1s behind 2 of 5s with lf")


def test_where_all_rules_pass_the_server_answers(play: Any) -> None:
    """With what they add; which is no answer, so that what others missed is said."""
    script = play(ADDED)
    decision = script.decide("noop")
    dot = script.decide("dot", recipients=("ann@x.test",))

    assert (decision.rule, decision.added, len(decision.near_misses)) == ("", ("slow",), 0)
    assert script.on("noop") == "wait 1s, proceed by 1 in 1s"
    assert script.on("dot") == "wait 3s, do not take, proceed by 1 in 1s behind 2 of 5s with lf"
    assert [miss.rule for miss in dot.near_misses] == ["full"]


def test_what_passes_is_no_rule_of_a_strict_script(play: Any) -> None:
    """Somebody must answer."""
    script = play(STRICT + '[[rule]]\nname = "slow"\nat = "*"\nwait = "1s"\nthen = "pass"')
    decision = script.decide("noop")

    assert (decision.unmatched, decision.added) == (True, ("slow",))
    assert script.on("dot") == "do not take, say 554"
    assert script.on("bdat", last=True) == "do not take, say 554"
    assert script.on("bdat") == "say 554"


@pytest.mark.parametrize("answer", ["raw = 'x'", 'cut = "before"', 'reply = "450 no"', 'cut = "mid"'])
def test_what_was_not_answered_well_did_not_go_through(play: Any, answer: str) -> None:
    """A quota counts what did."""
    script = play(f'[[rule]]\nat = "rcpt"\ntimes = 1\n{answer}\n[[rule]]\nat = "rcpt"\nover = "1/1h"\nreply = "452 no"')
    script.rcpt("ann@x.test")

    assert [script.rcpt("ann@x.test") for _ in range(2)] == ["proceed", "say 452"]


def test_a_handshake_that_went_wrong_did_not_go_through(play: Any) -> None:
    """Nor is there a reply that could say so."""
    script = play(
        '[[rule]]\nat = "tls"\ntimes = 1\nhandshake = "abort"\n[[rule]]\nat = "tls"\nover = "1/1h"\ncut = "before"'
    )

    assert [script.on("tls") for _ in range(3)] == ["shake abort", "proceed", "close"]
