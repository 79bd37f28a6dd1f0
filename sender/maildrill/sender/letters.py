"""The message for a batch, the same octets in every attempt and every run (invariant I42).

Rule: Message-ID, row and Date come from the ledger, whatever has become of the list since.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from maildrill.sender.campaign import Campaign, Mode
from maildrill.sender.ledger import Ledger
from maildrill.sender.message import Composer, message_id
from maildrill.sender.octets import Content
from maildrill.sender.plan import Waiting
from maildrill.smtp.quickly import maker, quickly

#: Composed messages kept for the next attempt, in octets of their own: most are refused before one of them is sent.
KEPT = 32 * 2**20


@quickly
@dataclass(frozen=True, slots=True)
class Letter:
    """A message ready for the wire: its Message-ID, its octets, and their hash."""

    message_id: str
    content: Content
    body_hash: str


_letter = maker(Letter)


class Letters:
    """Composes letters, and keeps as many as there is room for until they are forgotten."""

    def __init__(self, campaign: Campaign, composer: Composer, ledger: Ledger) -> None:
        self._campaign = campaign
        self._composer = composer
        self._ledger = ledger
        self._kept: dict[int, Letter] = {}
        self._room = KEPT

    def letter(self, batch: Sequence[Waiting]) -> Letter:
        """Return the message for these recipients: in merge mode there is one of them."""
        key = batch[0].key if self._campaign.mode is Mode.MERGE else 0
        kept = self._kept.get(key)
        if kept is not None:
            return kept
        letter = self._composed(key)
        if letter.content.own <= self._room:
            self._room -= letter.content.own
            self._kept[key] = letter
        return letter

    def forget(self, key: int) -> None:
        """Make room: this recipient gets no further attempt."""
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._room += kept.content.own

    def _composed(self, key: int) -> Letter:
        row, identity = self._ledger.addressee(key) if key else (None, message_id(self._campaign, None))
        content = self._composer.compose(row, message_id=identity, date=self._ledger.created)
        return _letter(identity, content, content.digest())
