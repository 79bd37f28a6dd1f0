"""What a server may say: replies by stage, from real servers, success first (RFC 5321 section 4.3.2)."""

from __future__ import annotations

from hypothesis import strategies as st

from maildrill.fakeserver.language.script_words import CLOSING
from maildrill.smtp import Stage

_CLOSING = str(CLOSING)
#: What real servers answer at each stage, success first (delivery-semantics, RFC 5321 section 4.3.2).
REPLIES: dict[Stage, tuple[str, ...]] = {
    Stage.BANNER: ("220 mx ESMTP", "421 4.3.2 try later", "450 busy", "554 5.3.2 no service here"),
    Stage.EHLO: ("421 4.3.2 try later", "451 4.3.0 not now", "502 5.5.1 not implemented", "550 5.7.1 go away"),
    Stage.MAIL: (
        "250 2.1.0 ok",
        "421 4.7.0 rate limit",
        "450 4.3.2 busy",
        "451 4.3.0 error in processing",
        "452 4.3.1 system storage full",
        "501 5.5.4 syntax error",
        "550 5.7.1 sender refused",
        "552 5.3.4 too big",
    ),
    Stage.RCPT: (
        "250 2.1.5 ok",
        "251 2.1.5 will forward",
        "252 2.1.5 will try",
        "450 4.2.1 busy",
        "451 4.7.1 greylisted\nplease come back",
        "452 4.2.2 mailbox full",
        "452 4.5.3 too many recipients",
        "452 try later",
        "421 4.3.2 closing",
        "550 5.1.1 no such user",
        "551 5.1.6 moved",
        "552 5.2.2 over quota",
        "552 too many recipients",
        "553 5.1.3 bad name",
        "556 5.1.10 no mail here",
    ),
    Stage.DATA: (
        "354 go ahead",
        "421 4.3.2 closing",
        "451 4.3.0 error in processing",
        "503 5.5.1 no valid recipients",
        "554 5.5.1 no valid recipients",
        "550 5.7.1 refused",
    ),
    Stage.BDAT: (
        "250 2.0.0 go on",
        "421 4.3.2 closing",
        "451 4.3.0 error in processing",
        "452 4.3.1 system storage full",
        "503 5.5.1 no valid recipients",
        "554 5.5.1 no valid recipients",
        "552 5.3.4 too big",
    ),
    Stage.BODY: ("421 4.3.2 closing", "451 4.3.0 error in processing", "552 5.3.4 too big"),
    Stage.DOT: (
        "250 2.0.0 queued",
        "251 2.0.0 forwarded",
        "421 4.3.2 closing",
        "450 4.2.1 busy",
        "451 4.3.0 error in processing",
        "452 4.3.1 system storage full",
        "550 5.7.1 refused",
        "552 5.3.4 too big",
        "554 5.6.0 bad content",
    ),
    Stage.RSET: ("250 2.0.0 ok", "421 4.3.2 closing", "500 5.5.1 what"),
    Stage.QUIT: ("221 2.0.0 bye", "421 4.3.2 closing", "500 5.5.1 what"),
}


def replies(stage: Stage | None = None) -> st.SearchStrategy[str]:
    """Texts of replies that real servers give at `stage`; None: at any. They shrink to a success."""
    if stage is None:
        return st.sampled_from(tuple(REPLIES)).flatmap(replies)
    return st.sampled_from(REPLIES[stage])


def refusals_of_each_class(stage: Stage, *, or_none: bool) -> st.SearchStrategy[str | None]:
    """The refusals among them, 4yz, 421 and 5yz equally often; or_none: None, too, for what the server says itself."""
    kinds: dict[str, list[str | None]] = {"": [None]} if or_none else {}
    for text in REPLIES[stage]:
        if text[0] in "45":
            kinds.setdefault(_CLOSING if text.startswith(_CLOSING) else text[0], []).append(text)
    return st.sampled_from(list(kinds.values())).flatmap(st.sampled_from)


def closings(stage: Stage) -> st.SearchStrategy[str]:
    """The texts among them with which a server closes the connection: 421 (RFC 5321 section 3.8)."""
    return st.sampled_from([text for text in REPLIES[stage] if text.startswith(_CLOSING)])
