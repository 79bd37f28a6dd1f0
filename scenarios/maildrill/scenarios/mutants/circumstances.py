"""Circumstances that bring defects out: what a server says, and what is asked of the sender."""

from __future__ import annotations

from dataclasses import replace

from maildrill.scenarios.drill_accounts import STAND_IN
from maildrill.sender.campaign import Campaign, Mode
from maildrill.sender.credentials import Credentials, Mechanism
from maildrill.sender.dsn import DsnRequest, Notify, Ret
from maildrill.sender.override import Override, Overrides, Then
from maildrill.sender.secret import Secret
from maildrill.sender.security import Security, TlsMode
from maildrill.smtp import Stage
from maildrill.smtp.quantity import Rate

REFUSED = '[[rule]]\nat = "rcpt"\nrcpt = "bob@*"\nreply = "550 5.1.1 no"\n'
BUSY = '[[rule]]\nat = "rcpt"\nrcpt = "bob@*"\nkey = "rcpt"\nattempt = "1-2"\nreply = "450 4.2.1 busy"\n'
LATE = '[[rule]]\nat = "data"\nattempt = "1"\nreply = "451 4.3.0 later"\n'
QUOTA = '[[rule]]\nat = "mail"\nattempt = "1-2"\nreply = "421 4.7.0 bye"\n'
LINGERING = '[[rule]]\nat = "dot"\nattempt = "1"\nreply = "421 4.7.0 bye"\ncut = "never"\n'
LOST = '[[rule]]\nat = "dot"\nattempt = "1"\ncommit = true\ncut = "before"\n'
GONE = '[[rule]]\nat = "dot"\nattempt = "1"\ncut = "before"\n'
VAGUE = '[[rule]]\nat = "rcpt"\nreply = "252 2.1.5 will try"\n'
UNGREETED = '[[rule]]\nat = "ehlo"\ntimes = 1\ncut = "before"\n'
DOWN = '[[rule]]\nat = "connect"\nattempt = "1-2"\ncut = "refuse"\n'
NOBODY = """
[[rule]]\nat = "rcpt"\nreply = "450 4.2.1 not now"
[[rule]]\nat = "data"\nreply = "354 go on"
[[rule]]\nat = "dot"\nreply = "250 ok"
"""

HINT = '[[rule]]\nat = "rcpt"\nrcpt = "bob@*"\nattempt = "1"\nkey = "rcpt"\nreply = "450 wait 5 seconds"\n'
LATER = HINT.replace("5 seconds", "30 hours")
DOWN_LONG = '[[rule]]\nat = "connect"\nattempt = "1-300"\ncut = "refuse"\n'
SLOW = '[[rule]]\nat = "dot"\nattempt = "1"\nwait = "90s"\nreply = "250 ok"\n'
BUSY_AND_RUDE = """
[[rule]]\nat = "rcpt"\nattempt = "1-3"\nreply = "450 4.2.1 busy"
[[rule]]\nat = "rset"\nreply = "550 5.5.1 what?"
"""
CROWDED = """
[[rule]]\nat = "rcpt"\nrcpt = "bob@*"\nkey = "rcpt"\nattempt = "1"\nreply = "452 4.5.3 too many recipients"
"""
TOO_MANY = '[[rule]]\nat = "rcpt"\nreply = "452 4.5.3 too many recipients"\n'
REFUSED_ALL = '[[rule]]\nat = "rcpt"\nattempt = "1-2"\nreply = "550 5.1.1 no"\n'
SMALL_TALK = '[server]\ncaps = "-SIZE"\n'
NO_REPORTS = '[server]\ncaps = "-DSN"\n'
NO_CHUNKS = '[server]\ncaps = "-CHUNKING"\n'
NO_CHUNK = '[[rule]]\nat = "bdat"\nattempt = "1"\nreply = "451 4.3.0 later"\n'
NO_TLS = "[server]\ntls = false\n"
IN_CLEAR = '[server]\nauth = "PLAIN"\n'
ECHO = f'[[rule]]\nat = "auth"\nattempt = "1"\nreply = "454 4.7.0 not now, {STAND_IN}"\n'
SPAM = '[[rule]]\nat = "dot"\nreply = "554 5.7.1 spam"\n'
SPAM_AND_MORE = '[[rule]]\nat = "dot"\nattempt = "1"\nreply = "554 5.6.0 malformed"\n' + SPAM
SPAM_TWICE = '[[rule]]\nat = "dot"\nattempt = "2"\nreply = "250 ok"\n' + SPAM
LOG_IN = '[[rule]]\nat = "mail"\nreply = "530 5.7.0 log in first"\n'


STRICT = Security(mode=TlsMode.REQUIRED)


def merging(campaign: Campaign) -> Campaign:
    """A message for each, two sessions at once."""
    return replace(campaign, mode=Mode.MERGE, limits=replace(campaign.limits, connections=2))


def paced(campaign: Campaign) -> Campaign:
    """One message in ten minutes."""
    limits = replace(campaign.limits, rate=Rate(1, 600.0), recipients_per_transaction=1)
    return replace(campaign, limits=limits)


def reporting(campaign: Campaign) -> Campaign:
    """Reports asked for, of everything."""
    return replace(campaign, dsn=DsnRequest(notify=(Notify.SUCCESS, Notify.FAILURE, Notify.DELAY), ret=Ret.FULL))


def chunking(campaign: Campaign) -> Campaign:
    """Messages of several chunks, where CHUNKING is offered."""
    return replace(campaign, text="Hello\n.hidden\n..twice\n" * 200, chunk=1024)


def logging_in(campaign: Campaign) -> Campaign:
    """An account with a password, and TLS or nothing; drills have a password of their own for it."""
    return replace(campaign, account=replace(logging_in_anyhow(campaign).account, security=STRICT))


def logging_in_anyhow(campaign: Campaign) -> Campaign:
    """An account with a password, and TLS where it is offered."""
    auth = Credentials(user="ann", secret=Secret("env:UNUSED", str), mechanisms=(Mechanism.PLAIN,))
    return replace(campaign, account=replace(campaign.account, auth=auth))


def in_secret(campaign: Campaign) -> Campaign:
    """TLS or nothing, and no password."""
    return replace(campaign, account=replace(campaign.account, security=STRICT))


def overriding(campaign: Campaign) -> Campaign:
    """550 to RCPT is temporary for an hour, 450 final, and whatever is said to the dot holds."""
    each = (
        Override(line=1, code=("550",), at=(Stage.RCPT,), then=Then.RETRY, after=3600.0),
        Override(line=2, code=("450",), match=("Example.*",), then=Then.FAIL),
        Override(line=3, at=(Stage.DOT,), then=Then.HOLD),
    )
    return replace(campaign, overrides=Overrides(each))


def cautious(campaign: Campaign) -> Campaign:
    """One message in ten minutes; two that are refused alike are enough."""
    slow = paced(campaign)
    return replace(slow, limits=replace(slow.limits, pause_after=2))


def greeting(campaign: Campaign) -> Campaign:
    """A message for each, with a name in it."""
    return replace(merging(campaign), text="Dear [Name|friend]\n")


def short_sessions(campaign: Campaign) -> Campaign:
    """One message in each session."""
    return replace(campaign, limits=replace(campaign.limits, messages_per_connection=1))
