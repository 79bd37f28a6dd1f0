"""Write down what a server saw as the oracles read it, as it happens: its journal need not keep it.

Rule: nothing is judged here, and nothing of the sender's is used to explain what the server saw.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from dataclasses import replace
from functools import lru_cache
from sys import intern

from maildrill.fakeserver.journal.journal import Closed, Entry, Journal, Message, SessionRecord
from maildrill.scenarios.answered import Answered
from maildrill.scenarios.oracles import Asked, Connected, Taken
from maildrill.scenarios.oracles.shelf import Shelf
from maildrill.smtp import Stage
from maildrill.smtp.quickly import maker

_asked, _taken = maker(Asked), maker(Taken)  # made for each command, and for each message
#: Where the server answers octets of the message, not a command.
_WITHOUT_COMMAND = frozenset({Stage.BODY, Stage.DOT})
#: Where the whole message has been read.
_ENDS = frozenset({Stage.DOT, Stage.BDAT})
_PATH = re.compile("<([^<>]*)>")
_NONE: frozenset[str] = frozenset()
_MAIL, _RCPT, _BDAT, _BANNER = Stage.MAIL, Stage.RCPT, Stage.BDAT, Stage.BANNER  # found faster than in their class
#: Ends after which the sender may not have read all that was written to it.
_SEVERING = frozenset({Closed.RST, Closed.CLIENT, Closed.TIMEOUT, Closed.STOPPED})

#: Transactions of a session that a message may be of: the last ones before its end was read.
_REMEMBERED = 4


class Witness:
    """What one server saw. fired: the rules that acted. takes_no_mail: it greeted somebody with 521.

    commands: how many came, chunks left out, of which there are as many as the message is long. rcpt: those that were
    RCPT. most: how often one recipient was named.
    """

    def __init__(self, journal: Journal) -> None:
        self.fired: set[str] = set()
        self.takes_no_mail = False
        self.commands = self.rcpt = self.most = 0
        self._often: dict[str, int] = {}
        self._answered: dict[tuple[Stage, int, bool, str], int] = {}  # the arguments of Answered, and how often
        self._journal = journal
        self._shelf = Shelf()
        self._asked: list[Asked] = []
        self._taken: dict[int, Taken] = {}
        self._records: dict[int, SessionRecord] = {}
        self._transactions: dict[int, int] = {}
        self._begun: dict[int, deque[tuple[int, float, set[str]]]] = {}  # the last transactions of each session
        self._torn: dict[int, Entry] = {}  # of each session the end of data whose reply has no end yet
        self._last = 0.0
        self._eras: list[tuple[int, int, int]] = []
        journal.watch(self._see)

    @property
    def answered(self) -> Counter[Answered]:
        """How often it gave each kind of answer."""
        return Counter({Answered(*kind): count for kind, count in self._answered.items()})

    def clock_put(self) -> None:
        """Note that the clock is put to another time: what is seen from now on is later, whatever its moment says."""
        self._sessions()  # also those in which nothing was said yet
        self._eras.append((len(self._asked), max(self._taken, default=0), max(self._records, default=0)))

    def era(self, one: Asked | Taken | Connected, number: int) -> int:
        """Return how often the clock had been put to another time when the `number`-th of its kind, from 0, came."""
        kind = (Asked, Taken, Connected).index(type(one))
        return sum(era[kind] <= number for era in self._eras)

    def asked(self) -> tuple[Asked, ...]:
        """Return every command in the order in which it was read, with the transaction that it belongs to."""
        tls = {record.number for record in self._sessions() if record.tls}
        if not tls:
            return tuple(self._asked)
        starting = {one.session for one in self._asked if one.stage is Stage.STARTTLS}
        secure = tls - starting  # where nobody asked for TLS it was there from the first octet on
        found = []
        for one in self._asked:
            found.append(replace(one, secure=one.session in secure))
            if one.stage is Stage.STARTTLS and one.session in tls and one.reply is not None and one.reply.positive:
                secure.add(one.session)
        return tuple(found)

    def taken(self) -> tuple[Taken, ...]:
        """Return every end of data, in order; a server that takes what it refuses is marked as not honest."""
        for message in self._journal.messages:
            if message.number not in self._taken:
                self._take(message)
        return tuple(self._taken[number] for number in sorted(self._taken))

    def severed(self) -> frozenset[int]:
        """Return the sessions in which octets may have been lost on their way to the sender."""
        return frozenset(record.number for record in self._sessions() if record.closed in _SEVERING)

    def connected(self, host: str) -> tuple[Connected, ...]:
        """Return the connections in the order of their beginning; one that is still open ends with the journal."""
        found = (
            Connected(
                session=record.number,
                opened=record.opened,
                closed=self._last if record.closed_at is None else record.closed_at,
                host=host,
            )
            for record in self._sessions()
        )
        return tuple(found)

    def _sessions(self) -> list[SessionRecord]:
        for record in self._journal.sessions:
            self._records.setdefault(record.number, record)
        return [self._records[number] for number in sorted(self._records)]

    def _see(self, entry: Entry) -> None:
        """Take in an entry of the journal, which is as it stays by now."""
        stage, reply, session = entry.stage, entry.reply, entry.session
        if entry.rule not in self.fired:
            self.fired.add(entry.rule)
        if entry.at > self._last:  # noqa: PLR1730 - a third of the time of max
            self._last = entry.at
        if session not in self._records:
            record = self._journal.session(session)
            if record is not None:
                self._records[session] = record
        half = entry.half
        said = half if reply is None else reply
        kind = stage, 0 if said is None else said.code, reply is not said, entry.closed or ""
        self._answered[kind] = self._answered.get(kind, 0) + 1
        if stage is _BANNER and reply is not None and reply.code == 521:
            self.takes_no_mail = True
        if entry.command or (reply is not None and stage in _WITHOUT_COMMAND):
            self._ask(entry)
        if entry.message is not None:
            self._take(entry.message)
        if half is not None and entry.closed is None and stage in _ENDS:
            self._torn[session] = entry
        elif self._torn and reply is not None and session in self._torn:
            self._end(self._torn.pop(session))

    def _end(self, torn: Entry) -> None:
        """Write down that a reply which was said without its end has one now: that of what was said behind it.

        A line ends with the next CRLF, and its code is in front (RFC 5321 section 4.2): `250 queued421 bye` is a 250.
        """
        if torn.command:  # it is there, without a reply
            place = max(n for n, one in enumerate(self._asked) if (one.session, one.at) == (torn.session, torn.began))
            self._asked[place] = replace(self._asked[place], reply=torn.half)
        else:
            self._ask(replace(torn, reply=torn.half))
        if torn.message is not None and torn.half is not None:
            known = self._taken[torn.message.number]
            self._taken[torn.message.number] = replace(known, acknowledged=torn.half.positive)

    def _ask(self, entry: Entry) -> None:
        stage, session = entry.stage, entry.session
        transaction, named, parameters = self._transactions.get(session, 0), "", _NONE
        if stage is not _BDAT:
            self.commands += 1
        if stage is _MAIL:
            parameters = _parameters(entry.command)
            transaction = self._transactions[session] = transaction + 1
            if session not in self._begun:
                self._begun[session] = deque(maxlen=_REMEMBERED)
            self._begun[session].append((transaction, entry.began, set()))
        elif stage is _RCPT:
            parameters = _parameters(entry.command)
            named = intern(_named(entry.command) if entry.address is None else entry.address)
            self.rcpt += 1
            often = self._often[named] = self._often.get(named, 0) + 1
            if often > self.most:  # noqa: PLR1730 - a third of the time of max
                self.most = often
            if named and session in self._begun:
                self._begun[session][-1][2].add(named)
        self._asked.append(
            _asked(
                at=entry.began,
                session=session,
                transaction=transaction,
                stage=stage,
                recipient=named,
                reply=entry.reply,
                parameters=parameters,
                whole=stage is not _BDAT or entry.command.upper().endswith(" LAST"),
            )
        )

    def _take(self, message: Message) -> None:
        """Write down a message; once more where there is more to say of it."""
        self._taken[message.number] = _taken(
            at=message.at,
            session=message.session,
            transaction=self._transaction(message),
            recipients=tuple(map(intern, message.recipients)),
            content=self._shelf.put(message.content),
            committed=message.committed,
            acknowledged=message.acknowledged,
            honest=message.reply is None or message.reply.positive or not message.committed,
        )

    def _transaction(self, message: Message) -> int:
        """Return in which of a session's transactions a message came: the last one that was for all its recipients.

        Time alone does not tell: the dot and the next MAIL may come in one packet, behind a reply that was early.
        """
        latest = 0
        for number, at, named in reversed(self._begun[message.session]):
            if at <= message.at:
                if named.issuperset(message.recipients):
                    return number
                latest = latest or number
        return latest


def _named(command: str) -> str:
    """Return whom a RCPT that the server found malformed named: what stands in the brackets."""
    path = _PATH.search(command)
    return path[1] if path else ""


def _parameters(command: str) -> frozenset[str]:
    """Return the names of a command's parameters as they were said: a server that refuses them keeps none."""
    return _NONE if command[-1:] == ">" else _names(command)


@lru_cache(maxsize=1024)  # many commands of a campaign are the same
def _names(command: str) -> frozenset[str]:
    said = command.rpartition(">")[2]
    return frozenset(word.partition("=")[0].upper() for word in said.split())
