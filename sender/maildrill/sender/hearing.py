"""What has been heard so far in one transaction, as it is being heard; `transaction()` makes a value of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import compress
from operator import attrgetter

from maildrill.sender.attempt import Broken, Transaction
from maildrill.smtp import Reply
from maildrill.smtp.quickly import maker

_transaction = maker(Transaction)
_positive = attrgetter("positive")


@dataclass(slots=True)
class Hearing:
    """The replies of a transaction under way; None: not asked yet, or not answered."""

    recipients: tuple[str, ...]
    mail: Reply | None = None
    rcpt: list[Reply] = field(default_factory=list)
    data: Reply | None = None
    early: Reply | None = None
    chunked: bool = False
    bdat: Reply | None = None
    dot: Reply | None = None
    dot_sent: bool = False

    @property
    def accepted(self) -> tuple[str, ...]:
        """The recipients whose RCPT got 2yz, in a transaction whose MAIL did."""
        if self.mail is None or not self.mail.positive:
            return ()
        return tuple(compress(self.recipients, map(_positive, self.rcpt)))

    @property
    def any_accepted(self) -> bool:
        """Whether any RCPT got 2yz, whatever MAIL got."""
        return any(map(_positive, self.rcpt))

    def transaction(self, broken: Broken | None) -> Transaction:
        """Return what was heard, and what broke the session, if anything did."""
        rcpt, silent = self.rcpt, len(self.recipients) - len(self.rcpt)
        return _transaction(
            recipients=self.recipients,
            mail=self.mail,
            rcpt=(*rcpt, *[None] * silent) if silent else tuple(rcpt),
            data=self.data,
            early=self.early,
            chunked=self.chunked,
            bdat=self.bdat,
            dot=self.dot,
            dot_sent=self.dot_sent,
            broken=broken,
        )
