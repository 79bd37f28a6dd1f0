"""Reply templates: what may be written, and that a client cannot write along."""

from __future__ import annotations

import pytest

from maildrill.fakeserver.language.template import ReplyTemplate, Template
from maildrill.smtp import Reply


def test_fields_are_filled() -> None:
    """Each field becomes its value; a value that is not known is empty."""
    template = ReplyTemplate("451 4.7.1 {rcpt} from {from}: later{nothing}")

    assert template.fields == ("rcpt", "from", "nothing")
    assert template.render({"rcpt": "a@x", "from": "b@y"}) == Reply(451, ("4.7.1 a@x from b@y: later",))


def test_a_text_without_fields_is_the_same_reply_each_time() -> None:
    """Nothing is to be filled, so nothing is made."""
    template = ReplyTemplate("250 ok")

    assert template.render({}) is template.render({"rcpt": "a@x"})


def test_a_code_alone_is_a_reply() -> None:
    """Text may be absent (RFC 5321 section 4.2)."""
    assert ReplyTemplate("421").render({}).render() == b"421\r\n"


def test_lines_repeat_code_and_enhanced_code() -> None:
    """RFC 2034 section 4: the enhanced code is on each line."""
    reply = ReplyTemplate("550 5.1.1 no {rcpt}\nbye").render({"rcpt": "a@x"})

    assert reply.render() == b"550-5.1.1 no a@x\r\n550 5.1.1 bye\r\n"


def test_doubled_braces_are_braces() -> None:
    """`{{` and `}}` stand for themselves, with and without fields beside them."""
    assert ReplyTemplate("250 {{x}}").render({}) == Reply(250, ("{x}",))
    assert ReplyTemplate("250 {{{n}}}").render({"n": "1"}) == Reply(250, ("{1}",))


@pytest.mark.parametrize("text", ["250 {", "250 }", "250 a } b", "250 {rcpt", "250 {{x}"])
def test_a_lonely_brace_is_refused(text: str) -> None:
    """A brace is a field or is doubled."""
    with pytest.raises(ValueError, match="stands alone"):
        ReplyTemplate(text)


@pytest.mark.parametrize("text", ["", "ok", "99 x", "600 x", "250ok", "{rcpt}x", "4.7.1 later"])
def test_what_is_no_reply_is_refused(text: str) -> None:
    """A reply begins with a code that a server may give."""
    with pytest.raises(ValueError, match="a reply is a code"):
        ReplyTemplate(text)


def test_control_characters_are_refused() -> None:
    """What no reply may hold cannot be written."""
    with pytest.raises(ValueError, match="control character"):
        ReplyTemplate("250 a\rb")


def test_a_long_line_is_refused() -> None:
    """RFC 5321 section 4.5.3.1.5: 512 octets."""
    with pytest.raises(ValueError, match="RFC 5321 allows 512"):
        ReplyTemplate("250 " + "x" * 600)


@pytest.mark.parametrize("evil", ["a\r\n250 injected", "a\nb", "\x00", "\x1b[31m", "\udcff", "\u202e", "\x85"])
def test_a_value_cannot_add_a_line(evil: str) -> None:
    """What a client says is escaped before it becomes part of a reply."""
    octets = ReplyTemplate("550 no {rcpt} here").render({"rcpt": evil}).render()

    assert octets.count(b"\n") == 1
    assert octets.endswith(b" here\r\n")


def test_a_value_cannot_make_a_line_too_long() -> None:
    """The line is cut where RFC 5321 ends it, and not within a character."""
    octets = ReplyTemplate("550 no {rcpt} here").render({"rcpt": "ä" * 600}).render()

    assert 511 <= len(octets) <= 512
    assert octets.decode("utf-8").startswith("550 no ääää")


def test_the_code_may_be_a_field() -> None:
    """And so may the enhanced code, which is then repeated like any other (RFC 2034 section 4)."""
    template = ReplyTemplate("{code} {status} no {rcpt}\nsorry")

    assert (template.code, template.fields) == (None, ("code", "status", "rcpt"))
    assert template.render({"code": "550", "status": "5.1.1", "rcpt": "a@x"}) == Reply(
        550, ("5.1.1 no a@x", "5.1.1 sorry")
    )
    assert template.render({"code": "450", "rcpt": "a@x"}) == Reply(450, ("no a@x", "sorry"))
    assert ReplyTemplate("{code}").render({"code": "250"}) == Reply(250)


@pytest.mark.parametrize("worth", ["", "99", "600", "25", "2500", "abc", "٢٥٠", "250\n"])
def test_what_is_no_code_cannot_be_said(worth: str) -> None:
    """A client may have said anything in its place."""
    with pytest.raises(ValueError, match="the code would be"):
        ReplyTemplate("{code} no").render({"code": worth})


def test_a_repeated_code_makes_no_line_too_long() -> None:
    """The line is cut behind it."""
    reply = ReplyTemplate("550 {status} no\n{rcpt}").render({"status": "5.1.1", "rcpt": "x" * 600})

    assert len(reply.render().splitlines()[1]) == 510


def test_a_template_is_filled_as_it_is() -> None:
    """Not a reply, so nothing is escaped."""
    template = Template("{{SIZE {n}}} {n}{m}")

    assert (template.fields, template.fill({"n": "\n"})) == (("n", "m"), "{SIZE \n} \n")
