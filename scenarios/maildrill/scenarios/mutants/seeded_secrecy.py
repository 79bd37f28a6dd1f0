"""Defects of TLS and of secrets, seeded in the sender (I35, I36).

What a defect breaks is its name.
"""

from __future__ import annotations

from dataclasses import replace

from maildrill.scenarios.mutants.patching import Patching
from maildrill.sender.attempt import Broken
from maildrill.sender.capabilities import Capabilities
from maildrill.sender.credentials import Credentials
from maildrill.sender.setup import opening
from maildrill.sender.setup.authenticate import Login, log_in
from maildrill.sender.setup.scrub import Scrub
from maildrill.smtp import Mark, Scribe


def goes_on_in_clear_where_tls_is_refused(patch: Patching) -> None:
    patch.setattr(opening.Opening, "_no_tls", lambda *_: None)


def says_the_password_to_whoever_listens(patch: Patching) -> None:
    honest = log_in

    async def careless(way: Login, credentials: Credentials, capabilities: Capabilities) -> Broken | None:
        return await honest(way, replace(credentials, plaintext=True), capabilities)

    patch.setattr(opening, "log_in", careless)


def writes_down_what_it_says_of_a_password(patch: Patching) -> None:
    patch.setattr(Scribe, "sent", lambda _, *commands: [(Mark.SENT, command) for command in commands])


def believes_that_no_server_repeats_a_password(patch: Patching) -> None:
    patch.setattr(Scrub, "text", lambda _, text: text)
