"""Injections: which messages lead to something, for whom, and how often."""

from __future__ import annotations

from typing import Any

import pytest

from maildrill.fakeserver.journal.record import Message
from maildrill.fakeserver.language.destination import Destination
from maildrill.fakeserver.language.injection import Action, Feedback, Injection, Kind
from maildrill.fakeserver.language.pattern import Pattern
from maildrill.fakeserver.language.script import RuleError, Script, merge_scripts
from maildrill.fakeserver.language.span import Duration
from maildrill.fakeserver.sending.injections import Cause, Injections
from maildrill.fakeserver.text.script_file import read_script, script_to_toml

CONTENT = b"Message-ID: <1@shop.test>\r\nSubject: The news\r\n\r\nHello.\r\n"
HEADER = CONTENT.partition(b"\r\n\r\n")[0] + b"\r\n"
EVERYTHING = """\
version = 1

[[inject]]
name = "bounce"
on_commit = { rcpt = ["bounce@*", "!bounce@vip.test"], domain = "*.test", from = "news@*", subject = "*news*" }
kind = "dsn"
action = "delayed"
status = "4.4.7"
diagnostic = "450 4.2.1 busy"
text = "Sorry.\\nNot yet."
wait = "2h"
times = 3
chance = 0.5
address = "bounces@shop.test"
to = "127.0.0.1:2526"

[[inject]]
name = "complaint"
on_commit = { rcpt = "complaint@*" }
kind = "complaint"
feedback = "not-spam"
to = "mx.shop.test:25"
outside = true

[[inject]]
name = "everybody is away"
on_commit = {}
kind = "ooto"
"""


def message(*rcpts: str, sender: str = "news@shop.test", **said: Any) -> Message:
    return Message(
        at=100.0,
        session=1,
        reverse_path=sender,
        recipients=rcpts,
        content=said.pop("content", CONTENT),
        size=len(CONTENT),
        message_id=said.pop("message_id", "<1@shop.test>"),
        committed=True,
        committed_for=rcpts,
        number=7,
        **said,
    )


def injection(**words: Any) -> Injection:
    return Injection(name="i", **{"kind": Kind.DSN, **words})


def caused(one: Injection, *messages: Message, seed: int = 0) -> list[Cause]:
    play = Injections([one], seed)
    return [cause for each in messages for cause in play.causes(each)]


def told(one: Injection, *messages: Message, seed: int = 0) -> list[str]:
    """Return for whom of the recipients something was caused."""
    return [cause.rcpt for cause in caused(one, *messages, seed=seed)]


def test_every_word_is_read_and_written() -> None:
    """In the order of the language, and only what was said."""
    script = read_script(EVERYTHING, "s.toml")

    assert script_to_toml(script) == EVERYTHING
    assert script.injections == (
        Injection(
            name="bounce",
            kind=Kind.DSN,
            rcpt=(Pattern("bounce@*"), Pattern("!bounce@vip.test")),
            domain=(Pattern("*.test"),),
            reverse_path=(Pattern("news@*"),),
            subject=(Pattern("*news*"),),
            action=Action.DELAYED,
            status="4.4.7",
            diagnostic="450 4.2.1 busy",
            text="Sorry.\nNot yet.",
            wait=Duration("2h"),
            times=3,
            chance=0.5,
            address="bounces@shop.test",
            to=Destination("127.0.0.1:2526"),
        ),
        Injection(
            name="complaint",
            kind=Kind.COMPLAINT,
            rcpt=(Pattern("complaint@*"),),
            feedback=Feedback.NOT_SPAM,
            to=Destination("mx.shop.test:25", outside=True),
        ),
        Injection(name="everybody is away", kind=Kind.OOTO),
    )


def test_injections_are_joined_with_scripts() -> None:
    """In order, with names of their own."""
    script = Script(injections=(injection(),))

    assert [one.name for one in merge_scripts([script, script]).injections] == ["i", "i#2"]


def test_each_recipient_who_fits_causes_one() -> None:
    """Of those for whom the message was taken; addressed to where the message came from."""
    one = injection(rcpt=(Pattern("bounce@*"),), domain=(Pattern("*.test"),))
    mixed = message("bounce@x.test", "ann@x.test", "Bounce@y.test", "bounce@x.example")
    mixed.committed_for = ("bounce@x.test", "ann@x.test", "bounce@x.example")

    assert [(cause.rcpt, cause.address, cause.number, cause.at) for cause in caused(one, mixed)] == [
        ("bounce@x.test", "news@shop.test", 7, 100.0)
    ]


@pytest.mark.parametrize(
    ("words", "fits"),
    [
        ({"reverse_path": (Pattern("news@*"),)}, True),
        ({"reverse_path": (Pattern("other@*"),)}, False),
        ({"subject": (Pattern("*NEWS"),)}, True),
        ({"subject": (Pattern("news"),)}, False),
        ({}, True),
    ],
)
def test_sender_and_subject_are_asked(words: dict[str, Any], fits: bool) -> None:
    """As a rule would ask them."""
    assert bool(told(injection(**words), message("a@x.test"))) is fits


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        ({"kind": Kind.DSN}, False),
        ({"kind": Kind.DSN, "address": "postmaster@shop.test"}, False),
        ({"kind": Kind.OOTO}, False),
        ({"kind": Kind.COMPLAINT}, False),
        ({"kind": Kind.COMPLAINT, "address": "fbl@shop.test"}, True),
    ],
)
def test_nothing_answers_the_null_reverse_path(words: dict[str, Any], sent: bool) -> None:
    """A bounce of a bounce would never end (RFC 5321 section 6.1); a complaint has an address of its own."""
    assert bool(told(injection(**words), message("a@x.test", sender=""))) is sent


@pytest.mark.parametrize(
    ("action", "notify", "sent"),
    [
        (None, None, True),
        (Action.FAILED, "FAILURE", True),
        (Action.FAILED, "success,delay", False),
        (Action.FAILED, "NEVER", False),
        (Action.DELAYED, None, True),
        (Action.DELAYED, "FAILURE", False),
        (Action.DELAYED, "delay", True),
        (Action.DELIVERED, None, False),
        (Action.DELIVERED, "SUCCESS", True),
        (Action.RELAYED, "SUCCESS,FAILURE", True),
        (Action.EXPANDED, "FAILURE", False),
        (Action.FAILED, "nonsense", False),
    ],
)
def test_a_sender_hears_of_what_it_wanted_to_hear(action: Action | None, notify: str | None, sent: bool) -> None:
    """NOTIFY is kept to; without it failures and delays are told (RFC 3461 section 4.1)."""
    said = {} if notify is None else {"a@x.test": {"NOTIFY": notify}}

    assert bool(told(injection(action=action), message("a@x.test", rcpt_parameters=said))) is sent


def test_notify_is_about_reports_only() -> None:
    """Who complains, or is away, asks nobody."""
    said = {"a@x.test": {"NOTIFY": "NEVER"}}

    assert told(injection(kind=Kind.OOTO), message("a@x.test", rcpt_parameters=said)) == ["a@x.test"]


def test_times_counts_all() -> None:
    """Then never again."""
    assert told(injection(times=2), message("a@x.test", "b@x.test"), message("c@x.test")) == ["a@x.test", "b@x.test"]


def test_a_draw_is_a_hash_of_who_and_what() -> None:
    """The same recipients in any order; the same message once more draws anew."""
    one = injection(chance=0.5)
    people = [f"{n}@x.test" for n in range(50)]
    first = told(one, *(message(rcpt) for rcpt in people))

    assert 10 < len(first) < 40
    assert set(told(one, *(message(rcpt) for rcpt in reversed(people)))) == set(first)
    assert told(one, message(*people)) == first
    assert told(one, message(*people), message(*people))[len(first) :] != first
    assert told(one, message(*people), seed=1) != first


def test_each_has_an_id_of_its_own_that_a_seed_repeats() -> None:
    """It becomes the Message-ID."""
    ids = [cause.id for cause in caused(injection(), *(message("a@x.test", "b@x.test") for _ in range(2)))]

    assert len(set(ids)) == 4
    assert ids == [cause.id for cause in caused(injection(), *(message("a@x.test", "b@x.test") for _ in range(2)))]
    assert all(len(one) == 10 for one in ids)


@pytest.mark.parametrize(
    ("words", "ret", "quoted"),
    [
        ({"kind": Kind.DSN}, "", HEADER),
        ({"kind": Kind.DSN}, "HDRS", HEADER),
        ({"kind": Kind.DSN}, "full", CONTENT),
        ({"kind": Kind.OOTO}, "FULL", HEADER),
        ({"kind": Kind.COMPLAINT}, "", CONTENT),
    ],
)
def test_what_is_quoted_is_kept(words: dict[str, Any], ret: str, quoted: bytes) -> None:
    """The header; all of it where the client wanted it back, or where somebody complains."""
    (cause,) = caused(injection(**words), message("a@x.test", parameters={"RET": ret}))

    assert cause.original == quoted


def test_a_header_without_an_end_is_quoted_as_it_is() -> None:
    """There is no body then."""
    (cause,) = caused(injection(), message("a@x.test", content=b"Subject: x"))

    assert cause.original == b"Subject: x"


def test_injections_go_on_in_another_script() -> None:
    """What has been sent counts there too."""
    one = injection(times=2, chance=1.0)
    before, after = Injections([one], 0), Injections([one], 0)
    before.causes(message("a@x.test"))
    after.carry(before)

    assert [cause.rcpt for cause in after.causes(message("b@x.test", "c@x.test"))] == ["b@x.test"]


@pytest.mark.parametrize(
    ("text", "outside", "host", "port"),
    [
        ("127.0.0.1:25", False, "127.0.0.1", 25),
        ("127.8.9.1:65535", False, "127.8.9.1", 65535),
        ("[::1]:2526", False, "::1", 2526),
        ("LocalHost:1", False, "LocalHost", 1),
        ("mx.shop.test:25", True, "mx.shop.test", 25),
        ("192.0.2.1:25", True, "192.0.2.1", 25),
    ],
)
def test_a_destination_is_a_host_and_a_port(text: str, outside: bool, host: str, port: int) -> None:
    """On this machine, unless it is said otherwise."""
    where = Destination(text, outside)

    assert (where.host, where.port, str(where)) == (host, port, text)


@pytest.mark.parametrize(
    "text", ["", "localhost", "localhost:0", "localhost:65536", "::1:25", "a b:25", "[x]:25", ":25"]
)
def test_what_is_no_destination_is_refused(text: str) -> None:
    """With what was expected."""
    with pytest.raises(ValueError, match="a host and a port"):
        Destination(text, outside=True)


@pytest.mark.parametrize("text", ["192.0.2.1:25", "mx.shop.test:25", "[2001:db8::1]:25", "0.0.0.0:25"])
def test_nothing_leaves_this_machine_unasked(text: str) -> None:
    """The fake server relays nothing; it must be told to send anything anywhere."""
    with pytest.raises(ValueError, match="outside = true"):
        Destination(text)


@pytest.mark.parametrize(("field", "value"), [("times", 0), ("chance", 1.5), ("chance", float("nan"))])
def test_an_injection_made_in_python_is_checked_too(field: str, value: float) -> None:
    """An injection that exists can be sent, however it was made."""
    with pytest.raises(RuleError) as caught:
        injection(**{field: value})

    assert caught.value.key == field


def test_without_a_wait_it_is_sent_at_once() -> None:
    """As soon as the message is taken."""
    assert (injection().seconds, injection(wait=Duration("2h")).seconds) == (0.0, 7200.0)
