"""Lies of witnesses about pauses, canaries and ends."""

from __future__ import annotations

from dataclasses import replace

from maildrill.scenarios.mutants.changes import logged, tried
from maildrill.scenarios.mutants.lies import Lie
from maildrill.scenarios.oracles import Evidence
from maildrill.sender.attempt import Verdict
from maildrill.sender.log_response import response
from maildrill.smtp import Reply, Stage

SPAM = response(Reply.of("554 5.7.1 spam"))


def begins_anew_after_the_pause(evidence: Evidence) -> Evidence:
    limits = replace(evidence.campaign.limits, pause_after=1)
    refused = Reply.of("554 5.7.1 spam")
    first = evidence.attempts[0].recipient
    evidence = tried(evidence, first, verdict=Verdict.FAILED, stage=Stage.DOT, reply=refused)
    return replace(evidence, campaign=replace(evidence.campaign, limits=limits))


def pauses_for_nothing(evidence: Evidence) -> Evidence:
    return logged(evidence, 1400.0, "campaign.paused", since=1399.0, recipients=5, response=SPAM)


def lets_the_others_out_with_the_canary(evidence: Evidence) -> Evidence:
    return logged(evidence, 0.0, "canary.chosen", recipients=1, recipient=evidence.imported[0])


def has_no_end(evidence: Evidence) -> Evidence:
    return replace(evidence, endless="no end after 1h: one recipient was named 1,300 times")


CAUTION: tuple[tuple[int, Lie], ...] = (
    (57, begins_anew_after_the_pause),
    (58, pauses_for_nothing),
    (59, lets_the_others_out_with_the_canary),
    (60, has_no_end),
)
