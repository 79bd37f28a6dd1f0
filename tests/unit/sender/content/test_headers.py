"""Header fields: what a reader sees is what was meant, and no octet is out of place."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import getaddresses

import pytest

from maildrill.sender import headers
from maildrill.sender.campaign import Mailbox

HARD_TEXTS = [
    "Hello",
    "",
    "Größe und Maß: 50 % günstiger",
    "Привет, дорогой друг",
    "東京からのお知らせ、第一号",
    "🎉 party 👩‍👩‍👧‍👦 time 🇺🇦",
    "שלום, you there",
    "مرحبا بالعالم، كيف حالك اليوم",
    "plain then Ünïcödé then plain again then ÄÖÜ",
    "two ünïts apärt",
    "=?utf-8?q?not_an_encoded_word?=",
    '100% = "all" of (it) [x] <y>; a, b: c\\d',
    "long " * 60,
    "lang Ä" * 60,
    "x" * 3000,
    "長" * 500,
    "e\u0301 combining",
]

HARD_NAMES = [
    "Ann Bee",
    "O'Neill, Maeve",
    'Ann "Bee" Smith',
    "back\\slash",
    "J. R. Smith",
    "Иван Иванович Петров-Водкин",
    "Müller, Jörg",
    "王伟",
    "דוד בן־גוריון",
    "🎈 Balloons",
    "semi;colon <not@an.address>",
    "=?utf-8?b?aGk=?=",
    "An extraordinarily long display name, Dr. of Philosophy and of much else besides, Esq.",
    "Ä" * 200,
    "(comment) Ann",
]


def parsed(field: bytes) -> EmailMessage:
    """Read a field back with the standard library."""
    return message_from_bytes(field + b"\r\n", policy=policy.default)


def lines_of(field: bytes) -> list[bytes]:
    """Split a field into its lines, having checked that it is one field with proper line ends."""
    assert field.endswith(b"\r\n")
    lines = field[:-2].split(b"\r\n")
    assert not any(octet in b"\r\n" for line in lines for octet in line)
    assert all(line.startswith(b" ") and line.strip() for line in lines[1:])
    return lines


@pytest.mark.parametrize("text", HARD_TEXTS)
def test_a_subject_is_read_as_it_was_written(text: str) -> None:
    """Whatever the script, a parser gets the text back; the field is ASCII and folds in time."""
    field = headers.unstructured("Subject", text)

    assert parsed(field)["Subject"] == text.strip()
    assert field.isascii()
    assert all(len(line) <= 78 for line in lines_of(field))


@pytest.mark.parametrize("name", HARD_NAMES)
def test_a_display_name_is_read_as_it_was_written(name: str) -> None:
    """Commas, quotes, scripts and look-alikes of encoded words all come back, with the address untouched."""
    field = headers.address("To", Mailbox(name, "ann@example.org"))
    # the older of the two parsers: the newer one shows the blanks between encoded words of a name
    [(phrase, address)] = getaddresses([message_from_bytes(field)["To"].replace("\r\n", "")])

    assert (str(make_header(decode_header(phrase))), address) == (name, "ann@example.org")
    assert [one.addr_spec for one in parsed(field)["To"].addresses] == ["ann@example.org"]
    assert field.isascii()
    assert all(len(line) <= 78 for line in lines_of(field))


def test_plain_words_stay_plain() -> None:
    """Only the words that need it are encoded."""
    field = headers.unstructured("Subject", "Dear Zoë, the tickets are here")

    assert field == b"Subject: Dear =?utf-8?q?Zo=C3=AB=2C?= the tickets are here\r\n"


def test_a_name_with_a_comma_is_quoted() -> None:
    """An unquoted comma would make two addresses of one."""
    assert headers.address("To", Mailbox("Bee, Ann", "ann@x.example")) == b'To: "Bee, Ann" <ann@x.example>\r\n'


@pytest.mark.parametrize("length", [47, 48, 60])
def test_a_line_is_as_long_as_it_may_be(length: int) -> None:
    """78 characters stand on one line, one more is folded (RFC 5322 section 2.1.1)."""
    name = "n" * length
    address = "ann@example.org-and-more"
    field = headers.address("To", Mailbox(name, address))
    fits = len(f"To: {name} <{address}>") <= 78

    assert len(lines_of(field)) == (1 if fits else 2)
    assert parsed(field)["To"].addresses[0].display_name == name


@pytest.mark.parametrize("text", ["", " two  blanks ", "a\tb", "=?utf-8?q?no?=", "w" * 61, "w " * 35 + "w", "a b c"])
def test_what_is_not_plain_goes_the_long_way(text: str) -> None:
    """Blanks become one, look-alikes and long words are encoded, long lines folded: none of it is taken for plain."""
    field = headers.unstructured("Subject", text)

    assert parsed(field)["Subject"] == " ".join(text.split())
    assert all(len(line) <= 78 for line in lines_of(field))


def test_no_name_means_the_bare_address() -> None:
    """A mailbox without a name needs no angle brackets."""
    assert headers.address("From", Mailbox("", "ann@x.example")) == b"From: ann@x.example\r\n"


def test_the_encoding_fits_the_script() -> None:
    """A few accents are written in Q, which people can read; other scripts in B, which is shorter."""
    assert b"?q?" in headers.unstructured("Subject", "Zoë")
    assert b"?b?" in headers.unstructured("Subject", "東京")


def test_an_encoded_word_holds_whole_characters() -> None:
    """RFC 2047 section 5: each word can be decoded by itself."""
    for character in ("é", "長", "🎉"):
        field = headers.unstructured("Subject", "a" + character * 120)
        words = [word for line in lines_of(field) for word in line.split() if word.startswith(b"=?")]

        assert len(words) > 1
        assert all(len(word) <= 75 for word in words)
        for word in words:
            assert set(parsed(b"Subject: " + word + b"\r\n")["Subject"]) <= {"a", character}


def test_a_field_name_without_room_moves_the_first_word_to_the_next_line_at_most() -> None:
    """A long field name leaves little room; no line is too long for all that."""
    field = headers.unstructured("X-" + "Very-" * 11 + "Long", "長" * 30)

    assert parsed(field)["X-" + "Very-" * 11 + "Long"] == "長" * 30


@pytest.mark.parametrize(
    "attack",
    [
        "x\r\nBcc: eve@evil.example",
        "x\nBcc: eve@evil.example",
        "x\rBcc: eve@evil.example",
        "x\r\n\r\n<script>",
        "x\0y\x0b\x0cz\x1b[31m\x7f",
        "x\x85Bcc: eve@evil.example",
        "x\u2028Bcc: eve@evil.example",
        "\r\n.\r\n",
    ],
)
def test_no_value_begins_a_line_of_its_own(attack: str) -> None:
    """Line breaks and control characters in a subject, name or file name add no field."""
    fields = [
        headers.unstructured("Subject", attack),
        headers.address("To", Mailbox(attack, "ann@example.org")),
        headers.parameters("Content-Disposition", "attachment", filename=attack),
    ]

    for field in fields:
        lines_of(field)
        assert not any(octet < 0x20 or octet > 0x7E for octet in field.replace(b"\r\n", b""))
        assert len(parsed(field).keys()) == 1


@pytest.mark.parametrize("address", ["a\r\nb@x.example", "a b@x.example", "a\0@x.example", "", "a\x7f@x.example"])
def test_an_address_that_could_leave_its_line_is_refused(address: str) -> None:
    """An address is never repaired in silence."""
    with pytest.raises(ValueError, match="blank or control"):
        headers.address("To", Mailbox("Ann", address))


def test_an_internationalised_address_stays_readable() -> None:
    """RFC 6532: the address is UTF-8 as it is, its display name is still an encoded word."""
    field = headers.address("To", Mailbox("Иван", "иван@xn--80a1acny.example"))

    assert field == "To: =?utf-8?b?0JjQstCw0L0=?= <иван@xn--80a1acny.example>\r\n".encode()


def test_ids_fold_between_tokens_only() -> None:
    """Long ids and links stay whole and unencoded: one-click unsubscribe dies of an encoded word."""
    links = [f"<https://example.org/{'u' * 90}/{n}>" for n in range(3)]
    field = headers.tokens("List-Unsubscribe", *links)

    assert [line.strip().decode() for line in lines_of(field)[1:]] == links[1:]
    assert lines_of(field)[0] == b"List-Unsubscribe: " + links[0].encode()


def test_a_token_with_a_line_break_is_refused() -> None:
    """An id cannot smuggle a field in."""
    with pytest.raises(ValueError, match="blank or control"):
        headers.tokens("Message-ID", "<a@b>\r\nBcc: eve@evil.example")


@pytest.mark.parametrize(
    "filename",
    [
        "programme.ics",
        "two words.pdf",
        'qu"ote.pdf',
        "back\\slash.pdf",
        "semi;colon=1.pdf",
        "Übersicht.pdf",
        "プログラム一覧表.pdf",
        "100%'s *.txt",
        "長い名前" * 20 + ".pdf",
        "long-ascii-name-" * 10 + ".pdf",
        "🎉.png",
    ],
)
def test_a_file_name_is_read_as_it_was_written(filename: str) -> None:
    """Spaces, quotes and all scripts survive in a file name (RFC 2231)."""
    field = headers.parameters("Content-Disposition", "attachment", filename=filename)

    assert parsed(field).get_filename() == filename
    assert field.isascii()
    assert all(len(line) <= 78 for line in lines_of(field))


def test_the_date_is_in_utc() -> None:
    """Seconds since 1970 become RFC 5322's date-time; fractions are dropped."""
    assert headers.date(1767603600.9) == b"Date: Mon, 05 Jan 2026 09:00:00 +0000\r\n"


def test_what_is_no_character_becomes_a_question_mark() -> None:
    """A lone surrogate cannot be written in UTF-8; the message is sent for all that."""
    assert headers.unstructured("Subject", "a\ud800b") == b"Subject: =?utf-8?q?a=3Fb?=\r\n"
