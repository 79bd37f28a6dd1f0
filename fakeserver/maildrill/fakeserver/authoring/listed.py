"""Which reply codes servers give at which stage, and who says so: the RFCs, or servers that were heard to.

The table informs the lint: what is not in it is unusual, not impossible. The source of a row is the document that
lists the codes for that command; "seen" are common servers that go beyond it. Pure.
"""

from __future__ import annotations

from maildrill.smtp import Stage

_COMMANDS = (
    Stage.HELO,
    Stage.EHLO,
    Stage.STARTTLS,
    Stage.AUTH,
    Stage.AUTH_STEP,
    Stage.MAIL,
    Stage.RCPT,
    Stage.DATA,
    Stage.BDAT,
    Stage.RSET,
    Stage.NOOP,
    Stage.VRFY,
    Stage.QUIT,
    Stage.UNKNOWN,
)
_TABLE = "RFC 5321 section 4.3.2"

_ROWS: tuple[tuple[tuple[Stage, ...], tuple[int, ...], str], ...] = (
    ((Stage.BANNER,), (220, 554), _TABLE),
    ((Stage.HELO, Stage.EHLO), (250, 502, 504, 550), _TABLE),
    ((Stage.MAIL,), (250, 451, 452, 455, 503, 550, 552, 553, 555), _TABLE),
    ((Stage.RCPT,), (250, 251, 450, 451, 452, 455, 503, 550, 551, 552, 553, 555), _TABLE),
    ((Stage.DATA,), (354, 450, 451, 452, 503, 550, 552, 554), _TABLE),
    ((Stage.DOT, Stage.BODY), (250, 450, 451, 452, 550, 552, 554), _TABLE),
    ((Stage.RSET, Stage.NOOP), (250,), _TABLE),
    ((Stage.VRFY,), (250, 251, 252, 502, 504, 550, 551, 553), _TABLE),
    ((Stage.QUIT,), (221,), _TABLE),
    ((Stage.UNKNOWN,), (211, 214, 250, 252, 502, 504, 550), _TABLE),
    (_COMMANDS, (421, 500, 501), _TABLE),
    ((Stage.BANNER, Stage.DOT, Stage.BODY, Stage.IDLE), (421,), "RFC 5321 section 3.8"),
    ((Stage.UNKNOWN, Stage.HELO, Stage.EHLO), (503,), "RFC 5321 section 4.1.4"),
    ((Stage.RCPT,), (252,), "RFC 5321 section 3.5.3, of what cannot be verified"),
    ((Stage.STARTTLS,), (220, 454, 501), "RFC 3207 section 4"),
    ((Stage.STARTTLS,), (502, 503, 554), "RFC 5321 section 4.2.4 and 4.1.4, of what is not offered or out of place"),
    ((Stage.AUTH, Stage.AUTH_STEP), (235, 334, 432, 454, 500, 501, 534, 535, 538), "RFC 4954 sections 4 and 6"),
    ((Stage.AUTH,), (502, 503, 504, 530, 550), "RFC 4954 section 4"),
    ((Stage.AUTH_STEP,), (501, 504, 550), "RFC 4954 section 4"),
    ((Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.BDAT, Stage.VRFY), (530,), "RFC 4954 section 6 and RFC 3207 section 4"),
    ((Stage.MAIL, Stage.RCPT), (452, 552), "RFC 1870 sections 6.1 and 6.2"),
    ((Stage.BDAT,), (250, 450, 451, 452, 503, 550, 552, 554), "RFC 3030 section 2"),
    ((Stage.MAIL,), (450, 501, 504), "RFC 6647 section 2.1 and RFC 6152 section 2"),
    ((Stage.BANNER, Stage.HELO, Stage.EHLO), (521,), "RFC 7504 section 3"),
    ((Stage.MAIL, Stage.RCPT), (556,), "RFC 7504 section 4 and RFC 7505 section 4.2"),
    ((Stage.BANNER,), (450, 451), "seen: servers that are short of connections or look clients up"),
    ((Stage.HELO, Stage.EHLO), (450, 451, 452, 554), "seen: Postfix and others with a list of blocked hosts"),
    ((Stage.MAIL, Stage.RCPT), (554,), 'seen: Postfix, "554 5.7.1 Relay access denied"'),
    ((Stage.DOT,), (251, 252), "seen: servers that forward"),
    ((Stage.DOT,), (454,), 'seen: Amazon SES, "454 Throttling failure"'),
    ((Stage.MAIL, Stage.RCPT), (454,), "seen: relays that are over their quota"),
    ((Stage.RSET, Stage.NOOP, Stage.QUIT), (502, 503), "seen: servers that count errors"),
    ((Stage.RSET, Stage.NOOP), (451,), "seen: servers that are short of resources"),
    ((Stage.IDLE,), (451,), "seen: servers that restart"),
)

#: Stage, then code: who lists it there. What is said first counts.
LISTED: dict[Stage, dict[int, str]] = {stage: {} for stage in Stage}
for _stages, _codes, _source in _ROWS:
    for _stage in _stages:
        for _code in _codes:
            LISTED[_stage].setdefault(_code, _source)


def instead_of(code: int, stage: Stage) -> tuple[int, ...]:
    """Return the codes with the same first digit that are listed for a stage; all of them where there is none."""
    same = tuple(sorted(known for known in LISTED[stage] if known // 100 == code // 100))
    return same or tuple(sorted(LISTED[stage]))
