"""Read what MAIL and RCPT say: a path and its parameters (RFC 5321 sections 4.1.1.2, 4.1.1.3 and 4.1.2).

Rule: strict where the grammar is, apart from blanks after the colon, which many clients send. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from maildrill.smtp import Reply

#: Characters beyond ASCII that SMTPUTF8 brings (RFC 6531 section 3.3); control characters and surrogates are none.
_WIDE = "\u00a0-\ud7ff\ue000-\U0010ffff"
_ATOM = rf"[A-Za-z0-9!#$%&'*+\-/=?^_`{{|}}~{_WIDE}]+"
_QUOTED = rf'"(?:[ !#-\[\]-~{_WIDE}]|\\[ -~])*"'
_LABEL = rf"[A-Za-z0-9{_WIDE}](?:[A-Za-z0-9\-{_WIDE}]*[A-Za-z0-9{_WIDE}])?"
_DOMAIN = rf"{_LABEL}(?:\.{_LABEL})*"
_LITERAL = r"\[[!-Z^-~]+\]"
# A source route must be accepted and should be ignored (RFC 5321 appendix C).
_ROUTE = rf"(?:@{_DOMAIN}(?:,@{_DOMAIN})*:)?"
_PATH = re.compile(
    rf"(?P<keyword>FROM|TO): *<(?:{_ROUTE}"
    rf"(?P<address>(?P<local>{_ATOM}(?:\.{_ATOM})*|{_QUOTED})@(?P<domain>{_DOMAIN}|{_LITERAL})|postmaster)|)>"
    r"(?: +(?P<parameters>[^ ].*))? *",
    re.IGNORECASE,
)
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9\-]*)(?:=([!-<>-~\u00a0-\ud7ff\ue000-\U0010ffff]+))?")

# RFC 5321 section 4.5.3.1, in octets.
_MAX_LOCAL = 64
_MAX_PATH = 254  # without the angle brackets; so a domain cannot reach its own limit, 255

_SYNTAX = {
    "FROM": Reply.of("501 5.5.4 syntax: MAIL FROM:<address>"),
    "TO": Reply.of("501 5.5.4 syntax: RCPT TO:<address>"),
}
_MALFORMED = {
    "FROM": Reply.of("501 5.1.7 bad sender address syntax"),
    "TO": Reply.of("501 5.1.3 bad recipient address syntax"),
}
_PARAMETERS = Reply.of("501 5.5.4 bad parameter syntax")


@dataclass(frozen=True, slots=True)
class Path:
    """An address (empty: the null reverse-path) and the parameters behind it, keywords in upper case."""

    address: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def read_path(keyword: str, argument: str) -> Path | Reply:
    """Return the path in the argument of MAIL (`keyword` FROM) or RCPT (TO), or the reply that says what is wrong."""
    match = _PATH.fullmatch(argument)
    if match is None or match["keyword"].upper() != keyword:
        bracketed = argument[: len(keyword) + 1].upper() == f"{keyword}:" and "<" in argument
        return (_MALFORMED if bracketed else _SYNTAX)[keyword]
    if not _fits(keyword, match["address"], match["local"], match["domain"]):
        return _MALFORMED[keyword]
    parameters = _read_parameters(match["parameters"] or "")
    return _PARAMETERS if parameters is None else Path(match["address"] or "", parameters)


def _fits(keyword: str, address: str | None, local: str | None, domain: str | None) -> bool:
    """Whether what is well formed may also stand here, and is short enough."""
    if local is None or domain is None:
        # The null reverse-path, or the bare name Postmaster as a recipient (RFC 5321 sections 4.5.5 and 4.5.1).
        return (address is None) is (keyword == "FROM")
    octets = len(local.encode())
    return octets <= _MAX_LOCAL and octets + 1 + len(domain.encode()) <= _MAX_PATH


def _read_parameters(text: str) -> dict[str, str] | None:
    """Return keyword -> value ("" where there is none), or None for what is no list of distinct parameters."""
    found: dict[str, str] = {}
    for word in text.split():
        match = _PARAMETER.fullmatch(word)
        if match is None or match[1].upper() in found:
            return None
        found[match[1].upper()] = match[2] or ""
    return found
