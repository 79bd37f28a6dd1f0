"""Invariants I52, I53 and I55: who is written to, and that nobody pays for our own set-up.

Rule: addresses are compared in a normal form of our own, not in the list reader's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from math import inf
from unicodedata import normalize

from maildrill.scenarios.oracles.evidence import Evidence
from maildrill.scenarios.oracles.invariant import Breach, Invariant, Witness
from maildrill.scenarios.oracles.journaled import Asked
from maildrill.sender.attempt import Verdict
from maildrill.sender.lists.rows import Reason
from maildrill.smtp import Stage

#: Where the dialogue is about us and not about a recipient, and the codes that say so anywhere (RFC 4954, 3207).
_SET_UP = frozenset({Stage.TLS, Stage.STARTTLS, Stage.AUTH, Stage.AUTH_STEP})
_OURS = frozenset({530, 534, 535, 538})


def normal_form(text: str) -> str:
    """Return what two spellings of one mailbox have in common: letter case, NFC, and how the domain is written."""
    address = text.rpartition("<")[2].partition(">")[0].strip()
    if address.isascii() and "xn--" not in address.lower():
        return address.lower()
    local, _, domain = normalize("NFC", address).rpartition("@")
    with suppress(UnicodeError):  # no name that the DNS knows: compared as it is
        domain = domain.encode("idna").decode("ascii")
    return f"{local.casefold()}@{domain.casefold()}"


def suppressed(evidence: Evidence) -> Iterator[Breach]:
    """I52: set the entries that a suppression list set aside against the journal's RCPT commands."""
    evidence = evidence.straight
    out = {normal_form(one.value): -inf for one in evidence.set_aside if one.reason is Reason.SUPPRESSED}
    for event in evidence.by_kind.get("recipient.set_aside", ()):  # in an earlier run it may not yet have been so
        if event.fields["reason"] == Reason.SUPPRESSED.value:
            out[normal_form(str(event.fields["value"]))] = event.at
    for address, asked in evidence.asked_for.items() if out else ():
        since = out.get(normal_form(address), inf)
        if asked[-1].at >= since and not _was_under_way(evidence, asked[-1], since):
            yield Breach(address, "is suppressed, and RCPT named it")


def _was_under_way(evidence: Evidence, asked: Asked, since: float) -> bool:
    """Whether a command may have been said before `since`, and read behind it: its session was dropped meanwhile."""
    opened = next((one.opened for one in evidence.connected if one.session == asked.session), inf)
    return asked.session in evidence.severed and opened < since


def dedupe(evidence: Evidence) -> Iterator[Breach]:
    """I53: nobody is in the ledger under two spellings, and every row that was left out is in log and report."""
    seen: dict[str, str] = {}
    for record in evidence.recipients:
        other = seen.setdefault(normal_form(record.address), record.address)
        if other != record.address:
            yield Breach(record.address, f"is in the ledger as {other}, too")
    aside = Counter(one.reason.value for one in evidence.set_aside)
    logged = Counter(str(event.fields["reason"]) for event in evidence.by_kind.get("recipient.set_aside", ()))
    told = evidence.report.get("set_aside", {})
    for reason in Reason:
        counts = (aside[reason.value], logged[reason.value], told.get(reason.value, 0) if isinstance(told, dict) else 0)
        if len(set(counts)) > 1:
            yield Breach("", f"{counts} {reason.value}: so many rows were left out by list, log and report")


def account_hold(evidence: Evidence) -> Iterator[Breach]:
    """I55: no try that ended in our own set-up is counted, and none burns anybody."""
    for attempt in evidence.attempts:
        code = attempt.reply.code if attempt.reply else 0
        ours = attempt.stage in _SET_UP or (code in _OURS and attempt.stage is not Stage.RCPT)
        if (ours or attempt.verdict is Verdict.HELD) and (
            attempt.counted or attempt.verdict not in (Verdict.HELD, Verdict.RELEASED)
        ):
            yield Breach(attempt.recipient, f"is {attempt.verdict} for a fault of our own set-up ({attempt.row})")


LISTING = (
    Invariant(
        52,
        "suppressed",
        "A suppressed address is in no RCPT, however it is spelled.",
        "RFC 5321 section 2.3.11",
        suppressed,
        (Witness.LIST, Witness.JOURNAL),
    ),
    Invariant(
        53,
        "dedupe",
        "One mailbox is one recipient, however it is spelled; each row that was left out is reported.",
        "RFC 5321 section 2.4",
        dedupe,
        (Witness.LIST, Witness.LEDGER, Witness.LOG, Witness.REPORT),
    ),
    Invariant(
        55,
        "account hold",
        "When TLS, AUTH or the sender's address is refused nobody's attempt is counted and nobody fails.",
        "RFC 4954 section 6",
        account_hold,
        (Witness.LEDGER,),
    ),
)
