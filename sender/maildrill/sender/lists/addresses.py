"""Addresses: their syntax, the form the envelope needs, and when two of them are the same recipient.

Syntax is email-validator's (RFC 5321, 6531, without DNS). Domains become lower-case A-labels (RFC 5890), so that only
a local part beyond ASCII needs SMTPUTF8.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from maildrill.sender.campaign import Mailbox

_NAME_AND_ADDRESS = re.compile(r"(.*?)\s*<\s*([^<>]*?)\s*>", re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Address:
    """A checked address. text: for envelope and header. identity: equal for two spellings of one mailbox."""

    text: str
    identity: str


def parse_address(text: str) -> Address:
    """Return the address that `text` is; raises ValueError that says in words what is wrong.

    Two addresses are one recipient when they differ only in letter case or in how the domain is written. (RFC 5321
    section 2.4 lets local parts differ in case; no provider does, and a second copy is the greater harm.)
    """
    if "@" not in text:
        raise ValueError("it has no @-sign" if text else "it is empty")
    # 30 ms of import that `--version` and `serve` do without
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - lazily, see above

    try:
        # test_environment: names under .test are good for a rehearsal, and nobody can own them (RFC 6761)
        checked = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError(str(error).rstrip(".")) from None
    return Address(
        text=f"{checked.local_part}@{checked.ascii_domain}",
        identity=f"{checked.local_part.casefold()}@{checked.ascii_domain.casefold()}",
    )


def parse_mailbox(text: str) -> Mailbox:
    """Return the mailbox of `ann@example.org`, `Ann Bee <ann@example.org>` or `"Bee, Ann" <ann@example.org>`.

    The address comes as the envelope needs it. Raises ValueError that says in words what is wrong.
    """
    name, address = split_mailbox(text)
    return Mailbox(name, parse_address(address).text)


def split_mailbox(text: str) -> tuple[str, str]:
    """Return display name (may be empty) and address, unchecked."""
    match = _NAME_AND_ADDRESS.fullmatch(text.strip())
    if match is None:
        return "", text.strip()
    quoted = _QUOTED.fullmatch(match[1])
    return (re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else match[1]), match[2]
