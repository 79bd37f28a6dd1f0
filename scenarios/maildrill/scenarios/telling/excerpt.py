"""The shortest dialogue that shows a breach: the transaction in which it happened, and the one before it. Pure.

Rule: nothing is left out without a word, but for what is said to all clients (greeting, EHLO) and to the neighbours of
a recipient in a batch.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from maildrill.sender.log_event import LogEvent
from maildrill.sender.summary import Spot
from maildrill.smtp import Stage, escape

#: Lines that are shown of one transaction; what is left out lies before them.
MOST_LINES = 40
_LATE = 1e-6  # what was said at the very moment counts as before it

_COMMANDS = {Stage.MAIL: "MAIL FROM:", Stage.DATA: "DATA", Stage.BDAT: "BDAT ", Stage.RSET: "RSET", Stage.QUIT: "QUIT"}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an excerpt: when it was said (Unix seconds; None for a remark of ours), escaped; marked: here it is."""

    at: float | None
    text: str
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What was said in one transaction: its session, and its number there."""

    session: object
    transaction: object
    lines: tuple[Line, ...]


@dataclass(slots=True)
class _Block:
    session: object
    transaction: object
    recipients: Sequence[object]
    lines: list[LogEvent] = field(default_factory=list)
    decided: int = 0  # how many lines there were when it was ruled what came of it


def excerpts(events: Iterable[LogEvent], recipient: str, spot: Spot | None) -> tuple[Excerpt, ...]:
    """Return the dialogue in which a breach happened, the last of it marked; empty where nobody spoke of it.

    recipient: an empty one stands for all. spot: when, and at which stage; None: at the end of the
    last try for the recipient.
    """
    blocks = [
        block
        for block in _blocks(events)
        if block.lines and (block.transaction is not None) and (not recipient or recipient in block.recipients)
    ]
    blamed = _blamed(blocks, spot) if recipient or spot else None
    if blamed is None:
        return ()
    before = [one for one in blocks[:blamed][-1:] if recipient or one.session == blocks[blamed].session]
    return (
        *(Excerpt(block.session, block.transaction, tuple(_lines(block, recipient, None))) for block in before),
        Excerpt(
            blocks[blamed].session,
            blocks[blamed].transaction,
            tuple(_lines(blocks[blamed], recipient, _marked(blocks[blamed], recipient, spot))),
        ),
    )


def _blocks(events: Iterable[LogEvent]) -> list[_Block]:
    """Return the dialogue by transaction, in the order in which these began."""
    found: list[_Block] = []
    current: dict[object, _Block] = {}
    for event in events:
        session = event.fields.get("session")
        if event.kind == "transaction.started":
            recipients = event.fields["recipients"]
            known = recipients if isinstance(recipients, list | tuple) else ()
            current[session] = _Block(session, event.fields["transaction"], known)
            found.append(current[session])
        elif event.kind == "line" and session in current:
            current[session].lines.append(event)
        elif event.kind == "attempt" and session in current:
            current[session].decided = current[session].decided or len(current[session].lines)
    return found


def _blamed(blocks: Sequence[_Block], spot: Spot | None) -> int | None:
    """Return the last block that had begun at the spot."""
    begun = [n for n, block in enumerate(blocks) if spot is None or block.lines[0].at <= spot.at + _LATE]
    return begun[-1] if begun else None


def _marked(block: _Block, recipient: str, spot: Spot | None) -> LogEvent:
    """Return the line where it went wrong: the last command of the spot's stage by then, else what was said then."""
    lines = block.lines
    if spot is None:
        return lines[block.decided - 1]
    said = [line for line in lines if line.at <= spot.at + _LATE] or lines[:1]
    if spot.stage is None:  # the moment is the log's own
        return next((line for line in said if line.at >= spot.at - _LATE), said[-1])
    words = f"RCPT TO:<{recipient}" if spot.stage is Stage.RCPT else _COMMANDS.get(spot.stage, ".")
    of_stage = [line for line in said if str(line.fields["text"]).startswith(words)]
    return (of_stage or said)[-1]


def _lines(block: _Block, recipient: str, marked: LogEvent | None) -> Iterator[Line]:
    """Yield the lines of a transaction without what was said of other recipients."""
    shown = list(_about(block.lines, recipient))
    last = next((n for n, line in enumerate(shown) if line is marked), len(shown) - 1)
    first = max(0, min(last - MOST_LINES + 1, len(shown) - MOST_LINES))
    if first:
        yield Line(None, f"… {first} lines before")
    others = len(block.recipients) - 1
    for line in shown[first:]:
        text = str(line.fields["text"])
        yield Line(line.at, f"{line.fields['mark']!s:>3} {escape(text)}".rstrip(), line is marked)
        if recipient and others > 0 and text.startswith("MAIL FROM:"):
            yield Line(None, f"… RCPT for {others} other recipient{'s' if others > 1 else ''}, too")


def _about(lines: Sequence[LogEvent], recipient: str) -> Iterator[LogEvent]:
    """Yield the lines but for RCPT commands of others and the replies to them; replies come in order of commands."""
    waiting: deque[bool] = deque()  # for each command without a reply, whether it is of another recipient
    for line in lines:
        mark, text = line.fields["mark"], str(line.fields["text"])
        if mark == "->":
            other = bool(recipient) and text.startswith("RCPT TO:<") and not text.startswith(f"RCPT TO:<{recipient}>")
            waiting.append(other)
        else:
            other = bool(waiting) and waiting[0] and mark != "==="
            if waiting and mark != "===" and text[3:4] != "-":
                waiting.popleft()
        if not other:
            yield line
