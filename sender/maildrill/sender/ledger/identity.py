"""What makes a campaign the same campaign: the hash of everything that its messages are made of.

Rule: account, limits and retry policy may change between runs; what a recipient would read may not (invariant I42).
"""

from __future__ import annotations

import os
from functools import partial
from hashlib import blake2b

from maildrill.sender.campaign import Campaign
from maildrill.smtp import ConfigurationError

_BLOCK = 65536


def fingerprint(campaign: Campaign) -> str:
    """Return the hash of sender, subject, bodies, attachments, mode and seed; reads the attachments.

    Raises ConfigurationError for an attachment that cannot be read.
    """
    digest = blake2b(digest_size=16)
    reply_to = campaign.reply_to
    for part in (
        campaign.name,
        campaign.sender.name,
        campaign.sender.address,
        f"{reply_to.name} <{reply_to.address}>" if reply_to else None,
        campaign.subject,
        campaign.text,
        campaign.html,
        campaign.email,
        campaign.mode.value,
        str(campaign.seed),
    ):
        _feed(digest, None if part is None else part.encode("utf-8", "surrogatepass"))
    for path in campaign.attachments:
        _feed(digest, path.name.encode("utf-8", "surrogatepass"))
        try:
            with path.open("rb") as file:
                digest.update(b"%d:" % os.fstat(file.fileno()).st_size)
                for block in iter(partial(file.read, _BLOCK), b""):
                    digest.update(block)
        except OSError as error:
            raise ConfigurationError(f"cannot read attachment: {error.strerror}", where=str(path)) from None
    return digest.hexdigest()


def _feed(digest: blake2b, part: bytes | None) -> None:
    """Feed a part with its length, so that no two lists of parts are the same octets."""
    digest.update(b"-" if part is None else b"%d:" % len(part))
    digest.update(part or b"")
