"""The register of seeded defects: for each a script that brings it out, and the invariant that it breaks.

`play(defect)` drills three recipients with the defect in the sender.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.drill import Plan, rehearse
from maildrill.scenarios.mutants.circumstances import (
    BUSY,
    BUSY_AND_RUDE,
    CROWDED,
    DOWN,
    DOWN_LONG,
    ECHO,
    GONE,
    HINT,
    IN_CLEAR,
    LATE,
    LATER,
    LINGERING,
    LOG_IN,
    LOST,
    NO_CHUNK,
    NO_CHUNKS,
    NO_REPORTS,
    NO_TLS,
    NOBODY,
    QUOTA,
    REFUSED,
    REFUSED_ALL,
    SLOW,
    SMALL_TALK,
    SPAM,
    SPAM_AND_MORE,
    SPAM_TWICE,
    TOO_MANY,
    UNGREETED,
    VAGUE,
    cautious,
    chunking,
    greeting,
    in_secret,
    logging_in,
    logging_in_anyhow,
    merging,
    overriding,
    paced,
    reporting,
    short_sessions,
)
from maildrill.scenarios.mutants.patching import Patching
from maildrill.scenarios.mutants.seeded import (
    blames_recipients_for_the_host,
    comes_back_at_once,
    counts_a_421,
    fails_what_is_deferred,
    forgets_to_stuff_dots,
    forgets_what_it_heard,
    gives_up_too_late,
    logs_everything_twice,
    logs_only_what_went_well,
    loses_recipients_when_data_fails,
    loses_refusals_when_data_fails,
    refuses_252,
    restarts_from_the_beginning,
    retries_what_failed,
    sends_the_body_to_nobody,
    takes_a_lost_reply_for_a_deferral,
    takes_a_lost_reply_for_a_delivery,
    takes_silence_at_ehlo_for_a_refusal,
    takes_the_dots_reply_for_everybodys,
    talks_on_after_421,
)
from maildrill.scenarios.mutants.seeded_caution import (
    counts_refusals_across_deliveries,
    lets_everybody_out_with_the_canary,
    sends_on_after_the_pause,
    takes_all_refusals_for_one,
)
from maildrill.scenarios.mutants.seeded_overrides import (
    forgets_the_interval,
    hides_its_overrides,
    ignores_overrides,
    overrides_whatever_is_said,
)
from maildrill.scenarios.mutants.seeded_pace import (
    asks_everybody_for_reports,
    asks_for_ever_whoever_is_too_many_alone,
    believes_what_is_said_to_rset,
    changes_the_message_id,
    charges_for_one_too_many,
    fails_recipients_for_a_login,
    foretells_another_message,
    forgets_its_pace,
    forgets_to_reset,
    gives_everybody_the_default,
    is_due_in_the_past,
    loses_lines_of_the_log,
    loses_patience,
    never_ends_a_session,
    never_goes_home,
    never_waits_for_a_host,
    numbers_all_sessions_alike,
    obeys_what_a_text_says,
    opens_all_it_can,
    sends_chunks_to_everybody,
    sleeps_too_long,
    stays_away_for_as_long_as_a_text_says,
    tells_of_the_blind_copy,
    tells_the_size_to_everybody,
    writes_no_intent,
)
from maildrill.scenarios.mutants.seeded_secrecy import (
    believes_that_no_server_repeats_a_password,
    goes_on_in_clear_where_tls_is_refused,
    says_the_password_to_whoever_listens,
    writes_down_what_it_says_of_a_password,
)
from maildrill.sender.campaign import Account, Campaign, Limits, Mailbox, Mode, RetryPolicy
from maildrill.sender.lists import RecipientList, Row
from maildrill.sender.summary import Violation

CAMPAIGN = Campaign(
    name="defects",
    sender=Mailbox("", "news@sender.example"),
    subject="Hello",
    account=Account(host="mx.test"),
    list_file=Path("list.csv"),
    email="Email",
    text="Hello\n.hidden\n..twice\n",
    html=None,
    attachments=(),
    retry=RetryPolicy(schedule=(600.0, 1800.0), cap=1800.0, lifetime=4 * 3600.0),
    limits=Limits(connections=1, recipients_per_transaction=2),
    mode=Mode.BATCH,
)
ROWS = [Row(n, f"{name}@example.com", {"Name": name.title()}) for n, name in enumerate(("ann", "bob", "cyd"), start=2)]


@dataclass(frozen=True, slots=True)
class Defect:
    """A defect, the script that brings it out, and the invariant that must be found violated.

    change: what the campaign needs for it. canary: only so many are sent to. guest: who is in the list besides.
    """

    seed: Callable[[Patching], None]
    script: str
    number: int
    change: Callable[[Campaign], Campaign] = lambda campaign: campaign
    canary: int = 0
    guest: str = ""


DEFECTS: tuple[Defect, ...] = (
    Defect(retries_what_failed, REFUSED, 7),
    Defect(retries_what_failed, REFUSED, 9),
    Defect(fails_what_is_deferred, BUSY, 5),
    Defect(counts_a_421, QUOTA, 15),
    Defect(takes_a_lost_reply_for_a_deferral, LOST, 4),
    Defect(takes_a_lost_reply_for_a_delivery, GONE, 2),
    Defect(loses_refusals_when_data_fails, REFUSED + LATE, 7),
    Defect(loses_recipients_when_data_fails, LATE, 5),
    Defect(refuses_252, VAGUE, 6),
    Defect(takes_the_dots_reply_for_everybodys, BUSY, 2),
    Defect(blames_recipients_for_the_host, DOWN, 5),
    Defect(takes_silence_at_ehlo_for_a_refusal, UNGREETED, 5, guest="dörte@example.com"),
    Defect(sends_the_body_to_nobody, NOBODY, 8),
    Defect(talks_on_after_421, LINGERING, 25),
    Defect(comes_back_at_once, BUSY, 11),
    Defect(comes_back_at_once, BUSY, 12),
    Defect(gives_up_too_late, NOBODY, 14),
    Defect(forgets_to_stuff_dots, "", 32),
    Defect(forgets_what_it_heard, "", 1),
    Defect(restarts_from_the_beginning, "", 24),
    Defect(forgets_what_it_heard, "", 40),
    Defect(logs_only_what_went_well, REFUSED, 40),
    Defect(logs_everything_twice, REFUSED, 50),
    Defect(sleeps_too_long, BUSY, 10),
    Defect(obeys_what_a_text_says, HINT, 13),
    Defect(stays_away_for_as_long_as_a_text_says, LATER, 11),
    Defect(never_waits_for_a_host, DOWN_LONG, 16),
    Defect(never_waits_for_a_host, DOWN_LONG, 17),
    Defect(is_due_in_the_past, BUSY, 18),
    Defect(loses_patience, SLOW, 19),
    Defect(opens_all_it_can, SLOW, 20, merging),
    Defect(forgets_its_pace, "", 21, paced),
    Defect(never_ends_a_session, "", 22, short_sessions),
    Defect(charges_for_one_too_many, CROWDED, 23),
    Defect(forgets_to_reset, REFUSED_ALL, 26),
    Defect(believes_what_is_said_to_rset, BUSY_AND_RUDE, 34),
    Defect(tells_the_size_to_everybody, SMALL_TALK, 27),
    Defect(asks_everybody_for_reports, NO_REPORTS, 27, reporting),
    Defect(sends_chunks_to_everybody, NO_CHUNKS, 27, chunking),
    Defect(takes_a_lost_reply_for_a_deferral, LOST, 4, chunking),
    Defect(takes_a_lost_reply_for_a_delivery, GONE, 2, chunking),
    Defect(fails_what_is_deferred, NO_CHUNK, 5, chunking),
    Defect(writes_no_intent, "", 37, chunking),
    Defect(tells_of_the_blind_copy, "", 33),
    Defect(goes_on_in_clear_where_tls_is_refused, NO_TLS, 35, in_secret),
    Defect(says_the_password_to_whoever_listens, IN_CLEAR, 35, logging_in_anyhow),
    Defect(writes_down_what_it_says_of_a_password, "", 36, logging_in),
    Defect(believes_that_no_server_repeats_a_password, ECHO, 36, logging_in),
    Defect(gives_everybody_the_default, "", 54, greeting),
    Defect(writes_no_intent, "", 37),
    Defect(changes_the_message_id, "", 42, merging),
    Defect(foretells_another_message, "", 46),
    Defect(loses_lines_of_the_log, "", 49),
    Defect(numbers_all_sessions_alike, BUSY, 49),
    Defect(fails_recipients_for_a_login, LOG_IN, 55),
    Defect(ignores_overrides, REFUSED, 56, overriding),
    Defect(ignores_overrides, BUSY, 56, overriding),
    Defect(overrides_whatever_is_said, "", 56, overriding),
    Defect(overrides_whatever_is_said, "", 6, overriding),
    Defect(hides_its_overrides, REFUSED, 56, overriding),
    Defect(forgets_the_interval, REFUSED, 11, overriding),
    Defect(sends_on_after_the_pause, SPAM, 57, cautious),
    Defect(takes_all_refusals_for_one, SPAM_AND_MORE, 58, cautious),
    Defect(counts_refusals_across_deliveries, SPAM_TWICE, 58, cautious),
    Defect(lets_everybody_out_with_the_canary, "", 59, canary=1),
    Defect(asks_for_ever_whoever_is_too_many_alone, TOO_MANY, 60, short_sessions),
    Defect(never_goes_home, REFUSED, 60),
)


def recipients(guest: str = "") -> RecipientList:
    """Return the three recipients, and a guest."""
    fourth = [Row(len(ROWS) + 2, guest, {"Name": "Guest"})] if guest else []
    return RecipientList((*ROWS, *fourth), (), ("Email",))


def play(
    defect: Defect | None, script: str, change: Callable[[Campaign], Campaign], canary: int = 0, guest: str = ""
) -> tuple[Violation, ...]:
    """Drill three recipients against a script, with a defect in the sender or with none; return what was violated."""
    answers = read_script("version = 1\n" + script, "mx.toml")
    with Patching() as patch:
        if defect is not None:
            defect.seed(patch)
        plan = Plan(campaign=change(CAMPAIGN), script=answers, recipients=recipients(guest), canary=canary)
        return rehearse(plan).summary.violations


def found_by_drill(defect: Defect) -> tuple[Violation, ...]:
    """Return what a drill with the defect violates."""
    return play(defect, defect.script, defect.change, defect.canary, defect.guest)
