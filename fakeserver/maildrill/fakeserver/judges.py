"""What a correct SMTP server says to each command, given what it knows of the session (RFC 5321).

Rule 1: one judge for each verb, in one table; a judge changes nothing.
Rule 2: a Reply may be replaced by a script; a Refusal (malformed, or out of place) may not. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from maildrill.fakeserver.command import Path, read_path
from maildrill.smtp import Reply, Stage

#: Octets of the largest message that is kept, whatever a script advertises.
MAX_MESSAGE = 26_214_400

#: The EHLO keywords of a server that no script has changed; each is true.
KEYWORDS: tuple[str, ...] = ("PIPELINING", f"SIZE {MAX_MESSAGE}", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is said to a command that is malformed or out of place: no script is asked about such."""

    reply: Reply


def _no(text: str) -> Refusal:
    return Refusal(Reply.of(text))


_OK = Reply.of("250 2.0.0 ok")
SENDER_OK = Reply.of("250 2.1.0 sender ok")
RECIPIENT_OK = Reply.of("250 2.1.5 recipient ok")
_GO_AHEAD = Reply.of("354 end data with <CR><LF>.<CR><LF>")
_QUEUED = Reply.of("250 2.0.0 message taken")
_BYE = Reply.of("221 2.0.0 bye")
_NOT_VERIFIED = Reply.of("252 2.1.5 not verified, but mail for it is taken")
_NO_RECIPIENTS = Reply.of("554 5.5.1 no valid recipients")
_UNKNOWN_VERB = Reply.of("500 5.5.1 command not recognised")
_NOT_IMPLEMENTED = Reply.of("502 5.5.1 command not implemented")
_NO_TLS = Reply.of("454 4.7.0 TLS not available")
LOGGED_IN = Reply.of("235 2.7.0 authentication succeeded")
_NO_SERVICE = _no("503 5.5.1 no service here: only QUIT is left")
_HELLO_FIRST = _no("503 5.5.1 send EHLO first")
_NESTED = _no("503 5.5.1 a transaction is open: nested MAIL command")
_MAIL_FIRST = _no("503 5.5.1 send MAIL first")
_NO_ARGUMENT = _no("501 5.5.4 this command takes no argument")
_NEEDS_ARGUMENT = _no("501 5.5.4 this command needs an argument")
_UNKNOWN_PARAMETER = _no("555 5.5.4 parameter not recognised or not implemented")
_BAD_PARAMETER = _no("501 5.5.4 bad value of a parameter")
_NEEDS_UTF8 = _no("553 5.6.7 an address beyond ASCII needs SMTPUTF8")
_TOO_BIG = _no("552 5.3.4 message exceeds the fixed maximum size")
_LOGGED_IN_ALREADY = _no("503 5.5.1 already authenticated")
_IN_TRANSACTION = _no("503 5.5.1 not during a transaction")
_NO_MECHANISM = _no("504 5.5.4 authentication mechanism not implemented")
CANCELLED = _no("501 5.7.0 authentication cancelled")

Verdict = Reply | Path | Refusal

#: The challenges of each mechanism, in base64; this server has no users and lets everybody in (RFC 4954, RFC 4616).
_CHALLENGES = {"PLAIN": ("",), "LOGIN": ("VXNlcm5hbWU6", "UGFzc3dvcmQ6"), "XOAUTH2": ("",), "OAUTHBEARER": ("",)}


@dataclass(slots=True)
class State:
    """What a server knows of one session.

    helo: the name given, "" before. keywords: what the last EHLO reply advertised, by keyword in upper case.
    in_service: False once the greeting said no. reverse_path: None outside of a transaction, "" for the null one.
    recipients: those accepted in it. utf8: whether it was opened with SMTPUTF8.
    """

    hostname: str
    helo: str = ""
    keywords: dict[str, str] = field(default_factory=dict)
    in_service: bool = True
    authenticated: bool = False
    reverse_path: str | None = None
    recipients: tuple[str, ...] = ()
    utf8: bool = False

    @property
    def size_limit(self) -> int:
        """Octets of a message that is taken: what SIZE says, but never above MAX_MESSAGE (RFC 1870 section 4)."""
        declared = self.keywords.get("SIZE", "")
        return min(int(declared), MAX_MESSAGE) if declared.isdecimal() and int(declared) else MAX_MESSAGE


def judge(state: State, verb: str, argument: str) -> tuple[Stage, Verdict]:
    """Return where a command belongs (`verb` in upper case) and what a correct server says to it."""
    stage, verdict_on = _VERBS.get(verb, _OTHER)
    return stage, verdict_on(state, argument) if state.in_service or stage is Stage.QUIT else _NO_SERVICE


def judge_message(state: State, octets: int) -> Verdict:
    """Return what a correct server says to the final dot of a message of so many octets."""
    if octets > state.size_limit:
        return _TOO_BIG
    return _QUEUED if state.recipients else _NO_RECIPIENTS


def challenges(mechanism: str, *, initial: bool) -> list[str]:
    """Return what is still asked of a client that named this mechanism, with or without an initial response."""
    return list(_CHALLENGES[mechanism.upper()])[initial:]


def _hello(state: State, argument: str) -> Verdict:
    return Reply(250, (state.hostname,)) if argument else _NEEDS_ARGUMENT


def _extended_hello(state: State, argument: str) -> Verdict:
    return Reply(250, (state.hostname, *KEYWORDS)) if argument else _NEEDS_ARGUMENT


def _mail(state: State, argument: str) -> Verdict:
    if not state.helo:
        return _HELLO_FIRST
    if state.reverse_path is not None:
        return _NESTED
    path = read_path("FROM", argument)
    if isinstance(path, Reply):
        return Refusal(path)
    for keyword, value in path.parameters.items():
        extension, wrong_with = _PARAMETERS.get(keyword, ("", _any_value))
        wrong = wrong_with(state, value) if extension in state.keywords else _UNKNOWN_PARAMETER
        if wrong is not None:
            return wrong
    return path if path.address.isascii() or "SMTPUTF8" in path.parameters else _NEEDS_UTF8


def _rcpt(state: State, argument: str) -> Verdict:
    if state.reverse_path is None:
        return _MAIL_FIRST if state.helo else _HELLO_FIRST
    path = read_path("TO", argument)
    if isinstance(path, Reply):
        return Refusal(path)
    if path.parameters:
        return _UNKNOWN_PARAMETER
    return path if path.address.isascii() or state.utf8 else _NEEDS_UTF8


def _data(state: State, argument: str) -> Verdict:
    if argument:
        return _NO_ARGUMENT
    if state.reverse_path is None:
        return _MAIL_FIRST if state.helo else _HELLO_FIRST
    # Without recipients a correct server says no, and a scripted one may say 354 (RFC 2920 section 3.1).
    return _GO_AHEAD if state.recipients else _NO_RECIPIENTS


def _auth(state: State, argument: str) -> Verdict:
    if "AUTH" not in state.keywords:
        return _NOT_IMPLEMENTED
    if state.authenticated:
        return _LOGGED_IN_ALREADY
    if state.reverse_path is not None:
        return _IN_TRANSACTION
    mechanism = argument.partition(" ")[0].upper()
    if mechanism in _CHALLENGES and mechanism in state.keywords["AUTH"].upper().split():
        return LOGGED_IN
    return _NO_MECHANISM if argument else _NEEDS_ARGUMENT


def _size(state: State, value: str) -> Refusal | None:
    if not (value.isascii() and value.isdecimal() and len(value) <= 20):  # RFC 1870 section 4
        return _BAD_PARAMETER
    return _TOO_BIG if int(value) > state.size_limit else None


def _alone(reply: Reply) -> Callable[[State, str], Verdict]:
    """Judge a command that takes no argument and is in place everywhere."""
    return lambda _state, argument: _NO_ARGUMENT if argument else reply


def _always(reply: Reply) -> Callable[[State, str], Verdict]:
    return lambda _state, _argument: reply


def _verify(_state: State, argument: str) -> Verdict:
    return _NOT_VERIFIED if argument else _NEEDS_ARGUMENT


def _body(_state: State, value: str) -> Refusal | None:
    return None if value.upper() in ("7BIT", "8BITMIME") else _BAD_PARAMETER  # RFC 6152 section 2


def _no_value(_state: State, value: str) -> Refusal | None:
    return _BAD_PARAMETER if value else None


def _any_value(_state: State, _value: str) -> None:
    return None


_OTHER = (Stage.UNKNOWN, _always(_UNKNOWN_VERB))
_VERBS: dict[str, tuple[Stage, Callable[[State, str], Verdict]]] = {
    "HELO": (Stage.HELO, _hello),
    "EHLO": (Stage.EHLO, _extended_hello),
    "MAIL": (Stage.MAIL, _mail),
    "RCPT": (Stage.RCPT, _rcpt),
    "DATA": (Stage.DATA, _data),
    "RSET": (Stage.RSET, _alone(_OK)),
    "NOOP": (Stage.NOOP, _always(_OK)),
    "VRFY": (Stage.VRFY, _verify),
    "QUIT": (Stage.QUIT, _alone(_BYE)),
    "STARTTLS": (Stage.STARTTLS, _alone(_NO_TLS)),
    "AUTH": (Stage.AUTH, _auth),
    # Known but not done; the script's word for all that has no stage of its own is `unknown`.
    "EXPN": (Stage.UNKNOWN, _always(_NOT_IMPLEMENTED)),
    "HELP": (Stage.UNKNOWN, _always(_NOT_IMPLEMENTED)),
}
#: MAIL parameters: the extension that brings each, and who judges its value (RFC 1870, 6152, 6531, 4954 section 5).
_PARAMETERS: dict[str, tuple[str, Callable[[State, str], Refusal | None]]] = {
    "SIZE": ("SIZE", _size),
    "BODY": ("8BITMIME", _body),
    "SMTPUTF8": ("SMTPUTF8", _no_value),
    "AUTH": ("AUTH", _any_value),
}
