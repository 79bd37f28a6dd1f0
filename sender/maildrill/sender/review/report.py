"""The report in MaxBulk's four parts: program, delivery, timing and results, message; and who did not get it.

Values, and the page of text. Pure. What a stranger said or wrote is escaped where it is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from maildrill.sender.attempt import State
from maildrill.sender.campaign import Campaign, RouteKind
from maildrill.sender.ledger.records import Pause
from maildrill.sender.review.facts import Facts, Trouble
from maildrill.sender.review.status import why
from maildrill.sender.review.table import of, table
from maildrill.sender.summary import STATES
from maildrill.smtp import escape, timestamp
from maildrill.smtp.quantity import format_duration

MOST_DOMAINS = 20
MOST_REPLIES = 12
MOST_TROUBLES = 50
_KINDS = {
    RouteKind.ROTATION: "several accounts in rotation",
    RouteKind.FAILOVER: "the first account that works",
    RouteKind.DIRECT: "direct, to the hosts of each domain",
}
NOT_KNOWN = "not known without the campaign file"

#: What is said in a part of the report: what it is, and its value.
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that a report says. made: Unix seconds. program: part 1. message: part 4; values are not escaped."""

    facts: Facts
    made: float
    program: Sequence[Pair]
    message: Sequence[Pair]
    campaign: Campaign | None = None

    @property
    def delivery(self) -> list[Pair]:
        """Part 2: how it was sent."""
        facts, campaign = self.facts, self.campaign
        used = f"{facts.most_at_once} at once used, {of(facts.sessions, 'session')} with a try"
        if campaign is None:
            relays = [("server", relay) for relay in facts.relays]
            return [("connections", used), ("servers", f"{len(relays)}"), *relays]
        limits = campaign.limits
        servers = [("server", f"{one.account.relay}{_named(one.account.name)}") for one in campaign.members]
        servers = servers or [("server", relay) for relay in facts.relays]
        kind = "one account" if len(campaign.members) == 1 else _KINDS[campaign.route.kind]
        return [
            ("connections", f"{limits.connections} at once set, {used}"),
            ("servers", f"{len(servers)}, delivery: {kind}"),
            *servers,
            ("group", f"{limits.group} messages" if limits.group else "none"),
            ("interval", format_duration(limits.interval) if limits.group else "none"),
            ("rate", str(limits.rate) if limits.rate else "as fast as it goes"),
        ]

    @property
    def results(self) -> list[Pair]:
        """Part 3: when, how long, and what it came to."""
        facts, states = self.facts, self.facts.total.states
        rest = ", ".join(f"{states[one]:,} {one}" for one in (State.FAILED, State.EXPIRED, State.UNKNOWN))
        aside = ", ".join(f"{count:,} {reason}" for reason, count in facts.set_aside.items())
        ends = [run.ended for run in facts.runs if run.ended is not None]
        last = f", the last one ended {timestamp(max(ends))}" if ends else ""
        took = sum((run.ended - run.started) for run in facts.runs if run.ended is not None)
        pairs = [
            ("begun", timestamp(facts.created)),
            ("runs", f"{len(facts.runs)}{last}"),
            ("took", format_duration(round(took))),
            ("delivered", f"to a total of: {of(states[State.DELIVERED], 'recipient')}"),
            ("not delivered", f"{facts.undelivered:,} ({rest})"),
            ("still to be sent", f"[{facts.left:,} of {facts.total.recipients:,}]"),
            ("errors", f"{facts.total.attempts - states[State.DELIVERED]:,} tries that count and did not deliver"),
            ("tries", f"{facts.total.attempts:,}, and {facts.released:,} that were not about the recipient"),
            ("set aside from the list", aside or "nobody"),
            *map(_paused, facts.pauses),
        ]
        if facts.requeued:
            pairs.append(("requeued by an operator", f"{facts.requeued:,}"))
        pairs += [
            ("changed by your override", f"{tries:,} of the tries ({one})") for one, tries in facts.overrides.items()
        ]
        return pairs

    @property
    def parts(self) -> list[tuple[str, Sequence[Pair]]]:
        """The four parts, each with its title."""
        return [
            ("Program", self.program),
            ("Delivery", self.delivery),
            ("Timing and results", self.results),
            ("Message", self.message),
        ]


def _paused(pause: Pause) -> Pair:
    until = (
        "still is; `maildrill send --resume` goes on" if pause.resumed is None else f"until {timestamp(pause.resumed)}"
    )
    what = f"{of(pause.recipients, 'recipient')} in a row refused after the dot"
    said = f"{pause.reply.code} {pause.reply.text}".rstrip()
    return "paused", f"{timestamp(pause.at)}, {until}: {what}: {said}"


def words(trouble: Trouble) -> str:
    """Return the server's own words to a recipient that did not get it, else what happened; not escaped."""
    one = trouble.recipient
    if one.reply is not None:
        return f"{one.reply.code} {one.reply.text}".rstrip()
    return why(one)


def render_report(report: Report, *, width: int = 0) -> str:
    """Return the page, lines of text with a line end each; width: of the terminal, 0 for none."""
    blocks = [[f'Delivery report of the campaign "{escape(report.facts.campaign)}", {timestamp(report.made)}']]
    for number, (title, pairs) in enumerate(report.parts, 1):
        blocks.append([f"{number}. {title}", *(f"   {name}: {escape(value)}" for name, value in pairs)])
        if number == 3:
            blocks += [_domains(report.facts, width), _replies(report.facts, width)]
    blocks.append(_troubles(report.facts))
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _named(name: str) -> str:
    return f" ({name})" if name else ""


def _domains(facts: Facts, width: int) -> list[str]:
    shown = [state for state in STATES if facts.total.states[state] or state in (State.DELIVERED, State.FAILED)]
    listed = list(facts.domains.items())[:MOST_DOMAINS]
    rows = [["domain", "recipients", *(state.value for state in shown), "tries"]]
    for name, count in [*listed, ("total", facts.total)]:
        numbers = [count.recipients, *(count.states[state] for state in shown), count.attempts]
        rows.append([escape(name), *(f"{number:,}" for number in numbers)])
    more = len(facts.domains) - len(listed)
    if more:
        rows.insert(-1, [f"({more:,} more)", *[""] * (len(rows[0]) - 1)])
    return table(rows, width=width)


def _replies(facts: Facts, width: int) -> list[str]:
    if not facts.replies:
        return []
    rows = [[f"{one.count:,}", one.stage.value, escape(one.said)] for one in facts.replies[:MOST_REPLIES]]
    lines = table([["count", "stage", "most frequent replies"], *rows], text=frozenset({1, 2}), width=width)
    more = len(facts.replies) - len(rows)
    return [*lines, f"({more:,} more)"] if more else lines


def _troubles(facts: Facts) -> list[str]:
    if not facts.troubles:
        return []
    lines = [
        f"{one.recipient.state}: <{escape(one.recipient.address)}> {escape(words(one))}"
        for one in facts.troubles[:MOST_TROUBLES]
    ]
    more = len(facts.troubles) - len(lines)
    return ["Who did not get it", *lines, *([f"({more:,} more: --format csv has all)"] if more else [])]
