"""Try an account: everything up to the first MAIL, with what the server showed of itself, and a verdict.

Rule: no mail is sent; a certificate that is not trusted is looked at in a connection of its own, without AUTH.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, replace

from maildrill.sender.attempt import Broken, Fault, Verdict
from maildrill.sender.campaign import Account
from maildrill.sender.dialogue import Session
from maildrill.sender.disposition import judge_setup
from maildrill.sender.security import Security
from maildrill.sender.session import open_session
from maildrill.sender.timeouts import Deadlines
from maildrill.smtp import Clock, OnSaid, Stage, timestamp

_OK, _NOT_NOW, _NOT_IN, _WRONG = 0, 75, 77, 78  # of sysexits: EX_TEMPFAIL, EX_NOPERM, EX_CONFIG
#: A person waits.
PATIENT = Deadlines(connect=30, banner=60, ehlo=60, starttls=60, tls=30, auth=60, quit=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """What came of it. report: lines for people. broken: why no mail could be sent; None: it could."""

    account: Account
    report: tuple[str, ...]
    capabilities: tuple[str, ...]
    broken: Broken | None
    row: str

    @property
    def exit_code(self) -> int:
        """0; 77 for AUTH, 78 where the account must be changed, 75 where it may work later."""
        if self.broken is None:
            return _OK
        held = judge_setup(self.broken, [""])[0].verdict is Verdict.HELD
        if not held:
            return _NOT_NOW
        return _NOT_IN if self.broken.stage is Stage.AUTH and self.broken.fault is not Fault.IN_CLEAR else _WRONG

    def to_json(self) -> dict[str, object]:
        """Return it for programs."""
        broken = self.broken
        return {
            "account": self.account.name,
            "works": broken is None,
            "stage": broken.stage.value if broken else None,
            "reply": str(broken.reply) if broken and broken.reply else None,
            "detail": broken.detail if broken else None,
            "row": self.row or None,
            "capabilities": list(self.capabilities),
            "exit": self.exit_code,
        }


async def try_account(account: Account, *, clock: Clock, on_said: OnSaid, deadlines: Deadlines = PATIENT) -> Tested:
    """Open a session as a campaign would, look at it, and quit."""
    name = socket.gethostname()
    found = await open_session(
        account,
        clock=clock,
        deadlines=deadlines,
        on_said=on_said,
        local_hostname=name if "." in name and name.isascii() else "[127.0.0.1]",
    )
    report: list[str] = []
    if isinstance(found, Session):
        report += _certificates(found.certificates)
        offers = tuple(f"{word} {rest}".rstrip() for word, rest in found.capabilities.keywords.items())
        report += [f"offers: {', '.join(offers) or 'nothing'}"]
        await found.quit()
        report += [f"{account.label} works: mail could be sent"]
        return Tested(account=account, report=tuple(report), capabilities=offers, broken=None, row="")
    row = judge_setup(found, [""])[0].row
    if found.stage is Stage.TLS and found.fault in (Fault.CERTIFICATE, Fault.POLICY):
        report += _certificates(await _shown(account, clock, deadlines))
    why = found.detail or (str(found.reply) if found.reply else str(found.fault))
    report += [f"{account.label} does not work: {found.stage}: {why} (row {row})"]
    return Tested(account=account, report=tuple(report), capabilities=(), broken=found, row=row)


async def _shown(account: Account, clock: Clock, deadlines: Deadlines) -> tuple[bytes, ...]:
    """Return the certificates that the server shows, whoever it is."""
    security = Security(mode=account.security.mode, verify=False)
    found = await open_session(
        replace(account, security=security, auth=None),
        clock=clock,
        deadlines=deadlines,
        on_said=lambda *_: None,
        local_hostname="[127.0.0.1]",
    )
    if isinstance(found, Broken):
        return ()
    await found.quit()
    return found.certificates


def _certificates(chain: tuple[bytes, ...]) -> list[str]:
    if not chain:
        return []
    from maildrill.sender.setup.certificates import facts_of  # noqa: PLC0415 - slow to load

    lines = []
    for n, one in enumerate(chain):
        facts = facts_of(one)
        lines += [
            f"certificate {n + 1}: {facts.subject}, issued by {facts.issuer}",
            f"  for {', '.join(facts.names) or 'no name'}",
            f"  valid from {timestamp(facts.begins)} to {timestamp(facts.ends)}",
            f"  {facts.own}",
            f"  {facts.key}",
        ]
    return lines
