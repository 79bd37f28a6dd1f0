"""What stands behind the address in MAIL and RCPT: which extension brings each parameter, and what it may say.

RFC 1870 (SIZE), 6152 and 3030 (BODY), 6531 (SMTPUTF8), 4954 section 5 (AUTH), 3461 section 4 (DSN). Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from maildrill.fakeserver.protocol.dsn import read_envid, read_notify, read_orcpt, read_ret, read_xtext
from maildrill.fakeserver.protocol.state import Refusal, State

_UNKNOWN_PARAMETER = Refusal.of("555 5.5.4 parameter not recognised or not implemented")
_BAD_PARAMETER = Refusal.of("501 5.5.4 bad value of a parameter")
TOO_BIG = Refusal.of("552 5.3.4 message exceeds the fixed maximum size")

#: The judge of a value: None where it is well formed and may stand here.
Judge = Callable[[State, str], Refusal | None]


def judge_parameters(table: Mapping[str, tuple[str, Judge]], state: State, said: Mapping[str, str]) -> Refusal | None:
    """Return what is wrong with the parameters of a command, or None; only what was advertised is known."""
    for keyword, value in said.items():
        known = table.get(f"{keyword}={value.upper()}") or table.get(keyword)
        if known is None or known[0] not in state.keywords:
            return _UNKNOWN_PARAMETER
        wrong = known[1](state, value)
        if wrong is not None:
            return wrong
    return None


def size_of(parameters: Mapping[str, str]) -> int | None:
    """Return the octets that a well formed MAIL declared."""
    declared = parameters.get("SIZE")
    return None if declared is None else int(declared)


def _size(state: State, value: str) -> Refusal | None:
    if not (value.isascii() and value.isdecimal() and len(value) <= 20):  # RFC 1870 section 4
        return _BAD_PARAMETER
    return TOO_BIG if int(value) > state.size_limit else None


def _body(_state: State, value: str) -> Refusal | None:
    return None if value.upper() in ("7BIT", "8BITMIME") else _BAD_PARAMETER


def _binary(state: State, _value: str) -> Refusal | None:
    return None if "CHUNKING" in state.keywords else _BAD_PARAMETER  # RFC 3030 section 3


def _no_value(_state: State, value: str) -> Refusal | None:
    return _BAD_PARAMETER if value else None


def _authorised(_state: State, value: str) -> Refusal | None:
    return None if value == "<>" or read_xtext(value) else _BAD_PARAMETER


def _read_by(read: Callable[[str], object | None]) -> Judge:
    """Judge a value by whether it can be read."""
    return lambda _state, value: _BAD_PARAMETER if read(value) is None else None


MAIL_PARAMETERS: dict[str, tuple[str, Judge]] = {
    "SIZE": ("SIZE", _size),
    "BODY": ("8BITMIME", _body),
    "BODY=BINARYMIME": ("BINARYMIME", _binary),
    "SMTPUTF8": ("SMTPUTF8", _no_value),
    "AUTH": ("AUTH", _authorised),
    "RET": ("DSN", _read_by(read_ret)),
    "ENVID": ("DSN", _read_by(read_envid)),
}
RCPT_PARAMETERS: dict[str, tuple[str, Judge]] = {
    "NOTIFY": ("DSN", _read_by(read_notify)),
    "ORCPT": ("DSN", _read_by(read_orcpt)),
}
