"""How long the oracles take for the drill of the festival (1,000 recipients, a rough week), beside the drill itself."""

from __future__ import annotations

import time

from maildrill.scenarios import bundled, catalogue
from maildrill.scenarios.drill import Plan, rehearse
from maildrill.scenarios.oracles import INVARIANTS, judge_drill
from maildrill.sender.campaign_file import read_campaign

ROUNDS = 5


def seconds(work: object) -> float:
    """Return the processor time of the best of several rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        assert callable(work)  # noqa: S101 - a function without arguments
        work()
        best = min(best, time.process_time() - began)
    return best


if __name__ == "__main__":
    plan = Plan(campaign=read_campaign(bundled.campaign_path("festival")), script=catalogue.load_script("rough-week"))
    began = time.process_time()
    evidence = rehearse(plan).evidence
    drill = time.process_time() - began
    print(f"{'drill and judgement':24}{drill * 1e3:9.1f} ms, {len(evidence.attempts)} tries")
    judged = seconds(lambda: judge_drill(evidence))
    print(f"{'judgement alone':24}{judged * 1e3:9.1f} ms")
    times = [(seconds(lambda one=one: list(one.violations(evidence))), one) for one in INVARIANTS]
    for spent, one in sorted(times, key=lambda pair: -pair[0])[:10]:
        print(f"  {one.id:4}{one.name:22}{spent * 1e3:7.1f} ms")
