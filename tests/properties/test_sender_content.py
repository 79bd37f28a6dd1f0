"""Whatever a list, a name or a template holds: it is read back as it was, or refused in words."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import getaddresses
from hashlib import blake2b
from pathlib import Path
from unicodedata import normalize

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from maildrill.sender import headers, mime
from maildrill.sender.campaign import Account, Campaign, Limits, Mailbox, RetryPolicy
from maildrill.sender.lists import Row, parse_list
from maildrill.sender.lists.addresses import parse_address
from maildrill.sender.merge import Template, preflight
from maildrill.sender.message import Composer, message_id
from maildrill.sender.ready_text import ReadyText
from maildrill.sender.wire import normal, stuffed
from maildrill.smtp import ConfigurationError, Envelope

#: Characters that have broken mail before, and any others.
_HARD = "aZ9 \t\r\n\0\x7f\x85\u2028\",;:<>()[]\\|=?_@.'-éЖ長🎉\u200d\u05d0\ufeff"
TEXTS = st.text(st.sampled_from(_HARD) | st.characters(codec="utf-8"))
LETTERS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)
CAMPAIGN = Campaign(
    name="property",
    sender=Mailbox("Ann", "ann@sender.example"),
    subject="To [Name|you]",
    account=Account(host="mx.example"),
    list_file=Path("list.csv"),
    email="Email",
    text="Dear [Name|you],\n",
    html="<p>[Name|you]</p>\n",
    attachments=(),
    retry=RetryPolicy(schedule=(60.0,), cap=60.0),
    limits=Limits(),
)


def one_line(text: str) -> str:
    """Return what a field may show of a text: blanks and control characters in a row are one space."""
    return re.sub("[\0-\x20\x7f]+", " ", text).strip(" ")


def unfolded(field: bytes, width: int = 78) -> str:
    """Return the body of a field without its folds, having checked its octets."""
    lines = field.decode("ascii").split("\r\n")
    assert lines.pop() == ""
    assert all(line.isprintable() and len(line) <= width for line in lines)
    assert all(re.match(" [^ ]", line) for line in lines[1:])
    return "".join(lines).partition(":")[2].removeprefix(" ")


@given(TEXTS)
@example("a =?utf-8?q?b?= c")
@example("\ufeff")
def test_any_subject_comes_back(text: str) -> None:
    """The reader decodes what the writer was given, on one line."""
    field = headers.unstructured("Subject", text)

    assert str(make_header(decode_header(unfolded(field)))) == one_line(text)


@given(TEXTS)
@example('"')
@example("\\")
def test_any_display_name_comes_back(name: str) -> None:
    """One recipient with that name, and never a second one."""
    field = headers.address("To", Mailbox(name, "ann@x.example"))
    [(phrase, address)] = getaddresses([unfolded(field)])

    assert str(make_header(decode_header(phrase))) == one_line(name)
    assert address == "ann@x.example"


@given(TEXTS)
def test_any_file_name_comes_back(filename: str) -> None:
    """Quoted, or by RFC 2231."""
    field = headers.parameters("Content-Disposition", "attachment", filename=filename)
    unfolded(field)

    assert message_from_bytes(field + b"\r\n", policy=policy.compat32).get_filename("") == one_line(filename).strip()


@given(TEXTS, st.booleans())
def test_doubled_brackets_make_any_text_literal(text: str, html: bool) -> None:
    """There is a way to write everything."""
    escaped = text.replace("[", "[[").replace("]", "]]")

    assert Template.parse(escaped, "t", html=html).render({}) == text


@given(TEXTS, st.booleans(), st.dictionaries(TEXTS, TEXTS))
def test_what_parses_renders(text: str, html: bool, fields: dict[str, str]) -> None:
    """A template is refused when it is read, or never."""
    where = "t:1"
    try:
        Template.parse(text, "t", html=html).render(fields)
    except ConfigurationError as error:
        where = error.where

    assert re.fullmatch(r"t:\d+", where)


#: What stands in templates and values that can go as they are, with all that could make a boundary, or a long line.
_NEAR_PLAIN = st.lists(
    st.sampled_from(["--=", "=_", "_", "--", "\r", "\n", "\r\n", "Ann", "a b", "x" * 90, "é", ""])
).map("".join)


@given(st.lists(_NEAR_PLAIN, min_size=1, max_size=4), st.sampled_from(["", "|you", "|é"]), _NEAR_PLAIN, st.booleans())
@example(["--=", "_x"], "", "", False)
@example(["a\r", "\nb"], "", "", False)
@example(["x" * 900, ""], "", "x" * 90, False)
def test_what_is_ready_is_what_would_be_made(literals: list[str], default: str, value: str, html: bool) -> None:
    """A text part put together from what is ready has the octets of one that is made anew, or there is none."""
    template = Template.parse(f"[Name{default}]".join(literals), "t", html=html)
    ready = ReadyText(template).part({"Name": value})

    assert ready in (None, mime.text_part("html" if html else "plain", template.render({"Name": value})))


def test_plain_texts_are_ready() -> None:
    """A letter in plain words needs nothing made for a plain name, and everything for one that is not."""
    ready = ReadyText(Template.parse("Dear [Name|you],\nhello", "t"))

    assert ready.part({"Name": "Ann O. Nym"}) == mime.text_part("plain", "Dear Ann O. Nym,\nhello")
    assert ready.part({"Name": "Zoë"}) is None


@given(st.data(), st.sampled_from(",;\t|"), st.booleans())
def test_any_table_comes_back(data: st.DataObject, delimiter: str, dos: bool) -> None:
    """Written by the standard library in any dialect, read without being told which."""
    columns = ["Email", *data.draw(st.lists(LETTERS, min_size=1, unique_by=lambda name: normalize("NFC", name)))]
    assume("Email" not in columns[1:])
    cell = TEXTS.map(lambda text: text.replace("\0", "").strip())
    width = len(columns) - 1
    cells = data.draw(st.lists(st.lists(cell, min_size=width, max_size=width), max_size=5))
    rows = [[f"p{n}@x.example", *row] for n, row in enumerate(cells)]
    out = io.StringIO()
    # with "\n" for line ends the writer forgets to quote a lone "\r" before Python 3.13
    if dos:
        csv.writer(out, delimiter=delimiter).writerows([columns, *rows])
    else:
        csv.writer(out, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([columns, *rows])
    found = parse_list(out.getvalue(), "list.csv", "Email")

    assert [list(row.fields.values()) for row in found.recipients] == rows


@given(
    st.lists(st.sampled_from(["Email", "Name", "ann@x.example", ",", ";", '"', "\r", "\n", " ", "\t", "x", "é", "\0"]))
)
def test_any_list_is_read_or_refused(pieces: list[str]) -> None:
    """No text breaks the reader; what it refuses it locates; every row it gives can be sent to."""
    where, addresses = "list.csv:1", []
    try:
        addresses = [row.address for row in parse_list("".join(pieces), "list.csv", "Email").recipients]
    except ConfigurationError as error:
        where = error.where

    assert re.fullmatch(r"list\.csv:\d+", where)
    assert [Envelope("", (address,)).recipients for address in addresses] == [(address,) for address in addresses]


@given(TEXTS | st.emails() | st.builds("{}@{}".format, TEXTS, LETTERS.map(lambda name: f"{name}.example")))
def test_what_passes_for_an_address_fits_an_envelope(text: str) -> None:
    """Checking the result again changes nothing, and no header or command line can be left."""
    try:
        address = parse_address(text)
    except ValueError:
        return

    assert parse_address(address.text) == address
    assert Envelope(address.text, (address.text,)).reverse_path == address.text
    assert headers.address("To", Mailbox("", address.text)).count(b"\r\n") == 1


@given(TEXTS)
def test_no_value_changes_the_shape_of_a_message(name: str) -> None:
    """Same fields, same parts, 7-bit, CRLF only, and the value where it belongs (invariant I33)."""
    row = Row(2, "ann@x.example", {"Email": "ann@x.example", "Name": name})
    octets = Composer(CAMPAIGN).compose(row, message_id=message_id(CAMPAIGN, row), date=1767603600.0).whole()
    message = message_from_bytes(octets, policy=policy.default)
    filled = name if name.strip() else "you"

    assert octets.isascii()
    assert re.search(rb"(?<!\r)\n|\r(?!\n)|\0", octets) is None
    assert [*message.keys()] == ["Date", "From", "To", "Subject", "Message-ID", "MIME-Version", "Content-Type"]
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert str(make_header(decode_header(message["Subject"]))) == one_line(f"To {filled}")
    plain = next(message.iter_parts()).get_payload(decode=True)
    assert plain == re.sub("\r\n|\r|\n", "\r\n", f"Dear {filled},\n").encode()


@given(
    st.dictionaries(st.sampled_from(["Name", "City"]), st.sampled_from(["", " ", "x"])),
    st.sampled_from(["", "|", "|y"]),
)
def test_preflight_passes_exactly_what_leaves_no_hole(fields: dict[str, str], default: str) -> None:
    """Every tag of every row is filled, or the campaign stops."""
    columns = ["Email", *fields]
    text = ",".join(columns) + "\n" + ",".join(["ann@x.example", *fields.values()]) + "\n"
    recipients = parse_list(text, "list.csv", "Email")
    campaign = replace(CAMPAIGN, text=f"[Name{default}]\n")
    if default or fields.get("Name", "").strip():
        preflight(campaign, recipients)
    else:
        with pytest.raises(ConfigurationError, match=r"\[Name\] in message.text"):
            preflight(campaign, recipients)


@given(
    texts=st.tuples(TEXTS, TEXTS | st.none()),
    sizes=st.lists(st.sampled_from([0, 1, 56, 57, 58, 49_151, 49_152, 58_368, 100_000]), max_size=3),
    chunk=st.integers(1024, 90_000),
    filling=st.binary(min_size=1, max_size=40),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_streamed_is_the_message_as_a_whole(
    tmp_path: Path, texts: tuple[str, str | None], sizes: list[int], chunk: int, filling: bytes
) -> None:
    """In blocks, in chunks, and with its dots doubled; SIZE, hash and 7-bit are those of its octets (I32, I46)."""
    files = [tmp_path / f"{n}.bin" for n in range(len(sizes))]
    for file, size in zip(files, sizes, strict=True):
        file.write_bytes((filling * (size // len(filling) + 1))[:size])
    text, html = ("".join(one.split("[")) if one is not None else None for one in texts)
    campaign = replace(CAMPAIGN, text=text or "", html=html, attachments=tuple(files))
    content = Composer(campaign).compose(None, message_id="<a@b>", date=0.0)
    whole = content.whole()
    chunks = [b"".join(content.blocks(at, at + chunk)) for at in range(0, content.size, chunk)]

    assert b"".join(chunks) == whole == normal(whole)
    assert all(len(one) == chunk for one in chunks[:-1])
    assert (content.size, content.ascii) == (len(whole), whole.isascii())
    assert content.digest() == blake2b(whole, digest_size=16).hexdigest()
    assert b"".join(stuffed(content.blocks())) == (b"\r\n" + whole).replace(b"\r\n.", b"\r\n..")[2:]
    parts = list(message_from_bytes(whole, policy=policy.default).iter_attachments())
    assert [part.get_payload(decode=True) for part in parts] == [file.read_bytes() for file in files]


@given(st.text(st.sampled_from("aZ~!@<. \t\r\n\0\x7f\x1f\x21üЖ長\u2028")))
def test_a_token_has_no_blank_and_no_control_character(token: str) -> None:
    """The short way for the usual ones says what the long way says."""
    allowed = token != "" and not any(one <= " " or one == "\x7f" for one in token)

    if allowed:
        assert headers.tokens("Message-ID", token) == f"Message-ID: {token}\r\n".encode()
    else:
        with pytest.raises(ValueError, match="a blank or control character"):
            headers.tokens("Message-ID", token)
