"""Invariants I57 to I59: content that is refused pauses a campaign, nothing less does, and a canary goes alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from maildrill.scenarios.oracles.evidence import FLIGHT, Evidence
from maildrill.scenarios.oracles.invariant import Breach, Invariant, Witness
from maildrill.scenarios.oracles.retrying import GRAIN
from maildrill.sender.attempt import State, Verdict
from maildrill.sender.ledger.records import AttemptRecord
from maildrill.smtp import EnhancedStatus, Stage


def nothing_after_the_pause(evidence: Evidence) -> Iterator[Breach]:
    """I57: the ledger's refusals after the dot, counted here, against the MAIL commands of the journal."""
    limit = evidence.campaign.limits.pause_after
    resumed = _resumed(evidence)
    for last, count in refused_in_a_row(evidence.attempts, resumed, strict=True):
        if not 0 < limit <= count:
            continue
        until = min((at for at in resumed if at > last.ended), default=float("inf"))
        begun = [one for one in evidence.by_stage.get(Stage.MAIL, ()) if last.ended + FLIGHT < one.at < until]
        if begun:
            said = f"{count} recipients in a row got {last.reply} after the dot"
            yield Breach("", f"{said}, and {len(begun)} more messages were begun")
            return


def no_pause_for_less(evidence: Evidence) -> Iterator[Breach]:
    """I58: each pause that the log speaks of against the ledger's refusals; words without digits must be the same."""
    limit = evidence.campaign.limits.pause_after
    rows = [
        (last.ended, count) for last, count in refused_in_a_row(evidence.attempts, _resumed(evidence), strict=False)
    ]
    for since in sorted({float(str(event.fields["since"])) for event in evidence.by_kind.get("campaign.paused", ())}):
        most = max((count for at, count in rows if abs(at - since) < GRAIN), default=0)
        if not 0 < limit <= most:
            yield Breach("", f"is paused after the same reply for {most} recipients in a row; {limit} are needed")


def canary_alone(evidence: Evidence) -> Iterator[Breach]:
    """I59: set the RCPT commands of the journal against the first recipients of the list, until the rest is next."""
    for chosen in evidence.by_kind.get("canary.chosen", ()):
        ended = (one for one in evidence.by_kind.get("canary.ended", ()) if one.number > chosen.number)
        later = (one for one in evidence.by_kind.get("run.started", ()) if one.number > chosen.number)
        until = min((one.at for one in (*ended, *later) if one.fields.get("goes_on", True)), default=float("inf"))
        size = int(str(chosen.fields["recipients"]))
        living = [one for one in evidence.imported if evidence.states.get(one) is not State.SUPPRESSED]
        for address in living[size:]:
            if any(chosen.at <= one.at < until for one in evidence.asked_for.get(address, ())):
                yield Breach(address, f"was sent to, and is none of the first {size}")


def refused_in_a_row(
    attempts: Iterable[AttemptRecord], resumed: Sequence[float], *, strict: bool
) -> Iterator[tuple[AttemptRecord, int]]:
    """Yield each refusal after the dot, and to how many recipients in a row the same had been said by then.

    resumed: when an operator had the campaign go on; the count begins anew then. strict: the same to the letter; else
    but for words that may differ from mail to mail.
    """
    said, who, before = None, set[str](), float("-inf")
    for one in attempts:
        if one.verdict is Verdict.DELIVERED or any(before <= at < one.ended for at in resumed):
            said, who = None, set()
        before = one.ended
        if one.verdict is not Verdict.FAILED or not _at_the_end(one) or one.reply is None or one.reply.klass != 5:
            continue
        now = (one.reply.code, one.reply.text if strict else _words(one.reply.text))
        if now != said:
            said, who = now, set()
        who.add(one.recipient)
        yield one, len(who)


def _resumed(evidence: Evidence) -> list[float]:
    return [event.at for event in evidence.by_kind.get("campaign.resumed", ())]


def _at_the_end(attempt: AttemptRecord) -> bool:
    """Whether the whole message had been sent: its dot, or the last chunk, which is ruled as the dot is."""
    return attempt.stage is Stage.DOT or (attempt.stage is Stage.BDAT and attempt.row.startswith("dot-"))


def _words(text: str) -> str:
    """Return the enhanced status code, and the words that are no address, number or queue id."""
    status = EnhancedStatus.leading(text)
    words = (word for word in text.split() if word.isalpha())
    return " ".join([str(status or ""), *words])


CAUTION = (
    Invariant(
        57,
        "content pause",
        "When so many recipients in a row got the same 5yz to the dot, nothing is begun until an operator says so.",
        "RFC 5321 section 4.2.1",
        nothing_after_the_pause,
        (Witness.LEDGER, Witness.JOURNAL, Witness.LIST),
    ),
    Invariant(
        58,
        "no pause for less",
        "A campaign is paused only when so many recipients got the same reply to the dot, with no delivery among them.",
        "RFC 5321 section 4.2.1",
        no_pause_for_less,
        (Witness.LOG, Witness.LEDGER, Witness.LIST),
    ),
    Invariant(
        59,
        "canary",
        "While a canary is out only the first recipients of the list are sent to.",
        "maildrill",
        canary_alone,
        (Witness.JOURNAL, Witness.LOG, Witness.LIST),
    ),
)
