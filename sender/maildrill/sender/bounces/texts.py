"""Bounces that are written for people only: which program wrote one, whom it names, and what it says. Pure.

A table of forms, each with what gives it away and how it names a recipient. Rule: what does not name somebody with an
address is no report; a guess would settle mail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from maildrill.sender.bounces.delivery_status import reply_in
from maildrill.sender.bounces.report import Kind, Report

_ADDRESS = r"[^\s<>@,;:\"']+@[^\s<>@,;:\"']+\.?[^\s<>@,;:\"'.)]"
_STATUS = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.]*\d)", re.ASCII)
_BLANKS = re.compile(r"\s+")
_LONGEST = 2000  # characters of a reason
_DELAY = re.compile(
    r"delayed|has not (yet )?been delivered|still being retried|will (continue to )?(be )?retr|"
    r"could not be delivered (yet|for)|warning: (could not|message)|not been able to deliver",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Form:
    """How a program writes bounces.

    mark: what gives it away. recipient: where the first group is an address; what is said of it goes from there to
    the next recipient, or to `end`.
    """

    name: str
    mark: re.Pattern[str]
    recipient: re.Pattern[str]
    end: re.Pattern[str] = re.compile(r"^-{3,}|^=+$|^Return-Path:|^Received:|^--- Below", re.MULTILINE)


def _form(name: str, mark: str, recipient: str, end: str | None = None) -> Form:
    found = Form(name, re.compile(mark, re.IGNORECASE), re.compile(recipient, re.MULTILINE | re.IGNORECASE))
    return (
        found if end is None else Form(name, found.mark, found.recipient, re.compile(end, re.MULTILINE | re.IGNORECASE))
    )


FORMS: tuple[Form, ...] = (
    _form("qmail", r"this is the (qmail-send|mail) program|qmail-send program", rf"^<({_ADDRESS})>:"),
    _form(
        "Exim",
        r"this message was created automatically by mail delivery software",
        rf"^ {{2,}}<?({_ADDRESS})>?(?: \(.*\))?$",
        r"^-{3,}|^Reporting-MTA:",
    ),
    _form(
        "Postfix",
        r"this is the (mail system|postfix program) at host|the mail system",
        rf"^<({_ADDRESS})>(?:\s*\(.*?\))?:",
    ),
    _form(
        "Sendmail",
        r"-{3,} the following addresses had|-{3,} transcript of session follows",
        rf"^<?({_ADDRESS})>?(?:\.\.\.)?\s*$",
        r"-{3,} transcript of session|-{3,} message header|-{3,} original message",
    ),
    _form(
        "Courier",
        r"this is a delivery status notification from \S+,\s+running the courier mail server|UNDELIVERABLE MAIL",
        rf"^<({_ADDRESS})>:?\s*$",
    ),
    _form(
        "Exchange",
        r"your message did not reach some or all of the intended recipients|delivery has failed to these recipients",
        rf"^\s*(?:'|<|\S.* \()?({_ADDRESS})(?:'|>|\))?(?: on .*)?\s*$",
    ),
    _form(
        "Gmail",
        r"delivery to the following recipients? (has )?(failed|been delayed)|address not found|"
        r"message (blocked|not delivered)",
        rf"(?:^\s*|delivered to |couldn.t be found\D{{0,40}})<?({_ADDRESS})>?",
    ),
    _form(
        "text",
        r"undeliver|could(n't| not) be delivered|delivery (has )?failed|failed to deliver|returned mail|"
        r"non remis|unzustellbar|no se pudo entregar",
        rf"<({_ADDRESS})>",
    ),
)


def reports_in(text: str, subject: str = "", failed: tuple[str, ...] = ()) -> Iterator[Report]:
    """Yield what a text for people says. failed: addresses that X-Failed-Recipients names, which need no text."""
    shown = text.replace("\r\n", "\n")
    form = next((one for one in FORMS if one.mark.search(f"{subject}\n{shown}")), None)
    kind = Kind.DELAYED if _DELAY.search(f"{subject}\n{shown}") and not failed else Kind.FAILED
    found = dict(_reasons(shown, form)) if form is not None else {}
    if failed:
        found = {address: found.get(address, _one_line(shown)) for address in failed}
    for address, why in found.items():
        status = _STATUS.search(why)
        yield Report(
            kind=kind,
            recipients=(address,),
            status=status[0] if status else "",
            reply=reply_in(why),
            why=why,
            form="X-Failed-Recipients" if form is None else form.name,
        )


def _reasons(text: str, form: Form) -> Iterator[tuple[str, str]]:
    """Yield the recipients that a text names, each with what is said of it."""
    mark = form.mark.search(text)
    places = list(form.recipient.finditer(text, mark.start() if mark else 0))
    if not places:
        return
    end = next((match.start() for match in form.end.finditer(text) if match.start() > places[0].end()), len(text))
    inside = [match for match in places if match.start() < end]
    for match, following in zip(inside, [*(one.start() for one in inside[1:]), end], strict=True):
        yield match[1].rstrip("."), _one_line(text[match.end() : following])


def _one_line(text: str) -> str:
    return _BLANKS.sub(" ", text).strip()[:_LONGEST]
