"""Compose messages (RFC 5322) for the rows of a campaign: octets with CRLF, the same ones in every run.

Rule: Date and Message-ID are arguments, boundaries are hashes; what does not change from row to row is made once.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

from maildrill.sender import headers, mime
from maildrill.sender.campaign import Campaign, Mailbox, Mode
from maildrill.sender.lists.addresses import split_mailbox
from maildrill.sender.lists.rows import Row
from maildrill.sender.merge.preflight import refuse_tags, templates
from maildrill.sender.merge.template import Template
from maildrill.sender.octets import Content
from maildrill.sender.ready_text import ReadyText
from maildrill.smtp import ConfigurationError, domain_of
from maildrill.smtp.quickly import maker

_mailbox = maker(Mailbox)
#: Columns that hold the recipient's name for the To field, by their lower-case names; the first one wins.
NAME_COLUMNS = ("full name", "name")


def message_id(campaign: Campaign, row: Row | None) -> str:
    """Return the Message-ID (with its angle brackets) of a recipient; in batch mode all have the same (row None).

    It is a hash of the campaign's name and seed and of the address: the same in every attempt and every run,
    whatever becomes of template and list (RFC 5322 section 3.6.4; invariant I42).
    """
    whom = "" if row is None or campaign.mode is Mode.BATCH else row.address.casefold()
    digest = blake2b(_about(campaign.name, campaign.seed) + whom.encode("utf-8", "replace"), digest_size=16)
    return f"<{digest.hexdigest()}@{_domain(campaign.sender.address)}>"


@lru_cache(maxsize=16)
def _about(name: str, seed: int) -> bytes:
    """Return what the hashes of all Message-IDs of a campaign begin with."""
    return _text(name, seed, "message-id", "")


_domain = lru_cache(maxsize=16)(domain_of)  # of the sender: it is the same in each message of a campaign


class Composer:
    """Makes the messages of a campaign.

    Raises ConfigurationError for an attachment that cannot be read, and for a tag that batch mode cannot fill.
    """

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign
        self._subject, *bodies = templates(campaign)
        if campaign.mode is Mode.BATCH:
            for template in (self._subject, *bodies):
                refuse_tags(template, str(campaign.file))
        self._bodies = [_Body(template) for template in bodies]
        self._attachments = [_attached(path) for path in campaign.attachments]
        self._alone = self._bodies[0] if len(self._bodies) == 1 and not self._attachments else None
        tags = self._subject.tags
        self._same_subject = None if tags else headers.unstructured("Subject", self._subject.render({}))
        self._sender = headers.address("From", campaign.sender)
        if campaign.reply_to is not None:
            self._sender += headers.address("Reply-To", campaign.reply_to)
        self._alternative = f"=_{_hash(campaign, 'alternative')}"
        self._mixed = f"=_{_hash(campaign, 'mixed')}"

    def compose(self, row: Row | None, *, message_id: str, date: float) -> Content:
        """Return the message for a row, or for everybody (None, batch mode); all of them share large attachments.

        message_id: with angle brackets. date: Unix seconds. Everything is 7-bit but an internationalised address
        in From, Reply-To or To (RFC 6532). Raises ValueError for an address or id that could leave its line.
        """
        fields = {} if row is None else row.fields
        return Content.joined(
            [
                headers.date(date),
                self._sender,
                b"To: undisclosed-recipients:;\r\n" if row is None else headers.address("To", self._recipient(row)),
                self._same_subject or headers.unstructured("Subject", self._subject.render(fields)),
                headers.tokens("Message-ID", message_id),
                b"MIME-Version: 1.0\r\n",
                *((self._alone.part(fields),) if self._alone is not None else self._content(fields)),
            ]
        )

    def _content(self, fields: Mapping[str, str]) -> mime.Part:
        bodies = [(body.part(fields),) for body in self._bodies]
        content = bodies[0] if len(bodies) == 1 else mime.multipart("alternative", bodies, self._alternative)
        return mime.multipart("mixed", [content, *self._attachments], self._mixed) if self._attachments else content

    def _recipient(self, row: Row) -> Mailbox:
        fields = row.fields
        for column in _name_columns(tuple(fields)):
            if fields[column]:
                return _mailbox(fields[column], row.address)
        return _mailbox(split_mailbox(fields.get(self._campaign.email, ""))[0], row.address)


@lru_cache(maxsize=16)  # all rows of a list have the same columns
def _name_columns(columns: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of the columns that hold the recipient's name, the best one first."""
    named = {column.casefold(): column for column in columns}
    return tuple(named[column] for column in NAME_COLUMNS if column in named)


class _Body:
    """A text or HTML part; made once where it has no tags."""

    def __init__(self, template: Template) -> None:
        self._template = template
        self._subtype = "html" if template.html else "plain"
        self._static = None if template.tags else mime.text_part(self._subtype, template.render({}))
        self._ready = ReadyText(template)

    def part(self, fields: Mapping[str, str]) -> bytes:
        if self._static is not None:
            return self._static
        ready = self._ready.part(fields)
        return mime.text_part(self._subtype, self._template.render(fields)) if ready is None else ready


def _hash(campaign: Campaign, *about: str) -> str:
    return blake2b(_text(campaign.name, campaign.seed, *about), digest_size=16).hexdigest()


def _text(name: str, seed: int, *about: str) -> bytes:
    return "\0".join((name, str(seed), *about)).encode("utf-8", "replace")


def _attached(path: Path) -> mime.Part:
    try:
        with path.open("rb") as file:
            return mime.attachment_part(path.name, file.read)
    except OSError as error:
        raise ConfigurationError(f"cannot read the attachment: {error.strerror}", where=str(path)) from None
