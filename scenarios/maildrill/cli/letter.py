"""What a campaign's message looks like: charset, encoding, parts; read from one that is composed anew."""

from __future__ import annotations

from collections.abc import Iterable
from email import message_from_bytes
from email.message import Message

from maildrill.sender.campaign import Campaign, Mode
from maildrill.sender.ledger.store import Ledger
from maildrill.sender.message import Composer
from maildrill.sender.review.report import Pair


def letter_facts(campaign: Campaign, ledger: Ledger) -> list[Pair]:
    """Return subject, charset, encoding and parts of the message to the first recipient.

    Raises ConfigurationError where it cannot be made: a template or an attachment is gone.
    """
    row = None
    first = next(iter(ledger.recipients()), None)
    if campaign.mode is Mode.MERGE and first is not None:
        row, _ = ledger.addressee(first.key)
    content = Composer(campaign).compose(row, message_id="<report@maildrill.invalid>", date=ledger.created)
    message = message_from_bytes(content.outline())
    leaves = [part for part in message.walk() if not part.is_multipart()]
    texts = [part for part in leaves if part.get_content_maintype() == "text" and part.get_filename() is None]
    return [
        ("subject", campaign.subject),
        ("charset", _several(part.get_content_charset("us-ascii") for part in texts)),
        ("encoding", _several(_encoding(part) for part in leaves)),
        ("parts", ", ".join(_name(part) for part in leaves)),
    ]


def _several(words: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(words))


def _encoding(part: Message) -> str:
    return str(part.get("Content-Transfer-Encoding", "7bit")).lower()


def _name(part: Message) -> str:
    file = part.get_filename()
    return part.get_content_type() + (f" ({file})" if file else "")
