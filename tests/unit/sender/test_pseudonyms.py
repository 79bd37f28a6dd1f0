"""Pseudonyms: what is hidden, what stays as it was."""

from __future__ import annotations

import pytest

from maildrill.sender.log_event import LogEvent
from maildrill.sender.pseudonyms import Pseudonyms
from maildrill.sender.review.located import Located
from maildrill.smtp import Stage


def hidden(kind: str, stage: Stage | None = None, **fields: object) -> dict[str, object]:
    """Return the fields of an event under pseudonyms."""
    return dict(Pseudonyms(b"k").of(Located(LogEvent(1, 0.0, kind, fields), 1, stage=stage)).event.fields)


NAMES = Pseudonyms(b"k")


def test_a_name_has_one_pseudonym_wherever_it_stands() -> None:
    """In fields and in what servers say of it, in any letter case."""
    address = NAMES.address("Ann@Example.org")

    assert NAMES.address("ann@example.ORG") == address
    assert NAMES.text("550 5.1.1 <ann@example.org>: unknown") == f"550 5.1.1 <{address}>: unknown"
    assert address.endswith(NAMES.domain("example.org"))


@pytest.mark.parametrize(
    "text",
    [
        "450 4.2.1 busy, try again later",
        "250-8BITMIME",
        "250 SIZE 26214400",
        "354 end data with <CR><LF>.<CR><LF>",
        "MAIL FROM:<> SIZE=272",
        "EHLO [127.0.0.1]",
        "timed out after 5m at 09:00:00.123",
    ],
)
def test_what_is_no_name_stays(text: str) -> None:
    """A shared log is of use by its codes and words."""
    assert NAMES.text(text) == text


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("relay 192.0.2.7 refused", "192.0.2.7"),
        ("from [IPv6:2001:db9::17]", "2001:db9::17"),
        ("see https://help.shop.org/ticket?user=ann", "ticket"),
        ("queued as 4F2abC9d1E77", "4F2abC9d1E77"),
        ("blocked using zen.lists.org", "zen.lists.org"),
    ],
)
def test_what_may_be_a_name_goes(text: str, gone: str) -> None:
    """Addresses of hosts, links, queue ids, lists."""
    assert gone not in NAMES.text(text)


def test_a_local_part_alone_is_hidden_once_it_is_known() -> None:
    """Servers say `user ann unknown`; figures are left alone."""
    names = Pseudonyms(b"k")
    for who in ("annabel@x.org", "250@x.org"):
        names.learn(Located(LogEvent(1, 0.0, "recipient.queued", {"recipient": who}), 1))

    assert names.text("250 user annabel unknown") == f"250 user {names.address('annabel')} unknown"


def test_hosts_name_themselves_in_one_word() -> None:
    """In greetings and in EHLO; extensions stay."""
    said = (
        (Stage.BANNER, "<-", "220 mailhost ESMTP"),
        (Stage.EHLO, "->", "EHLO mybox"),
        (Stage.EHLO, "<-", "250-AUTH=PLAIN LOGIN"),
        (Stage.EHLO, "===", "odd"),
        (Stage.BANNER, "<**", "421 4.3.2 too busy"),
    )
    changed = [hidden("line", stage, session=1, mark=mark, text=text)["text"] != text for stage, mark, text in said]

    assert changed == [True, True, False, False, False]


def test_what_was_set_aside_is_hidden_whole() -> None:
    """It may be anything, a name for one; what was wrong with it may quote it."""
    fields = hidden("recipient.set_aside", row=3, value="Ann Bee", reason="invalid", detail='"Ann Bee" has no @-sign')

    assert (fields["row"], fields["reason"], fields["detail"]) == (3, "invalid", '"…" has no @-sign')
    assert "Ann" not in str(fields["value"])
    address = hidden("recipient.set_aside", row=3, value="ann@x.org", reason="duplicate")["value"]
    assert address == NAMES.address("ann@x.org")


def test_where_mail_goes_keeps_its_shape() -> None:
    """Ports, several relays, direct delivery, labels of accounts, address literals, extensions of one's own."""
    fields = hidden(
        "session.opened",
        relay="mx.shop.org:587, [192.0.2.1]:25",
        host="mx.shop.org",
        account="backup",
        capabilities=["SIZE", "XSECRET"],
    )
    relays = str(fields["relay"]).split(", ")

    assert [relay.rpartition(":")[2] for relay in relays] == ["587", "25"]
    assert relays[0] == f"{fields['host']}:587"
    assert relays[1].startswith("[198.")
    assert fields["account"] != "backup"
    assert hidden("session.opened", account="mx.shop.org:587")["account"] == relays[0]
    assert [str(name)[:1] for name in fields["capabilities"]] == ["S", "X"]  # type: ignore[attr-defined]
    assert "XSECRET" not in fields["capabilities"]  # type: ignore[operator]
    assert hidden("run.started", relay="direct")["relay"] == "direct"


def test_a_field_of_the_future_is_scrubbed() -> None:
    """Whatever it holds; numbers stay, and words of ours."""
    fields = hidden("moon.rose", seen_by=["ann@x.org"], over={"where": "shop.org"}, n=7, state="held")

    assert (fields["n"], fields["state"]) == (7, "held")
    assert ("ann" in str(fields), "shop" in str(fields)) == (False, False)


def test_an_ip_literal_stays_one() -> None:
    """Version 6, too; our own loopback is nobody's."""
    assert NAMES.domain("[IPv6:2001:db9::1]").startswith("[2001:db8::")
    assert NAMES.domain("127.0.0.1") == "127.0.0.1"


def test_the_original_recipient_of_a_command_is_nobodys_name() -> None:
    """ORCPT spells some addresses otherwise than RCPT does; none of their parts is left."""
    names = Pseudonyms(b"k")
    names.learn(Located(LogEvent(1, 0.0, "transaction.started", {"recipients": ['"sue+;ellen"@x.org']}), 1))
    told = names.text('RCPT TO:<"sue+;ellen"@x.org> NOTIFY=DELAY ORCPT=rfc822;"sue+2B;ellen"@x.org')

    assert "sue" not in told
    assert "ellen" not in told
    assert " NOTIFY=DELAY ORCPT=rfc822;" in told
