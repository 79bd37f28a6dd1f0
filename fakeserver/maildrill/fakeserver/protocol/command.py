"""Read what stands behind a verb: a path and its parameters, a host's name, a chunk's size (RFC 5321 section 4.1).

Rule 1: strict where the grammar is, apart from blanks after the colon, which many clients send, and from what is
in brackets, which need not be an address.
Rule 2: with `strict` the grammar holds to the letter. A source route is read and ignored in both. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from maildrill.fakeserver.protocol.grammar import ATOM, DOMAIN, QUOTED, WIDE, is_domain, is_literal
from maildrill.smtp import Reply

_LITERAL = r"\[[!-Z^-~]+\]"
# A source route must be accepted and should be ignored (RFC 5321 appendix C).
_ROUTE = rf"(?:@{DOMAIN}(?:,@{DOMAIN})*:)?"
# No IGNORECASE over it all: to find the other case of each character in WIDE takes a quarter of a second at start-up.
_PATH = re.compile(
    rf"(?P<keyword>(?i:FROM|TO)):(?P<blank> *)<(?:{_ROUTE}"
    rf"(?P<address>(?P<local>{ATOM}(?:\.{ATOM})*|{QUOTED})@(?P<domain>{DOMAIN}|{_LITERAL})|(?i:postmaster))|)>"
    r"(?:(?P<gap> +)(?P<parameters>[^ ].*))? *",
)
#: What nearly every client says, at a fifth of the cost: an address of letters and digits, short enough for any limit.
_WORD = r"[A-Za-z0-9_+=\-]+"
_NAME = r"[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*"
PLAIN_ADDRESS = rf"{_WORD}(?:\.{_WORD})*@{_NAME}(?:\.{_NAME})*"
_PLAIN = {keyword: re.compile(rf"{keyword}:<({PLAIN_ADDRESS})>(?: ([!-~]+))?") for keyword in ("FROM", "TO")}
_PARAMETER = re.compile(rf"([A-Za-z0-9][A-Za-z0-9\-]*)(?:=([!-<>-~{WIDE}]+))?")
_CHUNK = re.compile(r"(?P<size>[0-9]{1,20})(?:(?P<blank> +)(?P<last>LAST))? *", re.IGNORECASE)

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


@dataclass(frozen=True, slots=True)
class Chunk:
    """What BDAT announces: so many octets, and whether they are the last of the message (RFC 3030 section 2)."""

    size: int
    last: bool = False


def read_path(keyword: str, argument: str, *, strict: bool = False) -> Path | Reply:
    """Return the path in the argument of MAIL (`keyword` FROM) or RCPT (TO), or the reply that says what is wrong."""
    plain = _PLAIN[keyword].fullmatch(argument)
    if plain is None or len(plain[1]) > _MAX_LOCAL:
        return read_any_path(keyword, argument, strict=strict)
    parameters = _read_parameters(plain[2]) if plain[2] is not None else {}
    return _PARAMETERS if parameters is None else Path(plain[1], parameters)


def read_any_path(keyword: str, argument: str, *, strict: bool) -> Path | Reply:
    """Do as `read_path` does, by the whole grammar."""
    match = _PATH.fullmatch(argument)
    if match is None:
        bracketed = argument[: len(keyword) + 1].upper() == f"{keyword}:" and "<" in argument
        return (_MALFORMED if bracketed else _SYNTAX)[keyword]
    if match["keyword"].upper() != keyword or (strict and match["blank"]):
        return _SYNTAX[keyword]
    domain = match["domain"]
    if not _fits(keyword, match["address"], match["local"], domain):
        return _MALFORMED[keyword]
    if strict and domain is not None and not (is_domain(domain) or is_literal(domain)):
        return _MALFORMED[keyword]
    text = match["parameters"] or ""
    spaced = strict and (len(match["gap"] or "") > 1 or "  " in text.rstrip(" "))
    parameters = None if spaced else _read_parameters(text)
    return _PARAMETERS if parameters is None else Path(match["address"] or "", parameters)


def names_host(verb: str, argument: str) -> bool:
    """Whether this is what HELO (a domain) or EHLO (or an address literal) takes, to the letter (section 4.1.1.1)."""
    return is_domain(argument) or (verb == "EHLO" and is_literal(argument))


def read_chunk(argument: str, *, strict: bool = False) -> Chunk | None:
    """Return what the argument of BDAT announces; None where that cannot be told (RFC 3030 section 2)."""
    match = _CHUNK.fullmatch(argument)
    if match is None or (strict and len(match["blank"] or "") > 1):
        return None
    return Chunk(int(match["size"]), match["last"] is not None)


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
