"""Invariant I54: every tag is filled, and with this recipient's value.

Rule: the message is read as a mail program reads it, not as it was made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from email import message_from_bytes
from email.header import decode_header, make_header
from html import escape

from maildrill.scenarios.oracles.evidence import Evidence
from maildrill.scenarios.oracles.invariant import Breach, Invariant, Witness
from maildrill.scenarios.oracles.journaled import Taken
from maildrill.scenarios.oracles.letters import Lot, Reader
from maildrill.sender.campaign import Mode
from maildrill.sender.merge.template import Tag, Template

#: So many messages are read, evenly spread: to read all of a hundred thousand would take longer than to send them.
_READ = 200


def merge_is_total(evidence: Evidence) -> Iterator[Breach]:
    """I54: each tag has a value in the list, or a default; that is what the server has, and no tag is left."""
    tags = _tags(evidence)
    everywhere = [tag for found in tags.values() for tag in found]
    if not everywhere:
        return
    merge = evidence.campaign.mode is Mode.MERGE
    needed = {tag.name for tag in everywhere if tag.default is None} if merge else set()
    for address, row in evidence.rows.items() if needed else ():
        for name in sorted(needed):
            if not row.get(name, "").strip():
                yield Breach(address, f"has nothing for the tag [{name}]")
    yield from evidence.letters.found(_unfilled)
    for taken in _spread([taken for taken in evidence.taken if taken.recipients]):
        row = evidence.rows.get(taken.recipients[0], {}) if merge else {}
        yield from _other_values(taken, tags, row)


def _unfilled(evidence: Evidence) -> Reader:
    names = {tag.name: None for found in _tags(evidence).values() for tag in found}
    marks = [(f"[{name}", f"[{name}".encode()) for name in names]

    def read(lot: Lot) -> Iterator[Breach]:
        near = [(mark, octets) for mark, octets in marks if octets in lot.together] if b"[" in lot.together else ()
        for taken, content in zip(lot.taken, lot.contents, strict=True) if near else ():
            there = [mark for mark, octets in near if octets in content]
            if there and not all(_is_said(mark, evidence, taken) for mark in there):
                yield Breach(next(iter(taken.recipients), ""), "was sent a message with a tag that nobody filled")

    return read


def _tags(evidence: Evidence) -> Mapping[str, Sequence[Tag]]:
    """Return the tags of the subject and of each part, by the part's type."""
    campaign = evidence.campaign
    sources = {"subject": campaign.subject, "text/plain": campaign.text or "", "text/html": campaign.html or ""}
    return {where: Template.parse(text, "", html=where == "text/html").tags for where, text in sources.items()}


def _is_said(mark: str, evidence: Evidence, taken: Taken) -> bool:
    """Whether a value of the recipient's own row looks like a tag: it is merged as it is."""
    own = evidence.rows.get(taken.recipients[0], {}) if taken.recipients else {}
    return any(mark in value for value in own.values())


def _other_values(taken: Taken, tags: Mapping[str, Sequence[Tag]], row: Mapping[str, str]) -> Iterator[Breach]:
    """Set what stands in the message against what the row has for each tag."""
    read = dict(_read(taken.content))
    for where, found in tags.items():
        text = _plain(read.get(where, ""))
        for tag in found:
            value = row.get(tag.name, "")
            wanted = (escape(value) if where == "text/html" else value) if value.strip() else tag.default or ""
            if _plain(wanted) not in text:
                yield Breach(taken.recipients[0], f"has another value for the tag [{tag.name}] in the {where}")
                return


def _read(content: bytes) -> Iterator[tuple[str, str]]:
    """Yield subject and text parts of a message as a mail program shows them."""
    message = message_from_bytes(content)
    yield "subject", str(make_header(decode_header(str(message["Subject"]))))
    for part in message.walk():
        octets = part.get_payload(decode=True)
        if part.get_content_maintype() == "text" and isinstance(octets, bytes):
            yield part.get_content_type(), octets.decode(part.get_content_charset("us-ascii"), "replace")


def _plain(text: str) -> str:
    """Return a text with any white space as one blank: lines are folded on the way."""
    return " ".join(text.split())


def _spread(taken: Sequence[Taken]) -> Iterable[Taken]:
    return taken[:: max(len(taken) // _READ, 1)]


MERGING = (
    Invariant(
        54,
        "merge is total",
        "Every tag is filled by the recipient's own row or by a default; none is empty by accident.",
        "maildrill",
        merge_is_total,
        (Witness.LIST, Witness.JOURNAL),
        _unfilled,
    ),
)
