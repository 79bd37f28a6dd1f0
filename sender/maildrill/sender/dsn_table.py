"""Read the table [dsn] of a campaign: which reports are asked for. Raises ConfigurationError with file and line."""

from __future__ import annotations

from maildrill.sender.dsn import DsnRequest, Notify, Ret
from maildrill.smtp import did_you_mean, escape
from maildrill.smtp.document import Table

_WORDS = tuple(Notify)


def read_dsn(table: Table) -> DsnRequest:
    """Return what a table [dsn] asks for; whatever it leaves out is not asked for, but for ENVID and ORCPT."""
    request = DsnRequest(
        notify=_notify(table),
        ret=Ret(table.choice("ret", [*Ret])) if table.has("ret") else None,
        envid=table.flag("envid", default=True),
        orcpt=table.flag("orcpt", default=True),
    )
    table.finish()
    return request


def _notify(table: Table) -> tuple[Notify, ...]:
    """NEVER, or some of the others, each once and in one order."""
    said = table.texts("notify") if table.has("notify") else None
    for word in said or ():
        if word not in _WORDS:
            table.fail(
                "notify",
                f'"{escape(word)}" in dsn.notify',
                expected="one of: " + " ".join(_WORDS),
                hint=did_you_mean(word, _WORDS),
            )
    if said == ():
        hint = "leave the key out to have what the server does unasked"
        table.fail("notify", "dsn.notify is empty", expected='"never", or some of: success failure delay', hint=hint)
    words = tuple(word for word in Notify if word in (said or ()))
    if Notify.NEVER in words and len(words) > 1:
        hint = f"RFC 3461 section 4.1; leave out never, or {words[1]}"
        table.fail(
            "notify", f"dsn.notify has never beside {words[1]}", expected='"never" alone, or the others', hint=hint
        )
    return words
