"""Whom a campaign is for, and how it is sent: lists as people hand them in, and campaigns."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Any

from hypothesis import strategies as st

from maildrill.scenarios.scenario import ADDRESS, LINE, listed, usual_campaign
from maildrill.scenarios.strategies.features import EVERYTHING, Features
from maildrill.scenarios.strategies.ruling import DOMAINS
from maildrill.sender.campaign import (
    DEFAULT_CHUNK,
    LEAST_CHUNK,
    Campaign,
    Limits,
    Mode,
    RetryPolicy,
    UnknownPolicy,
)
from maildrill.sender.dsn import DsnRequest

_Row = tuple[str, str]

#: Spellings of one mailbox each, the first one as it would be written.
_SPELLINGS = (
    ("a@one.example", "A@one.example", "a@ONE.example", "Ann <a@one.example>", " a@one.example "),
    ("b@two.example", "b@Two.Example", "<b@two.example>"),
)
_INTERNATIONAL = (
    "a@b\u00fccher.example",
    "a@xn--bcher-kva.example",
    "\u00e4nn@one.example",
    "a\u0308nn@one.example",
    "a@\u4f8b\u5b50.example",
)
_EVIL_ADDRESSES = (
    "nobody",
    "",
    "a@one.example\nRCPT TO:<b@evil.example>",
    "a@one.example\r\nBcc: b@evil.example",
    "<a@one.example> SIZE=1",
    "a@one.example, b@one.example",
    '"a b"@one.example',
    "a@[192.0.2.1]",
)
#: Characters from which on a text is a long one.
_LONG = 1000
_EVIL_NAMES = ("Ann\r\nBcc: b@evil.example", "\r\n.\r\n", '"', "=1+1", "\u202eAnn", "x" * 1000)


def _addresses() -> st.SearchStrategy[str]:
    return st.builds("{}@{}".format, st.sampled_from("abcdefgh"), st.sampled_from(DOMAINS))


def _plain(most: int) -> st.SearchStrategy[str]:
    return st.lists(_addresses(), min_size=1, max_size=most, unique=True).map(listed)


def _rows(one: st.SearchStrategy[_Row], most: int, *, head: _Row | None = None) -> st.SearchStrategy[str]:
    first = [] if head is None else [head]
    return st.lists(one, min_size=1, max_size=max(most - len(first), 1)).map(lambda rows: _written([*first, *rows]))


def _written(rows: Iterable[_Row]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows([(ADDRESS, "Name"), *rows])
    return written.getvalue()


#: The kinds of lists, the plainest first.
LISTS = ("plain", "duplicates", "international", "hostile")


@cache
def lists(*kinds: str, most: int = 6) -> st.SearchStrategy[str]:
    """Lists of up to `most` rows as CSV, of these kinds (words of LISTS; none: any); they shrink to one recipient.

    Somebody in each of them can be written to. Raises KeyError for a word that is none of LISTS.
    """
    spelled = st.sampled_from(_SPELLINGS).flatmap(st.sampled_from)
    names = st.sampled_from(("", "Ann"))
    evil = st.tuples(st.sampled_from((*_EVIL_ADDRESSES, "b@one.example")), st.sampled_from((*_EVIL_NAMES, "")))
    known = {
        "plain": _plain(most),
        "duplicates": _rows(st.tuples(spelled, names), most, head=("a@one.example", "")),
        "international": _rows(st.tuples(st.sampled_from(_INTERNATIONAL), names), most),
        "hostile": _rows(evil, most, head=("a@one.example", "")),
    }
    return st.one_of([known[kind] for kind in kinds or LISTS])


@cache
def campaigns(features: Features = EVERYTHING) -> st.SearchStrategy[Campaign]:
    """Campaigns in both modes, under both policies for Unknown, with all limits down to one; most end within a day.

    They shrink to the usual one (catalogue/campaign.toml). features: words of `features.ASPECTS`.
    """
    usual = usual_campaign()
    text = usual.text or ""
    texts = (text, ".\n..\n.\r\n", text + LINE * 1000, "Dear [Name|friend],\n")
    limits = st.builds(
        Limits,
        connections=st.integers(1, 3),
        messages_per_connection=st.sampled_from((usual.limits.messages_per_connection, 1, 2, 3)),
        recipients_per_transaction=st.sampled_from((usual.limits.recipients_per_transaction, 1, 2, 3)),
    )
    retry = st.builds(
        RetryPolicy,
        schedule=st.just((600.0, 1800.0, 7200.0)),
        cap=st.just(7200.0),
        jitter=st.sampled_from((0.0, 0.2)),
        lifetime=st.sampled_from((12 * 3600.0, 3600.0)),
        unknown=st.sampled_from(UnknownPolicy),
    )
    return st.builds(
        _campaign,
        text=st.sampled_from([one for one in texts if len(one) < _LONG or "long" in features]),
        retry=st.one_of(st.just(usual.retry), retry, retry, retry) if "policy" in features else st.just(usual.retry),
        limits=limits if "limits" in features else st.just(usual.limits),
        mode=st.sampled_from(tuple(Mode) if "batch" in features else (usual.mode,)),
        seed=st.integers(0, 3),
        dsn=st.sampled_from((None, DsnRequest()) if "reports" in features else (None,)),
        chunk=st.sampled_from((0, LEAST_CHUNK, DEFAULT_CHUNK) if "chunks" in features else (0,)),
    )


def _campaign(**said: Any) -> Campaign:
    return replace(usual_campaign(), **said)
