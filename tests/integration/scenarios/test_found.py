"""What drawn scenarios have found in sender and oracles, each as small as it shrank to."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from maildrill.fakeserver.text.script_file import read_script
from maildrill.scenarios.event import Deed, Event
from maildrill.scenarios.oracles import Evidence
from maildrill.scenarios.oracles.listing import suppressed
from maildrill.scenarios.oracles.merging import merge_is_total
from maildrill.scenarios.oracles.storms import storm_bound
from maildrill.scenarios.oracles.timing import transient_is_retried
from maildrill.scenarios.scenario import Scenario, listed, usual_campaign
from maildrill.scenarios.scenario_file import scenario_of
from maildrill.scenarios.world import Network
from maildrill.sender.attempt import State
from maildrill.sender.campaign import Mode
from maildrill.sender.lane import Lane
from maildrill.sender.wire import Wire
from maildrill.smtp import Reply, ReplyParser, Stage

MANY = '[[rule]]\nname = "many"\nat = "rcpt"\nreply = "452 4.5.3 too many recipients"\n'


def one_a_session(rules: str, *addresses: str) -> Scenario:
    """Return a scenario in which each session has one message."""
    usual = usual_campaign()
    campaign = replace(usual, limits=replace(usual.limits, messages_per_connection=1))
    return Scenario(campaign=campaign, listed=listed(addresses), script=read_script(rules, "mx.toml"))


def test_who_is_alone_and_too_many_is_not_asked_for_without_end() -> None:
    """Where a session has one message only, who was one too many in one is deferred by the next."""
    drilled = one_a_session(MANY, "a@x.test").run()
    rows = [attempt.row for attempt in drilled.evidence.attempts]

    assert drilled.evidence.states == {"a@x.test": State.EXPIRED}
    assert drilled.summary.violations == ()
    assert rows[:4] == ["rcpt-too-many", "rcpt-too-many-again"] * 2


def test_who_was_one_too_many_once_is_served_at_once() -> None:
    """In the next session, where the server takes it."""
    drilled = one_a_session(MANY.replace('"rcpt"', '"rcpt"\ntimes = 1', 1), "a@x.test").run()

    assert [attempt.row for attempt in drilled.evidence.attempts] == ["rcpt-too-many", "dot-2yz"]
    assert drilled.summary.violations == ()


def test_the_next_session_is_told() -> None:
    """A lane that forgets it asks for ever: the server's count of connections shows it."""
    honest = Lane._spare
    connections = []
    for spare in (honest, lambda lane, rulings: lane._free.update(one.recipient for one in rulings if one.again)):
        scenario = one_a_session(f"{MANY.replace('[[rule]]', '[[rule]]', 1)}times = 500\n", "a@x.test")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Lane, "_spare", spare)
            connections.append(scenario.run().summary.connections)

    assert connections[0] < 200 < connections[1]


def test_nor_is_who_is_alone_where_the_session_ends_with_rset() -> None:
    """Too many all by himself, and the server goes at RSET: the next session has not forgotten it."""
    rules = f'{MANY}times = 500\n[[rule]]\nname = "goes"\nat = "rset"\nreply = "500 5.5.1 what"\ncut = "after"\n'
    honest = Lane._spare
    connections = []
    for spare in (honest, lambda lane, rulings: lane._free.update(one.recipient for one in rulings if one.again)):
        scenario = Scenario(listed=listed(["a@x.test"]), script=read_script(rules, "mx.toml"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Lane, "_spare", spare)
            drilled = scenario.run()
        connections.append(drilled.summary.connections)
        if spare is honest:
            assert drilled.summary.violations == ()

    assert connections[0] < 200 < connections[1]


UNDER_WAY = """\
version = 1

[scenario]
purpose = "generated"
source = "maildrill"
recipients = ["a@one.example", "a@two.example"]
seed = 2
campaign.retry.schedule = ["10m", "30m", "2h"]
campaign.retry.cap = "2h"
campaign.retry.lifetime = "12h"
campaign.limits.connections = 2
campaign.limits.messages_per_connection = 1
campaign.limits.recipients_per_transaction = 1
network.latency = "0.5s"
network.jitter = "0s"

[[rule]]
name = "generated.toml:2"
at = "rcpt"
domain = "one.example"
key = "rcpt"
age = ">=1h"
cut = "before"

[[rule]]
name = "generated.toml:8"
at = "banner"
chance = 0.9
cut = "before"
"""


def test_a_session_under_way_may_show_that_the_host_serves() -> None:
    """The breaker opens by others, and closes by what was served in it: what connects then does not come too early."""
    drilled = scenario_of(read_script(UNDER_WAY, "generated.toml")).run()
    kinds = [event.kind for event in drilled.evidence.events]

    assert "breaker.opened" in kinds
    assert "breaker.closed" in kinds
    assert drilled.summary.violations == ()


HELD = """\
version = 1

[scenario]
purpose = "generated"
source = "maildrill"
recipients = ["a@one.example", "a@two.example", "a@three.example", "b@one.example", "b@two.example"]
campaign.retry.schedule = ["10m", "30m", "2h"]
campaign.retry.cap = "2h"
campaign.retry.lifetime = "12h"
campaign.limits.messages_per_connection = 1
campaign.limits.recipients_per_transaction = 1
network.jitter = "0s"

[[rule]]
name = "generated.toml:2"
at = "rcpt"
key = "rcpt"
attempt = "1"
cut = "before"

[[rule]]
name = "generated.toml:7"
at = "mail"
chance = 0.5
reply = "501 5.5.4 syntax error"

[[rule]]
name = "generated.toml:11"
at = "mail"
key = "client"
attempt = "3-"
wait = "4m"
"""


def test_who_waits_while_the_account_is_held_is_held_when_due() -> None:
    """That is the end of the wait (I10): the run goes on for others, and owes this recipient nothing."""
    drilled = scenario_of(read_script(HELD, "generated.toml")).run()

    assert any(event.kind == "recipient.held" for event in drilled.evidence.events)
    assert drilled.summary.violations == ()


def test_who_is_held_too_late_waited() -> None:
    """So the oracle still speaks where what ends the wait comes late."""
    evidence = scenario_of(read_script(HELD, "generated.toml")).run().evidence
    late = [
        replace(event, at=event.at + 1000) if event.kind == "recipient.held" else event for event in evidence.events
    ]

    assert [one.recipient for one in transient_is_retried(replace(evidence, events=late))] == ["a@three.example"]


def test_a_recipient_that_the_server_cannot_read_was_refused_by_it() -> None:
    """A local part of more than 64 octets (RFC 5321 section 4.5.3.1.1): the 501 is this recipient's (I5)."""
    long = f"{'b' * 65}@x.test"
    drilled = Scenario(listed=listed(("a@x.test", long)), script=read_script("version = 1\n", "mx.toml")).run()

    assert drilled.evidence.states == {"a@x.test": State.DELIVERED, long: State.FAILED}
    assert drilled.summary.violations == ()


@pytest.mark.parametrize("value", ["[Name]", "[Name", "a [Name|x]"])
def test_a_value_that_looks_like_a_tag_is_merged_as_it_is(value: str) -> None:
    """It is the recipient's own; for anybody else a tag that is left is still a breach of I54."""
    campaign = replace(usual_campaign(), text="Hi [Name|friend]\n")
    rows = f"address,Name\na@x.test,{value}\nb@x.test,Bob\n"
    drilled = Scenario(campaign=campaign, listed=rows, script=read_script("version = 1\n", "mx.toml")).run()
    first, second = drilled.evidence.taken
    mixed = replace(second, content=first.content) if "b@x.test" in second.recipients else first

    assert drilled.summary.violations == ()
    assert list(merge_is_total(replace(drilled.evidence, taken=(mixed,))))


SET_BACK = """\
version = 1

[scenario]
purpose = "generated"
source = "maildrill"
recipients = "a@one.example"
campaign.route.kind = "rotation"
campaign.route.account = [{ name = "first", host = "first.example" }, { name = "second", host = "second.example" }]
hosts."second.example" = {}

[[scenario.event]]
at = "0.05s"
do = "clock"
by = "-0.5s"
"""


def test_a_clock_that_is_put_back_changes_no_order_within_a_session() -> None:
    """What two servers saw is told as one story; each of them knows better than the clock what came first (I26)."""
    assert scenario_of(read_script(SET_BACK, "generated.toml")).run().summary.violations == ()


DIED_LATE = """\
version = 1

[scenario]
purpose = "generated"
source = "maildrill"
recipients = "a@one.example"
campaign.retry.schedule = ["10m", "30m", "2h"]
campaign.retry.cap = "2h"
campaign.retry.lifetime = "1h"

[[scenario.event]]
at = "30m"
do = "kill"
number = 24

[[rule]]
name = "greylist"
at = "rcpt"
key = ["client", "from", "rcpt"]
age = "<1h"
reply = "451 4.7.1 greylisted, come back in an hour"
"""


def test_who_expired_while_the_sender_was_dead_is_told_by_the_next_run() -> None:
    """The last try was forced before the end of the lifetime; who finds it in the ledger says what came of it (I5)."""
    drilled = scenario_of(read_script(DIED_LATE, "generated.toml")).run()

    assert drilled.evidence.states == {"a@one.example": State.EXPIRED}
    assert drilled.summary.violations == ()


def test_who_expired_by_a_try_that_nobody_could_log_is_told_by_the_next_run() -> None:
    """The sender died between ledger and log, wherever that is: the next run restores who expired (I5)."""
    scenario = scenario_of(read_script(DIED_LATE, "generated.toml"))
    for number in range(20, 36):
        drilled = replace(scenario, events=(replace(scenario.events[0], number=number),)).run()

        assert drilled.summary.violations == ()


DIED_TELLING = """\
version = 1

[scenario]
purpose = "generated"
source = "maildrill"
recipients = "a@one.example"

[[scenario.event]]
at = "0.07s"
do = "stop"

[[scenario.event]]
at = "0.07s"
do = "kill"

[[rule]]
name = "greylist"
at = "rcpt"
key = ["client", "from", "rcpt"]
age = "<5m"
reply = "451 4.7.1 greylisted, come back in 300 seconds"
"""


def test_a_run_that_dies_telling_what_it_found_is_told_by_the_next() -> None:
    """The stop came between a refusal and its record; what is due is counted from when it was found (I11, I50)."""
    drilled = scenario_of(read_script(DIED_TELLING, "generated.toml")).run()

    assert [attempt.state for attempt in drilled.evidence.attempts] == [State.DEFERRED, State.DELIVERED]
    assert drilled.summary.violations == ()


def stopped_at(moment: float, rules: str, chunk: int) -> Evidence:
    """Return what a drill comes to in which the sender is asked to stop at a moment."""
    campaign = replace(usual_campaign(), chunk=chunk)
    script = read_script(f'version = 1\n[server]\ncaps = ["-PIPELINING"]\n{rules}', "mx.toml")
    stop = Event(at=moment, do=Deed.STOP)
    drilled = Scenario(campaign=campaign, listed=listed(["a@x.test"]), script=script, events=(stop,)).run()

    assert drilled.summary.violations == ()
    return drilled.evidence


def test_a_stop_between_refusal_and_rset_leaves_no_doubt() -> None:
    """The server has said 450 to the last chunk: that only the reply to RSET is missing makes nobody Unknown (I43)."""
    evidence = stopped_at(0.12, '[[rule]]\nat = "bdat"\nreply = "450 4.2.1 busy"\n', 1024)
    (stopping, *_) = evidence.by_kind["run.stopping"]
    first = evidence.attempts_of["a@x.test"][0]

    assert evidence.asked[3].stage is Stage.BDAT
    assert "recipient.recovered" not in evidence.by_kind
    assert (first.row, first.ended, first.counted) == ("dot-4yz", stopping.at, True)


def test_a_stop_while_rset_is_unanswered_keeps_what_data_was_told() -> None:
    """A refusal of DATA is written down in the run that heard it."""
    evidence = stopped_at(0.12, '[[rule]]\nat = "data"\nreply = "550 5.7.1 no"\n', 0)

    assert [one.row for one in evidence.attempts_of["a@x.test"]] == ["data-5yz"]
    assert evidence.states == {"a@x.test": State.FAILED}


def test_each_run_learns_for_itself_that_a_host_fails() -> None:
    """A new process knows nothing of the old one's failures: each may connect as often (I16), and none more often."""
    events = tuple(Event(at=at, do=Deed.STOP) for at in (0.07, 0.12))
    script = read_script('version = 1\n[[rule]]\nat = "banner"\ncut = "after"\n', "mx.toml")
    usual = usual_campaign()
    campaign = replace(usual, limits=replace(usual.limits, connections=2))
    addresses = listed(["a@x.test", "b@x.test"])
    drilled = Scenario(campaign=campaign, listed=addresses, script=script, events=events).run()
    many = tuple(one for one in drilled.evidence.connected for _ in range(9))

    assert drilled.summary.violations == ()
    assert list(storm_bound(replace(drilled.evidence, connected=many)))


def test_a_host_that_serves_now_and_then_is_not_left_alone() -> None:
    """Connections to no purpose count from when somebody was last served (I16): in between them somebody was."""
    rules = 'version = 1\n[[rule]]\nname = "moody"\nat = "mail"\nchance = 0.3\nreply = "421 4.7.0 not now"\n'
    drilled = one_a_session(rules, *(f"a{number}@x.test" for number in range(200))).run()

    assert set(drilled.evidence.states.values()) == {State.DELIVERED}
    assert drilled.summary.violations == ()
    nobody_served = replace(drilled.evidence, asked=tuple(one for one in drilled.evidence.asked if one.reply is None))
    assert list(storm_bound(nobody_served))


def test_an_operator_may_bring_forward_what_a_server_put_off() -> None:
    """`retry` is above what the reply says of when to come back (I13)."""
    greylist = read_script(
        'version = 1\n[[rule]]\nat = "rcpt"\ntimes = 2\nreply = "451 4.7.1 come back in 300 seconds"\n', "mx.toml"
    )
    now = Event(at=60.0, do=Deed.RETRY)
    drilled = Scenario(listed=listed(["a@x.test"]), script=greylist, events=(now,)).run()

    assert drilled.summary.violations == ()
    assert drilled.evidence.attempts[1].started - drilled.evidence.attempts[0].ended < 300


@pytest.mark.parametrize("by", [3600.0, -3600.0])
def test_who_is_suppressed_while_a_command_is_on_its_way_may_be_named(by: float) -> None:
    """The sender was stopped, and the clock put on or back, before the server read what it had said (I52)."""
    events = (Event(at=0.05, do=Deed.CLOCK, by=by), Event(at=0.05, do=Deed.SUPPRESS, whom="a@x.test"))
    scenario = Scenario(listed=listed(("a@x.test", "b@x.test")), script=read_script("version = 1\n", "mx.toml"))
    drilled = replace(scenario, events=events).run()

    assert drilled.evidence.asked_for["a@x.test"]
    assert drilled.summary.violations == ()


def test_who_is_suppressed_may_not_be_named_in_another_session() -> None:
    """What was not under way when the list changed is a breach of I52, though the session before was dropped."""
    events = (Event(at=0.05, do=Deed.SUPPRESS, whom="a@x.test"),)
    scenario = Scenario(listed=listed(("a@x.test", "b@x.test")), script=read_script("version = 1\n", "mx.toml"))
    evidence = replace(scenario, events=events).run().evidence
    before = evidence.asked_for["a@x.test"][-1]
    again = replace(before, at=before.at + 100.0, session=before.session + 100)

    assert list(suppressed(evidence)) == []
    assert [one.recipient for one in suppressed(replace(evidence, asked=(*evidence.asked, again)))] == ["a@x.test"]


@pytest.mark.parametrize("do", [Deed.REMOVE, Deed.SUPPRESS])
def test_who_left_the_list_before_any_run_knew_of_them_was_not_in_it(do: Deed) -> None:
    """The sender died before it had enrolled anybody; who stays is enrolled by the next run (I1)."""
    events = (Event(at=0.0, do=Deed.KILL), Event(at=0.0, do=do, whom="a@x.test"))
    script = read_script("version = 1\n", "mx.toml")
    drilled = Scenario(listed=listed(["a@x.test", "b@x.test"]), script=script, events=events).run()

    assert drilled.summary.violations == ()
    assert drilled.evidence.imported == ("b@x.test",)
    assert drilled.evidence.states == {"b@x.test": State.DELIVERED}


def test_who_never_answered_ehlo_may_offer_what_is_needed() -> None:
    """The connection is lost while EHLO waits for its reply, and HELO is answered: no reason to fail anybody."""
    lost = Network(latency=0.01, jitter=0.002, cuts=((1, 29),))
    drilled = Scenario(listed="address,Name\nänn@one.example,\n", network=lost).run()

    assert [attempt.row for attempt in drilled.evidence.attempts] == ["local-untold", "dot-2yz"]
    assert drilled.summary.violations == ()


@pytest.mark.parametrize("cut", ["", 'cut = "after"\n'])
def test_who_knows_no_ehlo_offers_nothing(cut: str) -> None:
    """Whether HELO is said on the same connection or on the next one, the server having hung up."""
    script = read_script(f'[[rule]]\nat = "ehlo"\nreply = "502 5.5.1 what?"\n{cut}', "mx.toml")
    drilled = Scenario(listed="address,Name\nänn@one.example,\n", script=script).run()

    assert [attempt.row for attempt in drilled.evidence.attempts] == ["local-smtputf8"]
    assert drilled.summary.violations == ()


OVERTAKEN = """\
version = 1

[scenario]
purpose = "generated"
source = "maildrill"
recipients = ["a@one.example", "a@two.example", "a@three.example"]
seed = 1
network.cuts = ["1@832"]

[[scenario.event]]
at = "0.12s"
do = "stop"
"""


def test_a_connection_that_is_given_up_on_its_way_may_be_overtaken() -> None:
    """A stop gives up what was to be the second connection; the next run's comes before it, though it left later."""
    drilled = scenario_of(read_script(OVERTAKEN, "generated.toml")).run()
    first, second, given_up = drilled.evidence.connected

    assert second.opened < given_up.opened < given_up.closed < second.opened + 0.025
    assert first.closed < second.opened
    assert drilled.summary.violations == ()


WRITTEN_LATE = """\
version = 1

[scenario]
purpose = "generated"
source = "maildrill"
recipients = "a@one.example"
campaign.route.kind = "failover"
campaign.route.account = [
  { name = "first", host = "first.relay.example" },
  { name = "second", host = "second.relay.example" },
]
hosts."second.relay.example" = {}

[[scenario.event]]
at = "0.07s"
do = "clock"
by = "-1h"

[[rule]]
name = "late"
at = "rcpt"
key = "rcpt"
attempt = "1"
wait = "1s"
"""


def test_a_command_that_was_read_before_is_before_what_was_written_down_first() -> None:
    """The server was to wait, and wrote down its RCPT when the clock had been put back, and the next run had begun."""
    drilled = scenario_of(read_script(WRITTEN_LATE, "generated.toml")).run()
    asked = [one.session for one in drilled.evidence.asked if one.stage is Stage.RCPT]

    assert asked == [2, 1]
    assert drilled.summary.violations == ()


@pytest.mark.parametrize("mangle", ["no-eol", "cr"])
@pytest.mark.parametrize(
    ("reply", "state"),
    [
        ("250 2.0.0 queued", State.DELIVERED),
        ("451 4.3.0 later", State.EXPIRED),
        ("550 5.7.1 no", State.FAILED),
        ("250-2.0.0 queued\n250 2.0.0 as 1234", None),
    ],
)
@pytest.mark.parametrize("chunk", [0, 4096])
def test_a_line_ends_with_what_is_said_behind_it(mangle: str, reply: str, state: State | None, chunk: int) -> None:
    """A reply to the end of data without its own end is read with the 421 behind it, and its code is in front.

    Of several lines that end with CR alone none can be read but the first, which says that there are more.
    """
    lines = '"""' + reply + '"""'
    rules = f'[[rule]]\nat = "{"bdat" if chunk else "dot"}"\nreply = {lines}\nmangle = "{mangle}"\n'
    scenario = Scenario(
        campaign=replace(usual_campaign(), chunk=chunk),
        listed=listed(["a@x.test"]),
        script=read_script(rules, "mx.toml"),
    )
    drilled = scenario.run()
    of_lines = State.UNKNOWN if mangle == "cr" else State.DELIVERED

    assert drilled.evidence.states == {"a@x.test": state or of_lines}
    assert drilled.summary.violations == ()


def test_who_believes_the_421_behind_a_reply_is_found() -> None:
    """The message was acknowledged: a sender that takes the later code for the reply sends it again."""
    honest = Wire.feed

    def reads_the_last_code(wire: Wire, octets: bytes) -> list[Reply]:
        if octets.startswith(b"421 "):
            wire._parser = ReplyParser()
        return honest(wire, octets)

    rules = '[[rule]]\nat = "dot"\nreply = "250 2.0.0 queued"\nmangle = "no-eol"\n'
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Wire, "feed", reads_the_last_code)
        found = Scenario(listed=listed(["a@x.test"]), script=read_script(rules, "mx.toml")).run()

    assert {one.invariant for one in found.summary.violations} == {"I4"}


@pytest.mark.parametrize("mode", [Mode.MERGE, Mode.BATCH])
@pytest.mark.parametrize(
    ("rule", "states", "seconds"),
    [
        ('at = "mail"\ntimes = 1\nreply = "421 4.3.2 bye"', {State.DELIVERED: 8}, 5.0),
        ('at = "banner"\ntimes = 1\ncut = "before"', {State.DELIVERED: 8}, 5.0),
        ('at = "connect"\ntimes = 1\ncut = "refuse"', {State.DELIVERED: 8}, 5.0),
        ('at = "rcpt"\ntimes = 1\nreply = "421 4.3.2 bye"', {State.DELIVERED: 7, State.HELD: 1}, 5.0),
        ('at = "mail"\nreply = "421 4.3.2 bye"', {State.HELD: 8}, 5.0),
        ('at = "connect"\ncut = "refuse"', {State.HELD: 8}, 5.0),
        ('at = "rcpt"\nreply = "450 4.2.1 busy"', {State.EXPIRED: 8}, 5.0),
    ],
)
def test_one_attempt_is_about_somebody(rule: str, states: dict[State, int], seconds: float, mode: Mode) -> None:
    """Without a lifetime one 421 does not hold everybody; nor does anybody wait for a host that is left alone."""
    usual = usual_campaign()
    once = replace(usual, mode=mode, retry=replace(usual.retry, lifetime=0.0))
    people = listed([f"r{n}@x.test" for n in range(8)])
    drilled = Scenario(campaign=once, listed=people, script=read_script(f"[[rule]]\n{rule}\n", "mx.toml")).run()

    assert Counter(drilled.evidence.states.values()) == states
    assert drilled.summary.violations == ()
    assert drilled.summary.virtual_seconds < seconds
