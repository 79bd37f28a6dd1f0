"""What a report changes: whose it is, where that recipient stands now, and whether to write to them again. Pure.

Rule 1: only Message-ID and ENVID say that a report is about our message; an address alone may be somebody else's.
Rule 2: a report moves only what was Unknown, or what a server had taken: nobody is failed who was never sent to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from maildrill.sender.attempt import State
from maildrill.sender.bounces.report import Kind, Report, Returned
from maildrill.sender.classification import Classifier
from maildrill.sender.dsn import EnvelopeId, message_of
from maildrill.sender.ledger.records import RecipientRecord

#: What a report that all went well makes of a recipient whose message may be there.
_ARRIVED = frozenset({Kind.DELIVERED, Kind.RELAYED, Kind.EXPANDED, Kind.AUTOMATIC, Kind.COMPLAINT})
#: What a permanent failure is about where writing again is in vain.
_IN_VAIN = frozenset({"unknown-user", "bad-address", "mailbox-disabled", "moved", "dns"})
#: The word for a bare enhanced status code (RFC 3463 sections 3.2 and 3.3).
_BY_STATUS: Mapping[str, str] = MappingProxyType(
    {
        "5.1.1": "unknown-user",
        "5.1.2": "dns",
        "5.1.3": "bad-address",
        "5.1.6": "moved",
        "5.2.1": "mailbox-disabled",
    }
)
_SAYS: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.FAILED: "bounced",
        Kind.DELAYED: "delayed on the way",
        Kind.DELIVERED: "reported as delivered",
        Kind.RELAYED: "reported as handed on",
        Kind.EXPANDED: "reported as delivered to a list",
        Kind.COMPLAINT: "the recipient complained",
        Kind.AUTOMATIC: "answered automatically",
    }
)


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a report comes to for a recipient of ours.

    state: where it stands from now on, None where that does not change. reason: in words. suppress: why no further
    campaign should write to it, "" where one may. envelope_id: the try that the report is about, where ENVID says it.
    """

    record: RecipientRecord
    report: Report
    state: State | None
    reason: str
    suppress: str = ""
    envelope_id: EnvelopeId | None = None


#: The recipients of ours whose message is called so: by its Message-ID, or by what stands for that in an ENVID.
Finder = Callable[[str], Iterable[RecipientRecord]]


def names_of(message_id: str) -> tuple[str, str]:
    """Return what a report may call a message of ours."""
    return message_id, message_of(message_id)


def named_in(returned: Returned) -> tuple[str, ...]:
    """Return what a report calls the message that it is about, the surest name first.

    The ENVID is the envelope's own; a Message-ID may stand in a quotation that somebody has edited.
    """
    envelope_id = EnvelopeId.read(returned.envelope_id)
    return (*((envelope_id.message,) if envelope_id else ()), *returned.message_ids)


def whose(returned: Returned, report: Report, find: Finder) -> RecipientRecord | None:
    """Return the recipient that a report is about, None where that is nobody of ours or cannot be told."""
    named = {_plain(address) for address in report.recipients}
    for name in named_in(returned):
        ours = list(find(name))
        by_name = [record for record in ours if _plain(record.address) in named]
        if by_name:
            return by_name[0]
        if len(ours) == 1:  # it was forwarded: the message is this recipient's alone
            return ours[0]
    return None


def settle(
    record: RecipientRecord, report: Report, classifier: Classifier, envelope_id: EnvelopeId | None = None
) -> Settlement:
    """Return what a report makes of a recipient. envelope_id: of the try that it is about, where that is known."""
    status = f" {report.status}" if report.status else ""
    said = str(report.reply) if report.reply is not None else report.why
    reason = f"{_SAYS[report.kind]}{status}" + (f": {said}" if said else "")
    return Settlement(record, report, _state(record, report.kind), reason, _suppress(report, classifier), envelope_id)


def _state(record: RecipientRecord, kind: Kind) -> State | None:
    sent = record.state is State.DELIVERED
    open_question = record.doubtful and record.state in (State.UNKNOWN, State.DEFERRED, State.PENDING, State.EXPIRED)
    if kind is Kind.FAILED:
        return State.FAILED if sent or open_question else None
    return State.DELIVERED if kind in _ARRIVED and open_question else None


def _suppress(report: Report, classifier: Classifier) -> str:
    if report.kind is Kind.COMPLAINT:
        return "complained"
    permanent = report.status[:1] != "4" and (report.reply is None or report.reply.klass != 4)
    if report.kind is not Kind.FAILED or not permanent:
        return ""
    category = classifier.classify(report.reply, detail=f"{report.status} {report.why}").category.name
    if category not in _IN_VAIN and report.reply is None:
        category = _BY_STATUS.get(report.status, category)
    return f"bounced: {category}" if category in _IN_VAIN else ""


def _plain(address: str) -> str:
    return address.casefold()
