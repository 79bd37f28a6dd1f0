"""Read a campaign from TOML, whole and checked: a campaign that loads can be sent.

Rules: paths are relative to the file; every error names file and line; templates are parsed here once so that a broken
tag is found at load time (whether the list can fill it is for `merge.preflight`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from maildrill.sender.account_file import account_named, accounts_path, read_accounts
from maildrill.sender.account_table import read_account
from maildrill.sender.campaign import (
    DEFAULT_CHUNK,
    LEAST_CHUNK,
    Account,
    Campaign,
    Chunking,
    Mailbox,
    Mode,
    RetryPolicy,
    UnknownPolicy,
)
from maildrill.sender.dsn_table import read_dsn
from maildrill.sender.lists.addresses import parse_mailbox
from maildrill.sender.merge.template import Template
from maildrill.sender.override_table import read_overrides
from maildrill.sender.retry import PRESETS
from maildrill.sender.route_file import read_limits, read_route
from maildrill.smtp import ConfigurationError, escape
from maildrill.smtp.document import Table, parse_document, read_text
from maildrill.smtp.quantity import DURATION_WORDS, parse_duration

_T = TypeVar("_T")
_DEFAULT_PRESET = "rfc5321"


def read_campaign(path: Path) -> Campaign:
    """Return the campaign in a TOML file; raises ConfigurationError with file and line."""
    return campaign_of(parse_document(read_text(path, "campaign"), str(path)), path)


def campaign_of(document: Table, path: Path) -> Campaign:
    """Return the campaign that a document says, as if it were the file `path`; raises ConfigurationError."""
    base = path.resolve().parent
    about = document.table("campaign")
    recipients = document.table("list")
    message = document.table("message")
    attachments = tuple(_file(message, "attachments", item, base) for item in message.texts("attachments", ()))
    named, accounts_file = _named(document, about, base)
    account, route = read_route(document, lambda table: read_account(table, base), named)
    campaign = Campaign(
        name=_line_of_text(about, "name"),
        sender=_mailbox(about, "from"),
        reply_to=_mailbox(about, "reply_to") if about.has("reply_to") else None,
        subject=_subject(about),
        mode=Mode(about.choice("mode", [*Mode], Mode.MERGE)),
        seed=about.number("seed", 0),
        account=account,
        route=route,
        list_file=_file(recipients, "file", recipients.text("file"), base),
        email=_line_of_text(recipients, "email"),
        suppress=tuple(_file(recipients, "suppress", item, base) for item in recipients.texts("suppress", ())),
        text=_body(message, "text", base),
        html=_body(message, "html", base),
        attachments=attachments,
        retry=_retry(document.table("retry")),
        limits=read_limits(document),
        chunk=_chunk(message),
        dsn=read_dsn(document.table("dsn")) if document.has("dsn") else None,
        overrides=read_overrides(
            document, _file(about, "rules", about.text("rules"), base) if about.has("rules") else None
        ),
        file=path.resolve(),
        accounts_file=accounts_file,
    )
    if campaign.text is None and campaign.html is None:
        message.fail(None, "message has neither text nor html", expected='text = "letter.txt" or html = "letter.html"')
    for table in (about, recipients, message, document):
        table.finish()
    return campaign


def _named(document: Table, about: Table, base: Path) -> tuple[tuple[Account, ...], Path | None]:
    """The accounts of the accounts file that the campaign names, and the file; none where it has one of its own."""
    told = about.text("accounts") if about.has("accounts") else ""
    if "account" not in document or isinstance(document.raw("account"), dict):
        return (), None
    names = document.texts("account")
    if not names:
        document.fail("account", "account is an empty list", expected="the names of accounts")
    file = base / told if told else accounts_path(base)
    accounts = read_accounts(file)
    where = document.where("account")
    return tuple(account_named(name, accounts, where, file) for name in dict.fromkeys(names)), file


def _chunk(table: Table) -> int:
    """How much goes at a time by BDAT; 0 where everything goes by DATA."""
    auto = table.choice("chunking", [*Chunking], Chunking.OFF) == Chunking.AUTO
    if not table.has("chunk"):
        return DEFAULT_CHUNK if auto else 0
    size = table.size("chunk")
    if not auto:
        table.fail("chunk", "message.chunk without chunking", expected='chunking = "auto" beside it')
    if size < LEAST_CHUNK:
        expected = f"{LEAST_CHUNK} octets or more: each chunk waits for its reply"
        table.fail("chunk", f"message.chunk is {size} octets", expected=expected)
    return size


def _retry(table: Table) -> RetryPolicy:
    """A preset, or a schedule of one's own; cap, jitter, lifetime and unknown override either."""
    if table.has("preset") and table.has("schedule"):
        table.fail("schedule", "retry has a preset and a schedule", expected="one of the two")
    if table.has("schedule"):
        schedule = _schedule(table)
        base = RetryPolicy(schedule=schedule, cap=schedule[-1])
    else:
        base = PRESETS[table.choice("preset", PRESETS, _DEFAULT_PRESET)]
    policy = RetryPolicy(
        schedule=base.schedule,
        cap=_cap(table, base.cap),
        jitter=_jitter(table, base.jitter),
        lifetime=table.duration("lifetime", base.lifetime),  # 0s: one attempt
        unknown=UnknownPolicy(table.choice("unknown", [*UnknownPolicy], base.unknown)),
    )
    table.finish()
    return policy


def _schedule(table: Table) -> tuple[float, ...]:
    delays: list[float] = []
    for text in table.texts("schedule"):
        seconds = _said(table, "schedule", parse_duration, text)
        if seconds <= 0 or (delays and seconds < delays[-1]):
            problem = "is no time at all" if seconds <= 0 else "is shorter than the delay before it"
            table.fail("schedule", f'"{escape(text)}" in retry.schedule {problem}', expected="delays that never fall")
        delays.append(seconds)
    if not delays:
        table.fail("schedule", "retry.schedule is empty", expected='delays such as ["5m", "30m", "2h"]')
    return tuple(delays)


def _cap(table: Table, default: float) -> float:
    seconds = table.duration("cap", default)
    if seconds <= 0:
        table.fail("cap", "retry.cap is no time at all", expected=DURATION_WORDS)
    return seconds


def _jitter(table: Table, default: float) -> float:
    share = table.fraction("jitter", default)
    if share == 1:  # a delay could be none
        table.fail("jitter", "retry.jitter is 1", expected="a number from 0 to less than 1")
    return share


def _line_of_text(table: Table, key: str) -> str:
    """A required text of one line that says something."""
    text = table.text(key)
    if not text.strip() or not text.isprintable():
        table.fail(key, f'"{key}" is "{escape(text)}"', expected="a line of text")
    return text.strip()


def _subject(table: Table) -> str:
    subject = table.text("subject")
    _parse_inline(table, "subject", subject, html=False)
    return subject


def _mailbox(table: Table, key: str) -> Mailbox:
    return _said(table, key, parse_mailbox, table.text(key), 'as in "Ann Bee <ann@example.org>"')


def _body(table: Table, key: str, base: Path) -> str | None:
    """The template under text or html: written there when it has a line break, else in the file that it names."""
    if not table.has(key):
        return None
    value = table.text(key)
    html = key == "html"
    if "\n" in value:
        _parse_inline(table, key, value, html=html)
        return value
    path = _file(table, key, value, base)
    text = read_text(path, f"message.{key}")
    Template.parse(text, str(path), html=html)
    return text


def _parse_inline(table: Table, key: str, text: str, *, html: bool) -> None:
    """Refuse a broken tag in a template that stands in the campaign file itself."""
    try:
        Template.parse(text, key, html=html)
    except ConfigurationError as error:
        # Where in the value is said in words: the value's lines are not the file's (escapes, an opening line break).
        line = error.where.rpartition(":")[2]
        table.fail(key, f"{error.what} (line {line} of {key})", expected=error.expected, hint=error.hint)


def _file(table: Table, key: str, name: str, base: Path) -> Path:
    path = base / name
    if not name or not path.is_file():
        hint = f"it is looked for in {base}; a text of its own needs a line break" if key in ("text", "html") else ""
        table.fail(
            key, f'file "{escape(name)}" not found', expected="a file, relative to the campaign", hint=hint or str(base)
        )
    return path


def _said(table: Table, key: str, parse: Callable[[str], _T], text: str, example: str = "") -> _T:
    """Parse a text; what the parser says of it becomes a located error."""
    try:
        return parse(text)
    except ValueError as error:
        if example:
            table.fail(key, f'"{key}" is "{escape(text)}": {_lower(str(error))}', expected=f"an address, {example}")
        table.fail(key, f'"{key}" holds "{escape(text)}"', expected=str(error))


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
