"""What a correct server says, command by command, and what it remembers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maildrill.fakeserver.language.settings import MECHANISMS, Limits, Settings
from maildrill.fakeserver.protocol.command import Chunk
from maildrill.fakeserver.protocol.dialogue import Dialogue, Heard
from maildrill.fakeserver.protocol.state import KEYWORDS, Login, Offer
from maildrill.smtp import Reply, Stage

MAX_MESSAGE = Limits().message
MAIL = "MAIL FROM:<a@b.test>"
RCPT = "RCPT TO:<ann@x.test>"
NEEDS_UTF8 = "553 5.6.7 an address beyond ASCII needs SMTPUTF8"


class Talk:
    """A dialogue in which the server says what is correct."""

    def __init__(self, *lines: str, lmtp: bool = False, **settings: Any) -> None:
        self.dialogue = Dialogue(Offer("mx.test", Settings(**settings), lmtp=lmtp))
        self.heard: Heard
        for line in lines:
            self.say(line)

    def say(self, line: str, reply: Reply | None = None) -> str:
        """Say a command, let it be answered with `reply` or what is correct, and return what is correct."""
        verb, _, argument = line.partition(" ")
        self.heard = self.dialogue.hear(verb, argument)
        self.dialogue.take(self.heard, reply or self.heard.reply)
        return str(self.heard.reply)


@pytest.mark.parametrize(
    ("before", "line", "reply", "scripted"),
    [
        ((), "HELO me", "250 mx.test", True),
        ((), "HELO", "501 this command needs an argument", False),
        ((), "EHLO", "501 this command needs an argument", False),
        ((), MAIL, "503 send EHLO first", False),
        ((), RCPT, "503 send EHLO first", False),
        ((), "DATA", "503 send EHLO first", False),
        ((), "RSET", "250 ok", True),
        ((), "NOOP", "250 ok", True),
        ((), "QUIT", "221 bye", True),
        (("EHLO me",), "RSET now", "501 5.5.4 this command takes no argument", False),
        (("EHLO me",), "NOOP now", "250 2.0.0 ok", True),
        (("EHLO me",), "QUIT now", "501 5.5.4 this command takes no argument", False),
        (("EHLO me",), "VRFY", "501 5.5.4 this command needs an argument", False),
        (("EHLO me",), "VRFY ann", "252 2.1.5 not verified, but mail for it is taken", True),
        (("EHLO me",), "EXPN staff", "502 5.5.1 command not implemented", True),
        (("EHLO me",), "HELP", "502 5.5.1 command not implemented", True),
        (("EHLO me",), "BDAT 5", "503 5.5.1 send MAIL first", False),
        ((), "BDAT 5", "503 send EHLO first", False),
        (("HELO me", MAIL, RCPT), "BDAT 5", "502 command not implemented", False),
        (("EHLO me", MAIL), "BDAT 5", "554 5.5.1 no valid recipients", False),
        (("EHLO me", MAIL, RCPT), "BDAT 5", "250 2.0.0 5 octets", True),
        (("EHLO me", MAIL, RCPT), "BDAT 5 last", "250 2.0.0 5 octets", True),
        (("EHLO me", MAIL, RCPT), "BDAT 0 LAST", "250 2.0.0 0 octets", True),
        (("EHLO me", MAIL, RCPT), "BDAT", "501 5.5.4 syntax: BDAT octets [LAST]", False),
        (("EHLO me", MAIL, RCPT), "BDAT -5", "501 5.5.4 syntax: BDAT octets [LAST]", False),
        (("EHLO me", MAIL, RCPT), "BDAT ٣", "501 5.5.4 syntax: BDAT octets [LAST]", False),
        (("EHLO me", MAIL, RCPT), "BDAT 5 FIRST", "501 5.5.4 syntax: BDAT octets [LAST]", False),
        (("EHLO me", MAIL, RCPT), f"BDAT {MAX_MESSAGE + 1}", "552 5.3.4 message exceeds the fixed maximum size", False),
        (("EHLO me",), "STARTTLS", "502 5.5.1 command not implemented", True),
        (("EHLO me",), "STARTTLS x", "501 5.5.4 this command takes no argument", False),
        (("EHLO me",), "AUTH PLAIN", "502 5.5.1 command not implemented", True),
        (("EHLO me",), RCPT, "503 5.5.1 send MAIL first", False),
        (("EHLO me",), "DATA", "503 5.5.1 send MAIL first", False),
        (("EHLO me", MAIL), MAIL, "503 5.5.1 a transaction is open: nested MAIL command", False),
        (("EHLO me", MAIL), "DATA", "554 5.5.1 no valid recipients", True),
        (("EHLO me", MAIL, RCPT), "DATA now", "501 5.5.4 this command takes no argument", False),
        (("EHLO me", MAIL, RCPT), "DATA", "354 end data with <CR><LF>.<CR><LF>", True),
        (("EHLO me",), "MAIL FROM:<>", "250 2.1.0 sender ok", True),
        (("EHLO me", "MAIL FROM:<>"), RCPT, "250 2.1.5 recipient ok", True),
        (("EHLO me",), "MAIL FROM:<a b>", "501 5.1.7 bad sender address syntax", False),
        (("EHLO me", MAIL), "RCPT TO:<a b>", "501 5.1.3 bad recipient address syntax", False),
        (("HELO me", MAIL), f"{RCPT} NOTIFY=NEVER", "555 parameter not recognised or not implemented", False),
        (("EHLO me", MAIL), f"{RCPT} X=Y", "555 5.5.4 parameter not recognised or not implemented", False),
        (("EHLO me", MAIL), "RCPT TO:<ä@x.test>", NEEDS_UTF8, False),
        (("EHLO me",), "MAIL FROM:<ä@x.test>", NEEDS_UTF8, False),
        (("EHLO me",), "MAIL FROM:<ä@x.test> SMTPUTF8", "250 2.1.0 sender ok", True),
        (("EHLO me", f"{MAIL} SMTPUTF8"), "RCPT TO:<ä@x.test>", "250 2.1.5 recipient ok", True),
        (("EHLO me", f"{MAIL} SMTPUTF8", "RSET", MAIL), "RCPT TO:<ä@x.test>", NEEDS_UTF8, False),
        (("EHLO me",), f"{MAIL} SMTPUTF8=1", "501 5.5.4 bad value of a parameter", False),
        (("EHLO me",), f"{MAIL} BODY=7BIT", "250 2.1.0 sender ok", True),
        (("EHLO me",), f"{MAIL} body=8bitmime", "250 2.1.0 sender ok", True),
        (("EHLO me",), f"{MAIL} BODY=BINARYMIME", "250 2.1.0 sender ok", True),
        (("EHLO me",), f"{MAIL} BODY=9BIT", "501 5.5.4 bad value of a parameter", False),
        (("EHLO me", f"{MAIL} body=binarymime", RCPT), "DATA", "503 5.5.1 BODY=BINARYMIME needs BDAT", False),
        (("EHLO me",), f"{MAIL} SIZE={MAX_MESSAGE}", "250 2.1.0 sender ok", True),
        (("EHLO me",), f"{MAIL} SIZE={MAX_MESSAGE + 1}", "552 5.3.4 message exceeds the fixed maximum size", False),
        (("EHLO me",), f"{MAIL} SIZE=a", "501 5.5.4 bad value of a parameter", False),
        (("EHLO me",), f"{MAIL} SIZE=٣", "501 5.5.4 bad value of a parameter", False),
        (("EHLO me",), f"{MAIL} SIZE={'9' * 21}", "501 5.5.4 bad value of a parameter", False),
        (("EHLO me",), f"{MAIL} SIZE=1 SIZE=1", "501 5.5.4 bad parameter syntax", False),
        (("EHLO me",), f"{MAIL} AUTH=<>", "555 5.5.4 parameter not recognised or not implemented", False),
        (("HELO me",), f"{MAIL} SIZE=1", "555 parameter not recognised or not implemented", False),
        (("HELO me",), MAIL, "250 sender ok", True),
        (("EHLO me", "HELO me"), f"{MAIL} SIZE=1", "555 parameter not recognised or not implemented", False),
    ],
)  # fmt: skip
def test_the_correct_reply(before: tuple[str, ...], line: str, reply: str, scripted: bool) -> None:
    """RFC 5321 sections 4.1 and 4.3; scripts are asked only about what is well formed and in place."""
    talk = Talk(*before)

    assert talk.say(line) == reply
    assert talk.heard.scripted is scripted


def test_ehlo_advertises_what_is_true() -> None:
    """The name first, then a keyword a line."""
    talk = Talk("EHLO me")

    assert talk.heard.reply.lines == (
        "mx.test",
        "PIPELINING",
        f"SIZE {MAX_MESSAGE}",
        "8BITMIME",
        "SMTPUTF8",
        "ENHANCEDSTATUSCODES",
        "CHUNKING",
        "BINARYMIME",
        "DSN",
    )
    assert talk.dialogue.state.helo == "me"


@pytest.mark.parametrize("verb", ["EHLO", "HELO"])
def test_a_greeting_ends_the_transaction_and_a_refused_one_does_not(verb: str) -> None:
    """RFC 5321 section 4.1.4: a command that fails leaves the server in the same state."""
    talk = Talk("EHLO me", MAIL, RCPT)
    talk.say(f"{verb} other", Reply.of("550 5.7.1 no"))

    assert (talk.dialogue.state.helo, len(talk.dialogue.state.recipients)) == ("me", 1)
    assert "SIZE" in talk.dialogue.state.keywords

    talk.say(f"{verb} other")

    assert talk.dialogue.state.reverse_path is None
    assert (talk.dialogue.state.helo, len(talk.dialogue.state.recipients)) == ("other", 0)


@pytest.mark.parametrize(
    ("line", "reply"),
    [(MAIL, "451 4.3.0 no"), (RCPT, "451 4.3.0 no"), (RCPT, "354 what"), ("RSET", "451 4.3.0 no")],
)
def test_what_was_refused_was_not_done(line: str, reply: str) -> None:
    """Whatever a correct server would have said."""
    talk = Talk("EHLO me", MAIL, RCPT) if line != MAIL else Talk("EHLO me")
    before = (talk.dialogue.state.reverse_path, talk.dialogue.state.recipients)
    talk.say(line, Reply.of(reply))

    assert (talk.dialogue.state.reverse_path, talk.dialogue.state.recipients) == before


def test_any_2yz_is_done() -> None:
    """251 is a recipient too (RFC 5321 section 3.4)."""
    talk = Talk("EHLO me", MAIL)
    talk.say(RCPT, Reply.of("251 2.1.5 will forward"))

    assert talk.dialogue.state.recipients == ("ann@x.test",)


def test_a_scripted_ehlo_reply_is_what_counts() -> None:
    """Its lines are the keywords, with or without an enhanced code before them."""
    talk = Talk()
    talk.say("EHLO me", Reply(250, ("mx.test", "size 10", "", "2.0.0 X-A b")))

    assert talk.dialogue.state.keywords == {"SIZE": "10", "X-A": "b"}
    assert talk.say(f"{MAIL} SIZE=11") == "552 message exceeds the fixed maximum size"
    assert talk.say(f"{MAIL} BODY=7BIT") == "555 parameter not recognised or not implemented"


@pytest.mark.parametrize(
    ("size", "limit"),
    [
        ("SIZE", MAX_MESSAGE),
        ("SIZE 0", MAX_MESSAGE),
        ("SIZE x", MAX_MESSAGE),
        ("SIZE 5", 5),
        ("SIZE 99999999999", MAX_MESSAGE),
    ],
)
def test_the_limit_of_a_message_is_what_was_declared(size: str, limit: int) -> None:
    """Nothing, or 0, declares none (RFC 1870 section 4); there is one all the same."""
    talk = Talk()
    heard = talk.dialogue.advertise(talk.dialogue.hear("EHLO", "me"), [size])
    talk.dialogue.take(heard, heard.reply)

    assert talk.dialogue.state.size_limit == limit


def test_keywords_are_set_and_hidden_in_place() -> None:
    """A change keeps its line; a new keyword comes last; to hide what is not there changes nothing."""
    dialogue = Dialogue(Offer("mx.test"))
    heard = dialogue.advertise(dialogue.hear("EHLO", "me"), ["-pipelining", "size 9", "-8BITMIME", "-NONE", "X-Y z"])

    assert heard.reply.lines == ("mx.test", "size 9", "SMTPUTF8", *KEYWORDS[4:], "X-Y z")


def test_without_enhanced_codes_advertised_there_are_none() -> None:
    """RFC 2034 section 3: only what was announced."""
    talk = Talk()
    heard = talk.dialogue.advertise(talk.dialogue.hear("EHLO", "me"), ["-ENHANCEDSTATUSCODES"])
    talk.dialogue.take(heard, heard.reply)

    assert talk.say(MAIL) == "250 sender ok"
    assert str(talk.dialogue.end_of_data(5).reply) == "554 no valid recipients"


def test_a_session_without_service_has_only_quit() -> None:
    """After a greeting that said no (RFC 5321 section 3.1)."""
    talk = Talk()
    talk.dialogue.state.in_service = False

    assert talk.say("EHLO me") == talk.say("XYZZY") == "503 no service here: only QUIT is left"
    assert not talk.heard.scripted
    assert talk.say("QUIT") == "221 bye"


@pytest.mark.parametrize(
    ("before", "octets", "reply", "scripted"),
    [
        ((MAIL, RCPT), 5, "250 2.0.0 message taken", True),
        ((MAIL,), 5, "554 5.5.1 no valid recipients", True),
        ((MAIL, RCPT), MAX_MESSAGE + 1, "552 5.3.4 message exceeds the fixed maximum size", False),
    ],
)
def test_the_end_of_data(before: tuple[str, ...], octets: int, reply: str, scripted: bool) -> None:
    """Taken, for nobody, or too big: a script cannot make a server take what it cannot keep."""
    heard = Talk("EHLO me", *before).dialogue.end_of_data(octets)

    assert (heard.stage, str(heard.reply), heard.scripted) == (Stage.DOT, reply, scripted)


def test_auth_begins_an_exchange() -> None:
    """With the mechanism's name and the initial response, which may be empty and still be one (RFC 4954 section 4)."""
    talk = Talk("EHLO me", auth=("PLAIN", "LOGIN"))
    logins = [talk.dialogue.hear("AUTH", line).login for line in ("plain AGEAYg==", "LOGIN", "LOGIN =")]

    assert "AUTH PLAIN LOGIN" in talk.heard.reply.lines
    assert logins == [Login("PLAIN", "AGEAYg=="), Login("LOGIN"), Login("LOGIN", "=")]


def test_where_users_are_known_every_mechanism_is_offered() -> None:
    """Unless the script says which."""
    talk = Talk("EHLO me", users={"ann": "secret"})

    assert f"AUTH {' '.join(MECHANISMS)}" in talk.heard.reply.lines


@pytest.mark.parametrize(
    ("argument", "reply"),
    [("", "501 this command needs an argument"), ("KERBEROS_V4", "504 authentication mechanism not implemented"),
     ("PLAIN", "504 authentication mechanism not implemented")],
)  # fmt: skip
def test_a_mechanism_must_be_offered_and_known(argument: str, reply: str) -> None:
    """One that a script advertises and nobody knows is not implemented."""
    talk = Talk()
    talk.say("EHLO me", Reply(250, ("mx.test", "AUTH LOGIN KERBEROS_V4")))

    assert talk.say(f"AUTH {argument}") == reply


def test_nobody_logs_in_twice_or_within_a_transaction() -> None:
    """RFC 4954 section 4."""
    talk = Talk()
    talk.say("EHLO me", Reply(250, ("mx.test", "AUTH PLAIN")))
    talk.say(MAIL)

    assert talk.say("AUTH PLAIN x") == "503 not during a transaction"

    talk.say("RSET")

    assert talk.say("AUTH PLAIN x") == "235 authentication succeeded"

    talk.dialogue.log_in("ann")

    assert talk.dialogue.state.user == "ann"
    assert talk.say("AUTH PLAIN x") == "503 already authenticated"
    assert talk.say(f"{MAIL} AUTH=<>") == "250 sender ok"


VERBS = [
    "HELO",
    "EHLO",
    "MAIL",
    "RCPT",
    "DATA",
    "RSET",
    "NOOP",
    "VRFY",
    "QUIT",
    "STARTTLS",
    "AUTH",
    "EXPN",
    "BDAT",
    "LHLO",
]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*VERBS, "", "Ä"]),
            st.text(max_size=20) | st.sampled_from(["FROM:<a@b.test>", "TO:<c@d.test>", "", "5", "0 LAST"]),
        )
    ),
    st.booleans(),
)
def test_any_line_gets_a_reply_that_can_be_said(lines: list[tuple[str, str]], lmtp: bool) -> None:
    """Nothing raises, and recipients are there only within a transaction."""
    dialogue = Dialogue(Offer("mx.test", lmtp=lmtp))
    for verb, argument in lines:
        heard = dialogue.hear(verb, argument)
        heard.reply.render()
        dialogue.take(heard, heard.reply)
        following = dialogue.next_reply(heard.stage)

        assert (following is None) is (heard.stage is Stage.QUIT)
        assert dialogue.state.reverse_path is not None or dialogue.state.recipients == ()


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (f"{MAIL} RET=FULL ENVID=QQ314159", "250 2.1.0 sender ok"),
        (f"{MAIL} ret=hdrs envid=a+2Bb", "250 2.1.0 sender ok"),
        (f"{MAIL} RET=ALL", "501 5.5.4 bad value of a parameter"),
        (f"{MAIL} RET", "501 5.5.4 bad value of a parameter"),
        (f"{MAIL} ENVID", "501 5.5.4 bad value of a parameter"),
        (f"{MAIL} ENVID=a+b", "501 5.5.4 bad value of a parameter"),
        (f"{MAIL} ENVID={'a' * 100}", "250 2.1.0 sender ok"),
        (f"{MAIL} ENVID={'a' * 101}", "501 5.5.4 bad value of a parameter"),
        (f"{MAIL} NOTIFY=NEVER", "555 5.5.4 parameter not recognised or not implemented"),
    ],
)
def test_what_dsn_adds_to_mail(line: str, reply: str) -> None:
    """RFC 3461 sections 4.3 and 4.4."""
    assert Talk("EHLO me").say(line) == reply


@pytest.mark.parametrize(
    ("parameters", "reply"),
    [
        ("NOTIFY=NEVER", "250 2.1.5 recipient ok"),
        ("NOTIFY=success,FAILURE,Delay", "250 2.1.5 recipient ok"),
        ("NOTIFY=NEVER,DELAY", "501 5.5.4 bad value of a parameter"),
        ("NOTIFY=SUCCESS,", "501 5.5.4 bad value of a parameter"),
        ("NOTIFY", "501 5.5.4 bad value of a parameter"),
        ("ORCPT=rfc822;Bob@Example.COM", "250 2.1.5 recipient ok"),
        ("ORCPT=rfc822;a+2Bb@x.test NOTIFY=DELAY", "250 2.1.5 recipient ok"),
        ("ORCPT=bob@x.test", "501 5.5.4 bad value of a parameter"),
        ("ORCPT=;bob@x.test", "501 5.5.4 bad value of a parameter"),
        ("ORCPT=rfc822;a+b", "501 5.5.4 bad value of a parameter"),
        ("ORCPT=rfc822;" + "a" * 500, "501 5.5.4 bad value of a parameter"),
        ("RET=FULL", "555 5.5.4 parameter not recognised or not implemented"),
    ],
)
def test_what_dsn_adds_to_rcpt(parameters: str, reply: str) -> None:
    """RFC 3461 sections 4.1 and 4.2."""
    assert Talk("EHLO me", MAIL).say(f"{RCPT} {parameters}") == reply


def test_parameters_are_known_for_as_long_as_their_transaction() -> None:
    """Those of MAIL; RSET forgets them."""
    talk = Talk("EHLO me", f"{MAIL} RET=FULL SIZE=5")
    known = dict(talk.dialogue.state.parameters)
    talk.say("RSET")

    assert known == {"RET": "FULL", "SIZE": "5"}
    assert talk.dialogue.state.parameters == {}


@pytest.mark.parametrize(
    ("caps", "line", "reply"),
    [
        ("-DSN", f"{MAIL} RET=FULL", "555 5.5.4 parameter not recognised or not implemented"),
        ("-BINARYMIME", f"{MAIL} BODY=BINARYMIME", "555 5.5.4 parameter not recognised or not implemented"),
        ("-CHUNKING", f"{MAIL} BODY=BINARYMIME", "501 5.5.4 bad value of a parameter"),
        ("-8BITMIME", f"{MAIL} BODY=BINARYMIME", "250 2.1.0 sender ok"),
        ("-8BITMIME", f"{MAIL} BODY=8BITMIME", "555 5.5.4 parameter not recognised or not implemented"),
        ("SIZE 9", f"{MAIL} SIZE=10", "552 5.3.4 message exceeds the fixed maximum size"),
    ],
)
def test_settings_change_what_is_offered_and_what_is_taken(caps: str, line: str, reply: str) -> None:
    """The `caps` of [server] are kept to like those of a rule."""
    talk = Talk("EHLO me", caps=(caps,))

    assert (caps in talk.heard.reply.lines) is not caps.startswith("-")
    assert talk.say(line) == reply


def chunk(talk: Talk, line: str, reply: str = "") -> str:
    """Say a BDAT command, with a reply of its own or the correct one, as a session does."""
    correct = talk.say(line, Reply.of(reply) if reply else None)
    if talk.heard.scripted and not reply and talk.heard.chunk is not None:
        talk.dialogue.take_chunk(talk.heard.chunk.size)
    return correct


def test_chunks_and_data_do_not_go_together() -> None:
    """RFC 3030 section 2; nor do recipients come in between. RSET helps."""
    talk = Talk("EHLO me", MAIL, RCPT)
    chunk(talk, "BDAT 5")

    assert talk.say("DATA") == talk.say(RCPT) == "503 5.5.1 the message comes by BDAT"
    assert chunk(talk, "BDAT 5 LAST") == "250 2.0.0 5 octets"

    talk.say("RSET")
    talk.say(MAIL)

    assert talk.say(RCPT) == "250 2.1.5 recipient ok"


def test_after_a_refused_chunk_only_rset_helps() -> None:
    """Its octets and those of the chunks behind it are announced all the same, to be read (RFC 3030 section 2)."""
    talk = Talk("EHLO me", MAIL, RCPT)
    chunk(talk, "BDAT 5", "451 4.3.0 no")
    refused = [talk.say(line) for line in ("BDAT 7 LAST", "DATA", RCPT, MAIL)]
    again = talk.dialogue.hear("BDAT", "7 LAST").chunk
    talk.say("RSET")

    assert refused == ["503 5.5.1 a chunk was refused: send RSET"] * 4
    assert again is not None
    assert again.size == 7
    assert talk.say(MAIL) == "250 2.1.0 sender ok"


def test_chunks_are_counted_together_against_the_limit() -> None:
    """SIZE is of the message."""
    talk = Talk("EHLO me", MAIL, RCPT, caps=("SIZE 10",))

    assert chunk(talk, "BDAT 10") == "250 2.0.0 10 octets"
    assert chunk(talk, "BDAT 1 LAST") == "552 5.3.4 message exceeds the fixed maximum size"


@pytest.mark.parametrize("line", ["BDAT x", "BDAT 5"])
def test_of_a_chunk_that_cannot_be_told_from_commands_nothing_is_announced(line: str) -> None:
    """Without a size, or where CHUNKING was never offered."""
    talk = Talk("HELO me" if line == "BDAT 5" else "EHLO me", MAIL, RCPT)
    talk.say(line)

    assert talk.heard.chunk is None


@pytest.mark.parametrize(
    ("before", "line", "reply"),
    [
        ((), "EHLO me", "500 command not recognised"),
        ((), "HELO me", "500 command not recognised"),
        ((), MAIL, "503 send LHLO first"),
        ((), "BDAT 5", "503 send LHLO first"),
        (("LHLO me", MAIL), "DATA", "503 5.5.1 no valid recipients"),
        (("LHLO me", MAIL), "BDAT 5 LAST", "503 5.5.1 no valid recipients"),
        (("LHLO me", MAIL, RCPT), "DATA", "354 end data with <CR><LF>.<CR><LF>"),
    ],
)
def test_lmtp_has_a_greeting_of_its_own(before: tuple[str, ...], line: str, reply: str) -> None:
    """RFC 2033 sections 4.1 and 4.2."""
    assert Talk(*before, lmtp=True).say(line) == reply


@pytest.mark.parametrize(
    ("line", "tolerant", "strict"),
    [
        ("EHLO my_pc", "250 mx.test", "501 5.5.4 the argument names no host"),
        ("EHLO [192.0.2.1]", "250 mx.test", "250 mx.test"),
        ("HELO [192.0.2.1]", "250 mx.test", "501 5.5.4 the argument names no host"),
        ("MAIL FROM: <ann@x.test>", "250 2.1.0 sender ok", "501 5.5.4 syntax: MAIL FROM:<address>"),
        ("VRFY two words", "252 2.1.5 not verified, ", "501 5.5.4 the argument is neither an atom nor quoted"),
        ('VRFY "two words"', "252 2.1.5 not verified, ", "252 2.1.5 not verified, "),
        ("NOOP two words", "250 2.0.0 ok", "501 5.5.4 the argument is neither an atom nor quoted"),
        ("EXPN two words", "502 5.5.1 ", "501 5.5.4 the argument is neither an atom nor quoted"),
        ("NOOP", "250 2.0.0 ok", "250 2.0.0 ok"),
    ],
)
def test_to_the_letter_more_is_refused(line: str, tolerant: str, strict: str) -> None:
    """With `strict = true` the grammar of RFC 5321 holds, without it what is clear is taken."""
    assert Talk("EHLO me").say(line).startswith(tolerant)
    assert Talk("EHLO me", strict=True).say(line).startswith(strict)


def test_to_the_letter_a_recipient_stands_behind_the_colon() -> None:
    """As a sender does."""
    assert Talk("EHLO me", MAIL).say("RCPT TO: <bob@x.test>") == "250 2.1.5 recipient ok"
    assert Talk("EHLO me", MAIL, strict=True).say("RCPT TO: <bob@x.test>").startswith("501 5.5.4 syntax")


def test_a_chunk_that_is_refused_for_its_blanks_is_read_all_the_same() -> None:
    """Else its octets would pass for commands."""
    talk = Talk("EHLO me", MAIL, RCPT, strict=True)

    assert talk.say("BDAT 5  LAST") == "501 5.5.4 syntax: BDAT octets [LAST]"
    assert talk.heard.chunk == Chunk(5, last=True)


def test_smtp_does_not_know_lhlo() -> None:
    """It is LMTP's."""
    assert Talk().say("LHLO me") == "500 command not recognised"


@pytest.mark.parametrize(
    ("before", "stage", "reply"),
    [
        ((), Stage.MAIL, "250 recipient ok"),
        (("EHLO me",), Stage.EHLO, "250 2.1.0 sender ok"),
        (("EHLO me", MAIL), Stage.NOOP, "250 2.1.5 recipient ok"),
        (("EHLO me", MAIL, RCPT), Stage.RCPT, "354 end data with <CR><LF>.<CR><LF>"),
        (("EHLO me", MAIL, RCPT), Stage.DATA, "250 2.0.0 message taken"),
        (("EHLO me",), Stage.DOT, "250 2.1.0 sender ok"),
    ],
)
def test_what_usually_comes_next_can_be_answered_before(before: tuple[str, ...], stage: Stage, reply: str) -> None:
    """What a server says that is one reply ahead of its client."""
    assert str(Talk(*before).dialogue.next_reply(stage)) == reply


def test_what_comes_behind_the_banner_is_the_reply_to_ehlo() -> None:
    """And behind QUIT there is nothing."""
    dialogue = Dialogue(Offer("mx.test"))

    assert dialogue.next_reply(Stage.BANNER) == dialogue.hear("EHLO", "me").reply
    assert dialogue.next_reply(Stage.QUIT) is None


def test_what_was_said_in_clear_is_forgotten() -> None:
    """RFC 3207 section 4.2: the client says EHLO anew, and STARTTLS is offered no more."""
    talk = Talk("EHLO me", MAIL, RCPT, tls=True)
    offered = talk.dialogue.hear("EHLO", "me").reply.lines
    talk.dialogue.state.forget()
    talk.dialogue.state.tls = "TLSv1.3"

    assert talk.say(MAIL) == "503 send EHLO first"
    assert set(offered) - set(talk.dialogue.hear("EHLO", "me").reply.lines) == {"STARTTLS"}


@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT])
def test_a_command_that_names_nobody_changes_nothing(stage: Stage) -> None:
    """Whatever is replied to it."""
    talk = Talk("EHLO me")
    talk.dialogue.take(Heard(stage, Reply(250)), Reply(250))

    assert (talk.dialogue.state.reverse_path, talk.dialogue.state.recipients) == (None, ())
