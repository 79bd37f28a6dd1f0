"""What three witnesses say of one drill: the sender's ledger, the sender's log, the server's journal.

Values only; `drill` gathers them. Rule: an oracle sets one witness against another, never a witness against itself
where two are to be had.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import inf
from operator import attrgetter, itemgetter

from maildrill.scenarios.oracles.grouping import closed, grouped
from maildrill.scenarios.oracles.journaled import Asked, Connected, Taken, transactions_of
from maildrill.scenarios.oracles.letters import Letters
from maildrill.scenarios.oracles.mentions import Mentions
from maildrill.scenarios.oracles.packed import Events
from maildrill.scenarios.oracles.places import District, districts, places_of
from maildrill.scenarios.oracles.series import Series
from maildrill.scenarios.oracles.setbacks import Setback, Straight
from maildrill.scenarios.oracles.spoken import lines
from maildrill.scenarios.oracles.starts import renewals
from maildrill.sender.attempt import State, Verdict
from maildrill.sender.campaign import Campaign
from maildrill.sender.ledger.records import AttemptRecord, RecipientRecord
from maildrill.sender.lists.rows import SetAside
from maildrill.sender.log_event import LogEvent
from maildrill.sender.override import Override
from maildrill.sender.timeouts import Deadlines
from maildrill.smtp import Stage

#: What the log may have before anything of a run: the clock may be another one then.
BETWEEN_RUNS = frozenset({"run.started", "recipient.set_aside", "recipient.requeued", "recipient.settled"})
#: A command is on its way for less than this; more than any drill's network needs.
FLIGHT = 5.0
#: Events after which somebody may be left waiting, or may not any more.
_CAUTION = frozenset({"campaign.paused", "campaign.resumed", "canary.chosen", "canary.ended"})
#: Replies to RCPT that are final for the recipient and cannot mean "too many recipients" or "out of sequence".
_FINAL_AT_RCPT = frozenset({550, 551, 553, 554, 556})


@dataclass(frozen=True, kw_only=True, repr=False)  # asyncio writes out what a task returned; this may be megabytes
class Evidence:
    """All that the oracles look at.

    imported: the addresses of the list, as a reader of the list has them. resumed: sessions that a second run on the
    finished ledger began. report: what `--json` prints. composed: the octets that a recipient's message must have.
    unroutable: domains for whose mail there is no host, as the DNS of the drill has it.
    severed: the server's sessions in which octets may have been lost on the way (reset, or the sender gone first).
    connected: the server's connections, in the order of their beginning. rows: what the list says of each address.
    set_aside: entries of the list that get no message. deadlines: how long the sender waits for each reply.
    tls_required: the hosts to which mail may not go in clear. plaintext: the hosts to which a credential may.
    deaths: when the sender was killed (Unix seconds). setbacks: when the clock was put back.
    secrets: what must never be written anywhere. endless: why the drill was broken off, in words; empty: it ended.
    """

    campaign: Campaign
    imported: tuple[str, ...]
    recipients: tuple[RecipientRecord, ...]
    attempts: tuple[AttemptRecord, ...]
    events: Sequence[LogEvent]
    asked: tuple[Asked, ...]
    taken: tuple[Taken, ...]
    severed: frozenset[int] = frozenset()
    unroutable: frozenset[str] = frozenset()
    resumed: int = 0
    report: Mapping[str, object] = field(default_factory=dict)
    composed: Callable[[str], bytes]
    connected: tuple[Connected, ...] = ()
    rows: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    set_aside: tuple[SetAside, ...] = ()
    deadlines: Deadlines = field(default_factory=Deadlines)
    tls_required: frozenset[str] = frozenset()
    plaintext: frozenset[str] = frozenset()
    deaths: tuple[float, ...] = ()
    setbacks: tuple[Setback, ...] = ()
    secrets: tuple[str, ...] = ()
    endless: str = ""

    @cached_property
    def states(self) -> Mapping[str, State]:
        """The ledger's state of each address."""
        return {record.address: record.state for record in self.recipients}

    @cached_property
    def waiting(self) -> frozenset[str]:
        """Who may be left waiting when nothing is to be done: all if the campaign is paused, else who is no canary."""
        if self.endless:
            return frozenset(self.states)
        said = list(self.log.only(_CAUTION))
        if not said or said[-1].kind == "campaign.resumed" or said[-1].fields.get("goes_on"):
            return frozenset()
        if any(event.kind == "campaign.paused" for event in said):
            return frozenset(self.states)
        size = int(str(said[-1].fields["recipients"]))
        living = [one.address for one in self.recipients if one.state is not State.SUPPRESSED]
        return frozenset(living[size:])

    @cached_property
    def attempts_of(self) -> Mapping[str, tuple[AttemptRecord, ...]]:
        """The ledger's tries of each address, in the order in which they ended."""
        return grouped(self.attempts, attrgetter("recipient"))

    @cached_property
    def asked_for(self) -> Mapping[str, tuple[Asked, ...]]:
        """The server's RCPT commands for each address, in order; those that it did not even read left out."""
        named = grouped(self.by_stage.get(Stage.RCPT, ()), attrgetter("recipient"))
        named.pop("", None)
        return named

    @cached_property
    def refused_for_good(self) -> tuple[Asked, ...]:
        """The server's RCPT commands that got a final 5yz which the sender has read."""
        return tuple(
            asked
            for all_asked in self.asked_for.values()
            for asked in all_asked
            if asked.reply is not None and asked.reply.code in _FINAL_AT_RCPT and asked.session not in self.severed
        )

    @cached_property
    def taken_for(self) -> Mapping[str, tuple[Taken, ...]]:
        """The server's ends of data for each accepted address, in order."""
        groups: defaultdict[str, list[Taken]] = defaultdict(list)
        for taken in self.taken:
            for to in taken.recipients:
                groups[to].append(taken)
        return closed(groups)

    @cached_property
    def letters(self) -> Letters[Evidence]:
        """The messages that the server has, for whoever reads them."""
        return Letters(self, self.taken)

    @cached_property
    def transactions(self) -> Mapping[tuple[int, int], tuple[Asked, ...]]:
        """The server's commands by session and transaction, in order; those before the first MAIL left out."""
        return transactions_of(self.by_session)

    @cached_property
    def by_session(self) -> Mapping[int, tuple[Asked, ...]]:
        """The server's commands by session, in order."""
        return grouped(self.asked, attrgetter("session"))

    @cached_property
    def by_stage(self) -> Mapping[Stage, tuple[Asked, ...]]:
        """The server's commands by stage, in order."""
        return grouped(self.asked, attrgetter("stage"))

    @cached_property
    def log(self) -> Events:
        """The log's events, packed: each kind can be read without the others."""
        return Events.of(self.events)

    @property
    def by_kind(self) -> Mapping[str, Series]:
        """The log's events by kind, in order."""
        return self.log.kinds

    @cached_property
    def hosts(self) -> Mapping[int, str]:
        """The server's host of each of its sessions."""
        return {one.session: one.host for one in self.connected}

    @cached_property
    def districts(self) -> tuple[District, ...]:
        """The destinations, those together that share hosts."""
        return tuple(districts(places_of(self.campaign, self.attempts, self.by_kind)))

    @property
    def paced(self) -> bool:
        """Whether messages may have to wait for a turn: then a wait is no idleness."""
        limits = self.campaign.limits
        owns = (limits.each, *limits.destinations.values(), *(member.limits for member in self.campaign.members))
        asked = limits.rate or limits.group or limits.opening.hours or any(own.rate or own.warm_up for own in owns)
        learned = self.by_kind.get("limit.learned", ())
        return bool(asked) or any(event.fields["limit"] == "rate" for event in learned)

    def end_of(self, one: Connected) -> float:
        """When a connection was over for the sender, at the latest: it went after what it said last, unless told."""
        if one.session in self.severed:
            return min(one.closed, self.last_heard.get(one.session, one.opened))
        return one.closed

    @cached_property
    def closed(self) -> Mapping[int, float]:
        """When each of the server's sessions was over (Unix seconds)."""
        return {one.session: one.closed for one in self.connected}

    @cached_property
    def last_heard(self) -> Mapping[int, float]:
        """When the server last read a command in each of its sessions (Unix seconds)."""
        return {session: asked[-1].at for session, asked in self.by_session.items()}

    @property
    def lines(self) -> Iterator[tuple[float, tuple[object, str, str]]]:
        """The log's dialogue: the time of each line, and of which session it is, its mark and text; see `lines`."""
        return lines(self.log)

    def said_in(self, sessions: Container[object]) -> Mapping[object, tuple[float, ...]]:
        """Return when there was a line of the dialogue in each of some sessions, in order."""
        theirs = grouped(((of, at) for at, (of, _, _) in self.lines if of in sessions), itemgetter(0))
        return {session: tuple(at for _, at in group) for session, group in theirs.items()}

    @cached_property
    def ends(self) -> tuple[float, ...]:
        """When a run was ended before its time: it was asked to stop, killed, or paused."""
        told = (*self.by_kind.get("run.stopping", ()), *self.by_kind.get("campaign.paused", ()))
        return (*(event.at for event in told), *self.deaths)

    def found_at(self, attempt: AttemptRecord) -> float:
        """When a try was written down: at its end, or by a later run that found it in the middle of a transaction.

        A run that died before it could say so told the ledger alone; the next one finds it there, and says what it is.
        """
        if not self.ends or self.mentions.was_tried(attempt.recipient, attempt.ended):
            return attempt.ended
        tries = self.attempts_of[attempt.recipient]
        for event in self.mentions.found(attempt.recipient):
            run = self.mentions.run_of(event)
            earlier = (one for one in reversed(tries) if (one.run < run if self.turned_back else one.ended <= event.at))
            if next(earlier, None) is attempt:
                died = [death for death in self.deaths if attempt.ended <= death <= event.at]
                return event.at if event.kind == "recipient.recovered" else max(died, default=attempt.ended)
        return attempt.ended

    @cached_property
    def settled(self) -> Mapping[str, tuple[str, ...]]:
        """What an operator has said of a recipient whose message nobody knew the fate of: the states, in order."""
        said = grouped(self.by_kind.get("recipient.settled", ()), lambda event: str(event.fields["recipient"]))
        return {recipient: tuple(str(event.fields["state"]) for event in events) for recipient, events in said.items()}

    @property
    def turned_back(self) -> bool:
        """Whether the clock was put back between two runs: then no order of moments holds from one to the other."""
        return bool(self.setbacks)

    @cached_property
    def straight(self) -> Evidence:
        """The same by a clock that was never put back: for whoever asks who was before whom, or for how long."""
        if not self.setbacks:
            return self
        moved = Straight(self.setbacks)
        return replace(
            self,
            setbacks=(),
            attempts=tuple(moved.attempts(self.attempts)),
            events=Events.of(moved.events(self.events)),
            asked=tuple(moved.asked(self.asked)),
            taken=tuple(moved.taken(self.taken)),
            connected=tuple(moved.connected(self.connected)),
            deaths=tuple(moved.deaths(self.deaths)),
        )

    def tried_at(self, recipient: str, at: float) -> AttemptRecord | None:
        """Return the ledger's try for `recipient` that was under way at `at`, if there is one."""
        tries = self.attempts_of.get(recipient, ())
        for attempt in tries:
            if attempt.started <= at <= attempt.ended:
                return attempt
        return None

    def override_of(self, attempt: AttemptRecord) -> Override | None:
        """Return the campaign's override that a try was ruled by, as the ledger has it; None: by none."""
        return next((one for one in self.campaign.overrides.each if attempt.override == str(one)), None)

    def lifetime_began(self, recipient: str, at: float) -> float:
        """Return when the first of the tries began that share a lifetime with one at `at`; `at` where there is none."""
        since = max((moment for moment in self.renewals.get(recipient, ()) if moment <= at), default=-inf)
        tries = self.attempts_of.get(recipient, ())
        return next((attempt.started for attempt in tries if since <= attempt.started <= at), at)

    @cached_property
    def renewals(self) -> Mapping[str, tuple[float, ...]]:
        """When the log says that an operator, or the list, gave a recipient a new start, and with it a new lifetime."""
        return renewals(self.log, self._ran_out)

    def _ran_out(self, recipient: str, since: float, at: float) -> bool:
        """Whether the lifetime that began after `since` was over at `at`."""
        tries = self.attempts_of.get(recipient, ())
        began = next((attempt.started for attempt in tries if attempt.started >= since), inf)
        return began + self.campaign.retry.lifetime <= at

    @cached_property
    def mentions(self) -> Mentions:
        """What the log says of recipients beside their tries."""
        return Mentions(self.by_kind)

    @cached_property
    def _by_verdict(self) -> Mapping[Verdict, tuple[AttemptRecord, ...]]:
        return grouped(self.attempts, attrgetter("verdict"))

    def with_verdict(self, verdict: Verdict) -> Sequence[AttemptRecord]:
        """Return the ledger's tries that were ruled so."""
        return self._by_verdict.get(verdict, ())
