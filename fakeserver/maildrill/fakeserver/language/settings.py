"""What a server is like apart from its rules: the `[server]` table as values, and what holds where it says nothing.

Rule: in `Settings` None (or empty) means not said, so that several scripts can be joined; the properties of a Script
give the defaults. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

#: The mechanisms of AUTH that the server can offer, by their names (RFC 4954, 4616, 2195, 5802, 7677, 7628).
MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER")


class Unmatched(StrEnum):
    """What becomes of an event that no rule answers."""

    ACCEPT = "accept"  # a correct server's answer
    FAIL = "fail"  # 554, and reported: at each stage that the script has a rule for


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one client, and all of them, may ask of the server.

    message: octets that are kept, and that SIZE says at most. memory: octets of all messages that are being received at
    the same time. line: octets of a command line, CRLF included (RFC 5321
    section 4.5.3.1.4); extensions add to it. recipients: in a transaction. commands: in a session. errors: commands in
    a session that the server refused as malformed, out of place or unknown. connections: at the same time.
    silence: seconds between two commands, or without an octet within one. command: seconds for one command line from
    its first octet. session: seconds. What is beyond ends with the reply that RFC 5321 has for it.
    """

    message: int = 26_214_400
    memory: int = 1_073_741_824
    line: int = 512
    recipients: int = 10_000
    commands: int = 1_000_000
    errors: int = 100
    connections: int = 10_000
    silence: float = 300.0
    command: float = 300.0
    session: float = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The `[server]` table; None, or empty, where it says nothing.

    hostname: what the server calls itself. seed: of every draw. unmatched: what no rule answers. lint: False lets
    replies stand that no real server would give. strict: whether the grammar of RFC 5321 is held to the letter.
    tls: whether STARTTLS is offered. users: name to password; whoever else logs in is refused. anonymous:
    whether mail is taken from who has not logged in, None for: unless there are users. auth: the mechanisms
    offered. caps: changes to what EHLO advertises, as in a rule. limits: changes to Limits by name.
    """

    hostname: str | None = None
    seed: int | None = None
    unmatched: Unmatched | None = None
    lint: bool | None = None
    strict: bool | None = None
    tls: bool | None = None
    users: Mapping[str, str] = field(default_factory=dict, repr=False)  # a password shows up nowhere
    anonymous: bool | None = None
    auth: tuple[str, ...] = ()
    caps: tuple[str, ...] = ()
    limits: Mapping[str, float] = field(default_factory=dict)

    @property
    def closed(self) -> bool:
        """Whether mail is taken only from who has logged in (RFC 4954 section 6)."""
        return bool(self.users) if self.anonymous is None else not self.anonymous

    @property
    def limited(self) -> Limits:
        """The limits: the usual ones, with these changes."""
        return replace(Limits(), **self.limits)  # type: ignore[arg-type]  # counts and octets are whole numbers

    def over(self, other: Settings) -> Settings:
        """Return these settings, with the other's where these say nothing; users and limits are joined by name."""
        return Settings(**{one.name: _over(getattr(self, one.name), getattr(other, one.name)) for one in fields(self)})


def _over(mine: Any, others: Any) -> Any:
    if isinstance(mine, Mapping):
        return {**others, **mine}
    return others if mine is None or mine == () else mine
