"""Messages: what a mail program shows, and which octets travel."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from maildrill.sender.campaign import Campaign, Mailbox, Mode
from maildrill.sender.lists import Row
from maildrill.sender.message import Composer, message_id
from maildrill.smtp import ConfigurationError

MakeCampaign = Callable[..., Campaign]
ANN = Row(2, "ann@x.example", {"Email": "ann@x.example", "Name": "Zoë <Ann>", "Seat": "A\r\nBcc: eve@evil.example"})
NINE = 1767603600.0  # 2026-01-05T09:00:00Z


def composed(campaign: Campaign, row: Row | None = ANN) -> bytes:
    """Compose the message for a row."""
    return Composer(campaign).compose(row, message_id=message_id(campaign, row), date=NINE).whole()


def parsed(octets: bytes) -> EmailMessage:
    """Read a message with the standard library; it must find nothing to complain of."""
    message = message_from_bytes(octets, policy=policy.default)
    assert not [defect for part in message.walk() for defect in part.defects]
    return message


def test_a_plain_message_octet_by_octet(make_campaign: MakeCampaign) -> None:
    """The whole of a simple message, as the wire gets it."""
    campaign = make_campaign(subject="Hello [Name]", text="Dear [Name],\n\n.\nbye", reply_to=Mailbox("", "r@x.example"))
    row = Row(2, "bob@x.example", {"Email": "bob@x.example", "Name": "Bob"})

    assert composed(campaign, row).split(b"\r\n") == [
        b"Date: Mon, 05 Jan 2026 09:00:00 +0000",
        b"From: Ann Bee <ann@sender.example>",
        b"Reply-To: r@x.example",
        b"To: Bob <bob@x.example>",
        b"Subject: Hello Bob",
        b"Message-ID: " + message_id(campaign, row).encode(),
        b"MIME-Version: 1.0",
        b"Content-Type: text/plain; charset=utf-8",
        b"Content-Transfer-Encoding: 7bit",
        b"",
        b"Dear Bob,",
        b"",
        b".",
        b"bye",
        b"",
    ]


def test_text_html_and_attachments_form_a_tree(make_campaign: MakeCampaign, tmp_path: Path) -> None:
    """Mixed around alternative around text and HTML; plain text first, as RFC 2046 wants it."""
    (tmp_path / "Übersicht.pdf").write_bytes(bytes(range(256)) * 9)
    (tmp_path / "data.unheard-of").write_bytes(b"")
    campaign = make_campaign(
        text="Dear [Name]\n",
        html="<p>Dear [Name]</p>\n",
        attachments=(tmp_path / "Übersicht.pdf", tmp_path / "data.unheard-of"),
    )
    message = parsed(composed(campaign))
    parts = [part for part in message.walk() if not part.is_multipart()]

    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "application/pdf",
        "application/octet-stream",
    ]
    assert shown(parts[0]) == "Dear Zoë <Ann>\n"
    assert shown(parts[1]) == "<p>Dear Zoë &lt;Ann&gt;</p>\n"
    assert [(part.get_filename(), part.get_content()) for part in parts[2:]] == [
        ("Übersicht.pdf", bytes(range(256)) * 9),
        ("data.unheard-of", b""),
    ]


def shown(part: EmailMessage) -> str:
    """Return the text of a part as a mail program shows it."""
    return str(part.get_content()).replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("plain\n", "7bit"),
        ("", "7bit"),
        ("tab\tand tilde ~\n", "7bit"),
        ("x" * 998 + "\n", "7bit"),
        ("x" * 999 + "\n", "quoted-printable"),
        ("Grüße aus Köln\n", "quoted-printable"),
        ("bell\a\n", "quoted-printable"),
        ("del\x7f\n", "quoted-printable"),
        ("--=_looks like a boundary\n", "quoted-printable"),
        ("東京からのお知らせ\n" * 5, "base64"),
        ("Привет, друзья\n" * 5, "base64"),
        ("🎉" * 50, "base64"),
    ],
)
def test_the_transfer_encoding_fits_the_text(make_campaign: MakeCampaign, text: str, encoding: str) -> None:
    """ASCII as it is, a few accents readable, other scripts short: always 7-bit, and read as it was written."""
    octets = composed(make_campaign(text=text))
    message = parsed(octets)

    assert message["Content-Transfer-Encoding"] == encoding
    assert shown(message).rstrip("\n") == text.rstrip("\n")
    assert octets.isascii()
    assert max(len(line) for line in octets.split(b"\r\n")) <= 998


@pytest.mark.parametrize("text", ["a\r\nb\rc\nd", "a\nb\nc\nd\n"])
def test_lines_end_in_crlf_and_nothing_else(make_campaign: MakeCampaign, text: str) -> None:
    """A bare CR or LF must never reach the wire (RFC 5321 section 2.3.8)."""
    octets = composed(make_campaign(text=text, html=text + "ü"))

    assert octets.endswith(b"\r\n")
    assert re.search(rb"(?<!\r)\n|\r(?!\n)", octets) is None
    assert b"a\r\nb\r\nc\r\nd\r\n" in octets


def test_a_value_adds_no_field(make_campaign: MakeCampaign) -> None:
    """A line break from the list becomes a space in the subject and the name (invariant I33)."""
    campaign = make_campaign(subject="Seat [Seat]", text="[Seat]\n")
    row = Row(2, "ann@x.example", {"Name": "Ann\r\nBcc: eve@evil.example", "Seat": "A\r\n\r\nBcc: eve@evil.example"})
    message = parsed(composed(campaign, row))

    assert message["Subject"] == "Seat A Bcc: eve@evil.example"
    assert message["To"].addresses[0].addr_spec == "ann@x.example"
    assert message["Bcc"] is None


def test_a_value_cannot_end_a_part(make_campaign: MakeCampaign) -> None:
    """Who knows name and seed of the campaign knows its boundaries: a value that holds one is encoded."""
    campaign = make_campaign(text="[Name]\n", html="<p>x</p>\n")
    boundary = parsed(composed(campaign)).get_boundary()
    row = Row(2, "ann@x.example", {"Name": f"\r\n--{boundary}--\r\n"})
    message = parsed(composed(campaign, row))

    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"Name": "Ann"}, "Ann"),
        ({"NAME": "Ann"}, "Ann"),
        ({"Name": "Ann", "Full Name": "Ann Bee"}, "Ann Bee"),
        ({"Name": "", "Email": "Bee, Ann <ann@x.example>"}, "Bee, Ann"),
        ({"Surname": "Bee", "Email": "ann@x.example"}, ""),
        ({}, ""),
    ],
)
def test_the_recipients_name_is_looked_for(make_campaign: MakeCampaign, fields: dict[str, str], name: str) -> None:
    """A column for the full name, one for the name, or the address column's own display name."""
    message = parsed(composed(make_campaign(), Row(2, "ann@x.example", fields)))

    assert message["To"].addresses[0].display_name == name


def test_an_internationalised_recipient_is_the_only_thing_beyond_ascii(make_campaign: MakeCampaign) -> None:
    """RFC 6532: UTF-8 in the address, encoded words everywhere else."""
    octets = composed(make_campaign(subject="Привет"), Row(2, "иван@x.example", {"Name": "Иван"}))

    assert [line for line in octets.split(b"\r\n") if not line.isascii()] == [
        "To: =?utf-8?b?0JjQstCw0L0=?= <иван@x.example>".encode()
    ]


def test_batch_mode_names_nobody(make_campaign: MakeCampaign) -> None:
    """One message for all: no address in it, tags by their defaults."""
    message = parsed(composed(make_campaign(mode=Mode.BATCH, text="Dear [Name|member],\n"), None))

    assert message["To"].addresses == ()
    assert "undisclosed-recipients" in str(message["To"])
    assert shown(message) == "Dear member,\n"


def test_batch_mode_refuses_a_tag_without_a_default(make_campaign: MakeCampaign) -> None:
    """Even where preflight was not asked."""
    with pytest.raises(ConfigurationError, match=r"\[Name\] in message.text has no row"):
        Composer(make_campaign(mode=Mode.BATCH, text="Dear [Name],\n"))


def test_an_attachment_that_cannot_be_read_is_a_located_error(make_campaign: MakeCampaign, tmp_path: Path) -> None:
    """It was there when the campaign was read."""
    with pytest.raises(ConfigurationError, match="cannot read the attachment: No such file") as caught:
        Composer(make_campaign(attachments=(tmp_path / "gone.pdf",)))

    assert caught.value.where == str(tmp_path / "gone.pdf")


def test_the_same_input_gives_the_same_octets(make_campaign: MakeCampaign, tmp_path: Path) -> None:
    """Nothing in a message comes from a clock, from chance or from the machine."""
    (tmp_path / "a.bin").write_bytes(b"1")
    campaign = make_campaign(html="<p>ü</p>\n", attachments=(tmp_path / "a.bin",))

    assert composed(campaign) == composed(campaign)


def test_message_ids_are_stable_and_differ(make_campaign: MakeCampaign) -> None:
    """Equal whatever becomes of template and letter case; different for another recipient, seed or campaign."""
    campaign = make_campaign()
    ids = {
        message_id(campaign, ANN),
        message_id(campaign, None),
        message_id(campaign, Row(3, "bob@x.example", {})),
        message_id(make_campaign(seed=1), ANN),
        message_id(make_campaign(name="autumn"), ANN),
    }

    assert len(ids) == 5
    assert all(re.fullmatch(r"<[0-9a-f]{32}@sender\.example>", one) for one in ids)
    assert message_id(make_campaign(text="Other\n"), Row(9, "ANN@x.example", {})) == message_id(campaign, ANN)


def test_an_id_that_could_leave_its_line_is_refused(make_campaign: MakeCampaign) -> None:
    """Message-ID comes from the caller and is checked like any other value."""
    with pytest.raises(ValueError, match="blank or control"):
        Composer(make_campaign()).compose(ANN, message_id="<a@b>\r\nBcc: x@y", date=NINE)


def test_a_thousand_messages_with_an_attachment_are_quick(make_campaign: MakeCampaign, tmp_path: Path) -> None:
    """A third of a millisecond each, measured as processor time with room for a busy machine."""
    (tmp_path / "flyer.pdf").write_bytes(b"%PDF" + bytes(100_000))
    campaign = make_campaign(
        subject="[Name], hello", html="<p>[Name]</p>\n" * 40, attachments=(tmp_path / "flyer.pdf",)
    )
    composer = Composer(campaign)
    began = time.process_time()
    for n in range(1000):
        composer.compose(Row(n, f"p{n}@x.example", {"Name": f"Zoë {n}"}), message_id=f"<{n}@x>", date=NINE)

    assert time.process_time() - began < 0.5
