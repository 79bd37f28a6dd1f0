"""MTA-STS (RFC 8461): a domain says by DNS and HTTPS that its mail goes through TLS only. Pure.

Rule 1: what is malformed is no policy; a domain without one is as it was. Rule 2: a policy that is kept holds until its
max_age is over, though nobody can fetch it anew: else who can cut us off could switch it off (section 3.3).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

_FIELD = re.compile(r"[ \t]*([A-Za-z0-9][A-Za-z0-9_.-]{0,31})[ \t]*:[ \t]*(.*?)[ \t]*", re.DOTALL)
_RECORD = re.compile(r"v=STSv1[ \t]*(?:;[ \t]*[A-Za-z0-9][A-Za-z0-9_.-]*[ \t]*=[ \t]*[!-:<>-~]+[ \t]*)+;?[ \t]*")
_ID = re.compile(r"id[ \t]*=[ \t]*([A-Za-z0-9]{1,32})")
_HOST = re.compile(r"(?:\*\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?")
#: About a year: a longer max_age counts as this one (section 3.2).
LONGEST = 31_557_600.0
#: Octets of a policy that are read (section 3.3 has 64 kilobytes as a limit that is large enough).
MOST_OCTETS = 65536


class StsMode(StrEnum):
    """What is asked of who sends to the domain (section 5)."""

    ENFORCE = "enforce"
    TESTING = "testing"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy. hosts: names and patterns of the domain's MX hosts, in lower case. max_age: seconds."""

    mode: StsMode
    hosts: tuple[str, ...]
    max_age: float

    def allows(self, host: str) -> bool:
        """Whether a host is one of the domain's: by its name, or by `*.` in place of its first label (section 4.1)."""
        name = host.lower().rstrip(".")
        return name in self.hosts or f"*.{name.partition('.')[2]}" in self.hosts


@dataclass(frozen=True, slots=True)
class Kept:
    """A policy as it is kept. id: that of the record when it was fetched. until: Unix seconds."""

    policy: Policy
    id: str
    until: float


def policy_id(records: Iterable[str]) -> str:
    """Return the id that the TXT records of `_mta-sts.DOMAIN` tell, "" where there is no one record of MTA-STS.

    Records that begin otherwise do not count, two that begin right are none (section 3.1).
    """
    found = [record for record in records if record.startswith("v=STSv1")]
    if len(found) != 1 or not _RECORD.fullmatch(found[0]):
        return ""
    ids = [match[1] for part in found[0].split(";") if (match := _ID.fullmatch(part.strip(" \t")))]
    return ids[0] if ids else ""


def parse_policy(text: str) -> Policy:
    """Read a policy file (section 3.2); of a key that comes twice the first counts. Raises ValueError."""
    said: dict[str, str] = {}
    hosts: list[str] = []
    for line in re.split(r"\r?\n", text):
        if not line.strip():
            continue
        match = _FIELD.fullmatch(line)
        if match is None:
            raise ValueError("a line of the policy is no key and value")
        if match[1] == "mx":
            hosts.append(match[2].lower().rstrip("."))
        else:
            said.setdefault(match[1], match[2])
    mode, age = said.get("mode", ""), said.get("max_age", "")
    if said.get("version") != "STSv1":
        raise ValueError("the policy's version is not STSv1")
    if mode not in tuple(StsMode):
        raise ValueError("the policy's mode is none")
    if not (age.isascii() and age.isdigit() and len(age) <= 10):
        raise ValueError("the policy's max_age is no number of seconds")
    if not all(map(_HOST.fullmatch, hosts)) or (not hosts and mode != StsMode.NONE):
        raise ValueError("the policy names no hosts, or one that is none")
    return Policy(StsMode(mode), tuple(hosts), min(float(age), LONGEST))


def holds(kept: Kept | None, told: str, now: float) -> bool:
    """Whether a kept policy is to be used as it is. told: the id of the record now; "": nothing was told."""
    return kept is not None and now < kept.until and told in ("", kept.id)
