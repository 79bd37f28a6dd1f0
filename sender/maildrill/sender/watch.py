"""Watches what a run may do to the whole campaign: pauses it when its content is refused, and lets a canary out first.

Rule: that the campaign is paused is written down with the refusal that paused it, in one piece.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from maildrill.sender.attempt import Ruling
from maildrill.sender.canary import Canary, canary_of
from maildrill.sender.connection_log import ConnectionLog
from maildrill.sender.content import REFUSED, Caution, Streak
from maildrill.sender.ledger import Ledger, Pause
from maildrill.sender.log_response import response


class Watch:
    """Watches one run. pause_after: `Limits.pause_after`. alone: nobody shares the log; it says who else paused.

    pause: the campaign is paused. canary: what came of it, once nobody of it waits any more. last_key: nobody with a
    higher key is sent to; None: everybody is. on_pause: called when the campaign is paused in this run.
    """

    def __init__(self, pause_after: int, ledger: Ledger, log: ConnectionLog, *, alone: bool = True) -> None:
        self.pause: Pause | None = None
        self.canary: Canary | None = None
        self.last_key: int | None = None
        self.on_pause: Callable[[], None] = lambda: None
        self._streak = Streak(pause_after)
        self._ledger = ledger
        self._log = log
        self._alone = alone
        self._caution = Caution()
        self._called = False  # for a pause, in this run

    def begin(self, caution: Caution, now: float) -> None:
        """A run begins: see if the campaign is paused, and lift that if an operator says so; choose the canary.

        Refusals of earlier runs count: who died after four of five is not to begin anew.
        """
        self._caution = caution
        found = standing_pause(self._ledger)
        if found is not None and caution.resume:
            self._ledger.resume(now)
            self._log.emit("campaign.resumed", now, since=found.at)
        elif found is not None:
            self.pause = found
            self._say_paused(found, now, ours=False)
            return
        self._streak = Streak.left(self._streak.limit, self._ledger.refusals(REFUSED))
        if caution.canary:
            self._choose(now)

    def verdict(self, rulings: Sequence[Ruling], now: float) -> Pause | None:
        """Return the pause that these rulings call for, if they do; once."""
        before, self._streak = self._streak, self._streak.after(rulings)
        reply = self._streak.reply
        if self._called or self._streak is before or not self._streak.broken or reply is None:
            return None
        self._called = True
        return Pause(at=now, run=self._ledger.run, recipients=len(self._streak.recipients), reply=reply)

    def called(self, pause: Pause, now: float, *, first: bool) -> None:
        """What called for a pause is written down; first: and so is the pause, else another one stands already."""
        if first:
            self._paused(pause, now, ours=True)
        else:
            self.look(now)

    def look(self, now: float) -> None:
        """See if another sender that shares the ledger has paused the campaign."""
        found = standing_pause(self._ledger)
        if found is not None:
            self._paused(found, now, ours=False)

    def _paused(self, pause: Pause, now: float, *, ours: bool) -> None:
        """Nothing more is to be begun."""
        if self.pause is None:
            self.pause = pause
            self._say_paused(pause, now, ours=ours)
            self.on_pause()

    def canary_over(self, now: float) -> bool:
        """Nobody waits any more: if that was a canary, say what came of it; return whether to go on with the rest."""
        if self.last_key is None:
            return False
        self.last_key = None
        self.canary = canary_of(self._ledger.recipients(), self._caution.canary)
        goes_on = self._caution.go_on and self.canary.passed
        self._log.emit(
            "canary.ended",
            now,
            recipients=len(self.canary.records),
            states={state.value: count for state, count in self.canary.states.items()},
            goes_on=goes_on,
        )
        return goes_on

    def _choose(self, now: float) -> None:
        chosen = canary_of(self._ledger.recipients(), self._caution.canary)
        self.last_key = chosen.last_key
        last = chosen.records[-1].address if chosen.records else ""
        self._log.emit("canary.chosen", now, recipients=len(chosen.records), recipient=last)

    def _say_paused(self, pause: Pause, now: float, *, ours: bool) -> None:
        if not ours and not self._alone:
            return  # whoever paused it says so in the log that we share
        self._log.emit(
            "campaign.paused",
            now,
            since=pause.at,
            recipients=pause.recipients,
            response=response(pause.reply),
        )


def standing_pause(ledger: Ledger) -> Pause | None:
    """Return the pause that no operator has lifted yet, the first one; None: the campaign is not paused."""
    return next((one for one in ledger.pauses() if one.resumed is None), None)
