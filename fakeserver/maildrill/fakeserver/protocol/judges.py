"""What a correct SMTP server says to each command, given what it knows of the session (RFC 5321, 2033, 3030).

Rule 1: one judge for each verb, in one table; a judge changes nothing.
Rule 2: a Reply may be replaced by a script; a Refusal (malformed, or out of place) may not. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from maildrill.fakeserver.protocol.command import Chunk, Path, names_host, read_chunk, read_path
from maildrill.fakeserver.protocol.grammar import is_string
from maildrill.fakeserver.protocol.parameters import MAIL_PARAMETERS, RCPT_PARAMETERS, TOO_BIG, judge_parameters
from maildrill.fakeserver.protocol.sasl import MECHANISMS
from maildrill.fakeserver.protocol.state import Login, Refusal, State
from maildrill.smtp import Reply, Stage

OK = Reply.of("250 2.0.0 ok")
SENDER_OK = Reply.of("250 2.1.0 sender ok")
RECIPIENT_OK = Reply.of("250 2.1.5 recipient ok")
GO_AHEAD = Reply.of("354 end data with <CR><LF>.<CR><LF>")
QUEUED = Reply.of("250 2.0.0 message taken")
_BYE = Reply.of("221 2.0.0 bye")
_NOT_VERIFIED = Reply.of("252 2.1.5 not verified, but mail for it is taken")
_UNKNOWN_VERB = Reply.of("500 5.5.1 command not recognised")
_NOT_IMPLEMENTED = Reply.of("502 5.5.1 command not implemented")
_READY = Reply.of("220 2.0.0 ready to start TLS")
LOGGED_IN = Reply.of("235 2.7.0 authentication succeeded")
#: In LMTP the code must be 503 (RFC 2033 section 4.2).
NO_RECIPIENTS = {False: Reply.of("554 5.5.1 no valid recipients"), True: Reply.of("503 5.5.1 no valid recipients")}

_TLS_ALREADY = Refusal.of("503 5.5.1 TLS is spoken already")
_NO_SERVICE = Refusal.of("503 5.5.1 no service here: only QUIT is left")
_NESTED = Refusal.of("503 5.5.1 a transaction is open: nested MAIL command")
_MAIL_FIRST = Refusal.of("503 5.5.1 send MAIL first")
_NO_ARGUMENT = Refusal.of("501 5.5.4 this command takes no argument")
_NEEDS_ARGUMENT = Refusal.of("501 5.5.4 this command needs an argument")
_NO_STRING = Refusal.of("501 5.5.4 the argument is neither an atom nor quoted")
_NO_HOST = Refusal.of("501 5.5.4 the argument names no host")
_BAD_CHUNK = Refusal.of("501 5.5.4 syntax: BDAT octets [LAST]")
_NEEDS_UTF8 = Refusal.of("553 5.6.7 an address beyond ASCII needs SMTPUTF8")
_LOGGED_IN_ALREADY = Refusal.of("503 5.5.1 already authenticated")
_LOG_IN_FIRST = Refusal.of("530 5.7.0 authentication required")
_IN_TRANSACTION = Refusal.of("503 5.5.1 not during a transaction")
_NO_MECHANISM = Refusal.of("504 5.5.4 authentication mechanism not implemented")
_CHUNKS_BEGAN = Refusal.of("503 5.5.1 the message comes by BDAT")
_CHUNK_FAILED = Refusal.of("503 5.5.1 a chunk was refused: send RSET")
_BINARY = Refusal.of("503 5.5.1 BODY=BINARYMIME needs BDAT")
NO_ROOM = Refusal.of("452 4.3.1 no room for this message now")
_TOO_MANY_RECIPIENTS = Refusal.of("452 4.5.3 too many recipients")
_BARE_NEWLINE = Refusal.of("554 5.6.0 bare CR or LF in the message")
_LONG_LINE = Refusal.of("500 5.6.0 a line of the message has more than 1000 octets")
_EIGHT_BITS = Refusal.of("554 5.6.3 octets beyond ASCII need BODY=8BITMIME")

_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)")
_LONG = re.compile(rb"[^\r\n]{999}")  # RFC 5321 section 4.5.3.1.6: 1000 with CRLF

Verdict = Reply | Path | Chunk | Login | Refusal


def judge(state: State, verb: str, argument: str) -> tuple[Stage, Verdict]:
    """Return where a command belongs (`verb` in upper case) and what a correct server says to it."""
    stage, verdict_on = (_LMTP_VERBS if state.offer.lmtp else _VERBS).get(verb, _OTHER)
    return stage, verdict_on(state, argument) if state.in_service or stage is Stage.QUIT else _NO_SERVICE


def judge_hello(state: State) -> Reply:
    """Return the reply to EHLO: the server's name, and what it offers."""
    return Reply(250, (state.offer.hostname, *state.offer.keywords(secure=bool(state.tls))))


def judge_message(state: State, octets: int, content: bytes = b"", *, crowded: bool = False) -> Verdict:
    """Return what a correct server says to the end of a message; see Dialogue.end_of_data."""
    if octets > state.size_limit:
        return TOO_BIG
    if crowded:
        return NO_ROOM
    if state.offer.settings.strict and content:
        wrong = _malformed(state.parameters.get("BODY", "7BIT").upper(), content)
        if wrong is not None:
            return wrong
    return QUEUED if state.recipients else NO_RECIPIENTS[state.offer.lmtp]


def _malformed(body: str, content: bytes) -> Refusal | None:
    """Return what is wrong with a message that came as BODY says, to the letter of RFC 5321 and RFC 6152."""
    if body == "BINARYMIME":
        return None
    if _BARE.search(content):
        return _BARE_NEWLINE
    if _LONG.search(content):
        return _LONG_LINE
    return _EIGHT_BITS if body == "7BIT" and not content.isascii() else None


def announced(state: State, argument: str) -> Chunk | None:
    """Return the chunk that comes with BDAT, be it refused or not; None where none can be told from commands."""
    return read_chunk(argument) if "CHUNKING" in state.keywords else None


def _hello(state: State, argument: str) -> Verdict:
    return _no_host(state, "HELO", argument) or Reply(250, (state.offer.hostname,))


def _extended_hello(state: State, argument: str) -> Verdict:
    return _no_host(state, "EHLO", argument) or judge_hello(state)


def _no_host(state: State, verb: str, argument: str) -> Refusal | None:
    if not argument:
        return _NEEDS_ARGUMENT
    return _NO_HOST if state.strict and not names_host(verb, argument) else None


def _hello_first(state: State) -> Refusal:
    return Refusal.of(f"503 5.5.1 send {state.hello} first")


def _no_transaction(state: State) -> Refusal | None:
    if state.reverse_path is not None:
        return None
    return _MAIL_FIRST if state.helo else _hello_first(state)


def _mail(state: State, argument: str) -> Verdict:
    if not state.helo:
        return _hello_first(state)
    if state.offer.settings.closed and not state.authenticated:
        return _LOG_IN_FIRST
    if state.reverse_path is not None:
        return _CHUNK_FAILED if state.failed else _NESTED
    path = read_path("FROM", argument, strict=state.strict)
    if isinstance(path, Reply):
        return Refusal(path)
    wrong = judge_parameters(MAIL_PARAMETERS, state, path.parameters)
    if wrong is not None:
        return wrong
    return path if path.address.isascii() or "SMTPUTF8" in path.parameters else _NEEDS_UTF8


def _rcpt(state: State, argument: str) -> Verdict:
    misplaced = _no_transaction(state) or _amid_chunks(state)
    if misplaced is not None:
        return misplaced
    if len(state.recipients) >= state.offer.limits.recipients:
        return _TOO_MANY_RECIPIENTS
    path = read_path("TO", argument, strict=state.strict)
    if isinstance(path, Reply):
        return Refusal(path)
    wrong = judge_parameters(RCPT_PARAMETERS, state, path.parameters)
    if wrong is not None:
        return wrong
    return path if path.address.isascii() or "SMTPUTF8" in state.parameters else _NEEDS_UTF8


def _data(state: State, argument: str) -> Verdict:
    if argument:
        return _NO_ARGUMENT
    misplaced = _no_transaction(state) or _amid_chunks(state)
    if misplaced is not None:
        return misplaced
    if state.parameters.get("BODY", "").upper() == "BINARYMIME":
        return _BINARY
    # Without recipients a correct server says no, and a scripted one may say 354 (RFC 2920 section 3.1).
    return GO_AHEAD if state.recipients else NO_RECIPIENTS[state.offer.lmtp]


def _amid_chunks(state: State) -> Refusal | None:
    """RFC 3030 section 2: DATA and BDAT do not go together, and after a failure only RSET helps."""
    return _CHUNK_FAILED if state.failed else None if state.octets is None else _CHUNKS_BEGAN


def _bdat(state: State, argument: str) -> Verdict:
    if "CHUNKING" not in state.keywords:
        return Refusal(_NOT_IMPLEMENTED) if state.helo else _hello_first(state)
    chunk = read_chunk(argument, strict=state.strict)
    if chunk is None:
        return _BAD_CHUNK
    misplaced = _no_transaction(state)
    if misplaced is not None:
        return misplaced
    if state.failed:
        return _CHUNK_FAILED
    if (state.octets or 0) + chunk.size > state.size_limit:
        return TOO_BIG
    return chunk if state.recipients else Refusal(NO_RECIPIENTS[state.offer.lmtp])


def _start_tls(state: State, argument: str) -> Verdict:
    if argument:
        return _NO_ARGUMENT
    if state.tls:
        return _TLS_ALREADY
    return _READY if "STARTTLS" in state.keywords else _NOT_IMPLEMENTED


def _auth(state: State, argument: str) -> Verdict:
    if "AUTH" not in state.keywords:
        return _NOT_IMPLEMENTED
    if state.authenticated:
        return _LOGGED_IN_ALREADY
    if state.reverse_path is not None:
        return _IN_TRANSACTION
    mechanism, blank, initial = argument.partition(" ")
    offered = state.keywords["AUTH"].upper().split()
    if mechanism.upper() in MECHANISMS and mechanism.upper() in offered:
        return Login(mechanism.upper(), initial if blank else None)
    return _NO_MECHANISM if argument else _NEEDS_ARGUMENT


def _alone(reply: Reply) -> Callable[[State, str], Verdict]:
    """Judge a command that takes no argument and is in place everywhere."""
    return lambda _state, argument: _NO_ARGUMENT if argument else reply


def _always(verdict: Reply | Refusal) -> Callable[[State, str], Verdict]:
    """Judge a command that may have any argument, but to the letter only one string (RFC 5321 section 4.1.1)."""
    return lambda state, argument: _NO_STRING if state.strict and argument and not is_string(argument) else verdict


def _verify(state: State, argument: str) -> Verdict:
    return _TAKES_STRING(state, argument) if argument else _NEEDS_ARGUMENT


_TAKES_STRING = _always(_NOT_VERIFIED)
_OTHER = (Stage.UNKNOWN, _always(_UNKNOWN_VERB))
_HELLOS: dict[str, tuple[Stage, Callable[[State, str], Verdict]]] = {
    "HELO": (Stage.HELO, _hello),
    "EHLO": (Stage.EHLO, _extended_hello),
}
_VERBS = _HELLOS | {
    "MAIL": (Stage.MAIL, _mail),
    "RCPT": (Stage.RCPT, _rcpt),
    "DATA": (Stage.DATA, _data),
    "BDAT": (Stage.BDAT, _bdat),
    "RSET": (Stage.RSET, _alone(OK)),
    "NOOP": (Stage.NOOP, _always(OK)),
    "VRFY": (Stage.VRFY, _verify),
    "QUIT": (Stage.QUIT, _alone(_BYE)),
    "STARTTLS": (Stage.STARTTLS, _start_tls),
    "AUTH": (Stage.AUTH, _auth),
    # Known but not done; the script's word for all that has no stage of its own is `unknown`.
    "EXPN": (Stage.UNKNOWN, _always(_NOT_IMPLEMENTED)),
    "HELP": (Stage.UNKNOWN, _always(_NOT_IMPLEMENTED)),
}
#: In LMTP there is LHLO, and neither HELO nor EHLO (RFC 2033 section 4.1).
_LMTP_VERBS = {verb: judged for verb, judged in _VERBS.items() if verb not in _HELLOS} | {"LHLO": _HELLOS["EHLO"]}
