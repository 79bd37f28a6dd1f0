"""Messages as rules look at them: header fields decoded, the body as text."""

from __future__ import annotations

import pytest

from maildrill.fakeserver.message.content import Letter, decode_words

HEADER = b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n from Bonn\r\nX-A: 1\r\nReceived: a\r\nx-a:2  \r\n"


def test_fields_are_found_by_name_in_any_case() -> None:
    """All of that name, unfolded, decoded, without blanks around them."""
    letter = Letter(HEADER + b"\r\nbody\r\n")

    assert letter.field("SUBJECT") == ("Grüße from Bonn",)
    assert letter.field("X-a") == ("1", "2")
    assert letter.field("to") == ()


@pytest.mark.parametrize(
    ("content", "body"),
    [
        (b"A: b\r\n\r\nhello\r\nworld\r\n", "hello\nworld\n"),
        (b"hello\r\n\r\nworld", "hello\n\nworld"),
        (b"\r\nSubject: no field\r\n", "Subject: no field\n"),
        (b"A: b\r\nno field\r\nC: d\r\n", "no field\nC: d\n"),
        (b"A: b", ""),
        (b"A: b\r\n c\r\n", ""),
        (b"", ""),
        (b"A: b\r\n\r\n\xc3\xbc \r \n", "ü \r \n"),
        (b"A: b\r\n\r\n\xff", "ÿ"),
    ],
)
def test_the_body_begins_behind_the_header(content: bytes, body: str) -> None:
    """Behind the first empty line, or at the first line that is no field; a bare CR or LF ends no line."""
    assert Letter(content).body == body


def test_what_is_not_utf_8_in_a_field_is_latin_1() -> None:
    """Nothing is lost, and nothing is an error."""
    assert Letter(b"X: \xc3\xbc\r\nY: \xfc\r\n\r\n").field("x") == ("ü",)
    assert Letter(b"X: \xc3\xbc\r\nY: \xfc\r\n\r\n").field("y") == ("ü",)


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        ("plain", "plain"),
        ("=?utf-8?B?R3LDvMOfZQ==?=", "Grüße"),
        ("=?utf-8?B?R3LDvMOfZQ?=", "Grüße"),
        ("=?ISO-8859-1?Q?a_b=FC?=", "a bü"),
        ("=?utf-8*de?q?x?=", "x"),
        ("=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        ("=?utf-8?q?a?=  \t=?iso-8859-1?q?b?=", "ab"),
        ("=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"),
        ("x =?utf-8?q?a?= y", "x a y"),
        ("=?utf-8?b?w7w=?= =?utf-8?b?w7w=?=", "üü"),
        ("=?utf-8?q?=C3?= =?utf-8?q?=BC?=", "ü"),
        ("=?utf-8?q?=C3?=", "\ufffd"),
        ("=?nope?q?x?=", "=?nope?q?x?="),
        ("=?utf-8?b?a?=", "=?utf-8?b?a?="),
        ("=?utf-8?x?a?=", "=?utf-8?x?a?="),
        ("=?idna?q?x?=", "=?idna?q?x?="),
        ("=?hex?q?00?=", "=?hex?q?00?="),
        ("=?\x00?q?x?=", "=?\x00?q?x?="),
        ("=?", "=?"),
        ("=?utf-8?q??=", ""),
    ],
)
def test_encoded_words_are_decoded(text: str, decoded: str) -> None:
    """RFC 2047: with the blanks between two of them gone; what is none, or broken, stays as it came."""
    assert decode_words(text) == decoded


def test_a_field_of_ever_so_many_words_takes_its_time_but_not_for_ever() -> None:
    """Behind a thousand words nothing is decoded."""
    decoded = decode_words(" ".join(["=?utf-8?q?a?="] * 1001))

    assert decoded == "a" * 1000 + " =?utf-8?q?a?="


MIXED = b"""\
Content-Type: multipart/mixed; boundary="out er"

preamble
--out er
Content-Type: multipart/alternative;
 boundary=inner

--inner
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

caf=E9 =
and tea
--inner
Content-Type: text/html; charset="utf-8"
Content-Transfer-Encoding: BASE64

PHA+Z3LDvG48L3A+
--inner--
epilogue
--out er
Content-Type: image/png
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--out er

no header
--out er--
""".replace(b"\n", b"\r\n")


def test_the_text_parts_are_the_body() -> None:
    """Decoded, in order, a line feed between them; pictures, preamble and epilogue are no text."""
    assert Letter(MIXED).body == "café and tea\n<p>grün</p>\nno header"


@pytest.mark.parametrize(
    ("header", "raw", "body"),
    [
        (b"Content-Transfer-Encoding: base64", b"aGVsbG8=\r\n", "hello"),
        (b"Content-Transfer-Encoding: base64", b"aGVsbG8\r\n", "hello"),
        (b"Content-Transfer-Encoding: base64", b"a", "a"),
        (b"Content-Transfer-Encoding: quoted-printable", b"a=3Db=\r\nc=zz", "a=bc=zz"),
        (b"Content-Transfer-Encoding: x-what", b"a=3D", "a=3D"),
        (b"Content-Type: text/plain; charset=x-what", b"\xc3\xbc", "ü"),
        (b"Content-Type: text/plain; charset=utf-16-le", b"a\x00", "a"),
        (b"Content-Type: application/pdf", b"%PDF", ""),
        (b"Content-Type: multipart/mixed", b"--x\r\n", ""),
        (b"Content-Type: multipart/mixed; boundary=x", b"nothing", ""),
        (b"Content-Type: multipart/mixed; boundary=x", b"--x\r\n\r\na\r\n--xy\r\nb\r\n--x  \r\n\r\nc", "a\nc"),
        (b"Content-Type: multipart/mixed; boundary=x", b"--x", ""),
    ],
)
def test_one_part_is_decoded_as_its_header_says(header: bytes, raw: bytes, body: str) -> None:
    """What is broken, or unknown, stays as it came."""
    assert Letter(header + b"\r\n\r\n" + raw).body == body


def test_parts_within_parts_are_looked_at_so_deep_and_no_deeper() -> None:
    """A hundred of them are no more work than ten."""
    text = b"\r\n\r\ndeep"
    for n in range(100):
        text = b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n%s\r\n--b%d--" % (n, n, text.lstrip(), n)

    assert Letter(text).body == ""


def test_no_more_parts_are_looked_at_than_a_thousand() -> None:
    """However many there are."""
    content = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 1500

    assert Letter(content).body == "\n".join("x" * 1000)
