"""When a rule fires: key, attempt, times, age, over, during, chance."""

from __future__ import annotations

from typing import Any

import pytest

REPLY = 'reply = "450 4.2.1 no"'


@pytest.mark.parametrize(
    ("attempt", "said"),
    [('"1-2"', "yyn"), ('"2"', "nyn"), ("2", "nyn"), ('"3-"', "nny"), ('["1", "3-"]', "yny")],
)
def test_attempt_counts_the_events_of_a_key(play: Any, attempt: str, said: str) -> None:
    """The nth event of each recipient, whatever the others do."""
    script = play(f'at = "rcpt"\nkey = "rcpt"\nattempt = {attempt}\n{REPLY}')

    for address in ("ann@x.test", "bob@x.test"):
        assert "".join("y" if script.rcpt(address) == "say 450" else "n" for _ in range(3)) == said


def test_addresses_count_without_regard_to_case(play: Any) -> None:
    """As they match."""
    script = play(f'at = "rcpt"\nkey = ["from", "rcpt"]\ntimes = 1\n{REPLY}')

    assert script.rcpt("ann@x.test") == "say 450"
    assert script.rcpt("Ann@X.test", reverse_path="NEWS@shop.test") == "proceed"


def test_without_a_key_the_whole_scenario_counts(play: Any) -> None:
    """One counter for all."""
    script = play(f'at = "rcpt"\nattempt = "2"\n{REPLY}')

    assert script.rcpt("ann@x.test") == "proceed"
    assert script.rcpt("bob@x.test") == "say 450"
    assert script.rcpt("ann@x.test") == "proceed"


@pytest.mark.parametrize(
    ("key", "same", "other"),
    [
        ("rcpt", {"client": "192.0.2.9"}, {"rcpt": "bob@x.test"}),
        ("domain", {"rcpt": "bob@X.test"}, {"rcpt": "ann@y.test"}),
        ("from", {"rcpt": "bob@x.test"}, {"reverse_path": "other@shop.test"}),
        ("client", {"session": 2}, {"client": "192.0.2.9"}),
        ("connection", {"rcpt": "bob@x.test"}, {"session": 2}),
        ("transaction", {"rcpt": "bob@x.test"}, {"session": 2}),
        ("ehlo", {"helo": "CLIENT.test"}, {"helo": "other.test"}),
    ],
)
def test_what_a_key_tells_apart(play: Any, key: str, same: dict[str, str], other: dict[str, str]) -> None:
    """An event of the same key is the second one, an event of another key is its first."""
    script = play(f'at = "rcpt"\nkey = "{key}"\nattempt = "1"\n{REPLY}')
    address = {"rcpt": "ann@x.test"}

    assert script.on("rcpt", **address) == "say 450"
    assert script.on("rcpt", **{**address, **same}) == "proceed"
    assert script.on("rcpt", **{**address, **other}) == "say 450"


def test_a_transaction_ends_with_the_next_mail(play: Any) -> None:
    """Recipients are counted anew in each transaction of a connection."""
    script = play(f'at = "rcpt"\nkey = "transaction"\nattempt = "3-"\n{REPLY}')

    for _ in range(2):
        script.on("mail")
        assert [script.rcpt(f"{n}@x.test") for n in range(4)] == ["proceed", "proceed", "say 450", "say 450"]


def test_a_message_is_its_message_id_and_envelope(play: Any) -> None:
    """The order of recipients does not matter; another recipient makes another message."""
    script = play(f'at = "dot"\nkey = "message"\nattempt = "1"\n{REPLY}')
    refused = "do not take, say 450"

    assert script.on("dot", message_id="<1@x>", recipients=("a@x", "b@x")) == refused
    assert script.on("dot", message_id="<1@x>", recipients=("B@x", "a@x")) == "proceed"
    assert script.on("dot", message_id="<2@x>", recipients=("a@x", "b@x")) == refused
    assert script.on("dot", message_id="<1@x>", recipients=("a@x",)) == refused


def test_at_the_dot_each_recipient_has_its_own_count(play: Any) -> None:
    """A message to several is the nth of each of them; the rule fires for the first for whom it holds."""
    script = play('at = "dot"\nkey = "rcpt"\nattempt = "2"\nreply = "450 4.2.1 {rcpt} {n}"')

    assert script.on("dot", recipients=("a@x", "b@x")) == "proceed"
    assert script.decide("dot", recipients=("c@x", "b@x")).actions[1].reply.text == "4.2.1 b@x 2"
    assert script.decide("dot", recipients=("a@x", "c@x")).actions[1].reply.text == "4.2.1 a@x 2"
    assert script.on("dot", recipients=("a@x", "b@x", "c@x")) == "proceed"


def test_one_message_counts_once_for_a_domain(play: Any) -> None:
    """Two recipients of one domain are one event of it."""
    script = play(f'at = "dot"\nkey = "domain"\nattempt = "2"\n{REPLY}')

    assert script.on("dot", recipients=("a@x.test", "b@x.test")) == "proceed"
    assert script.on("dot", recipients=("c@x.test",)) == "do not take, say 450"


@pytest.mark.parametrize("key", ["from", "rcpt", "transaction"])
def test_what_cannot_be_counted_is_no_business_of_the_rule(play: Any, key: str) -> None:
    """Outside a transaction a rule that counts by the envelope does nothing."""
    script = play(f'at = "noop"\nkey = "{key}"\n{REPLY}')

    assert script.on("noop", reverse_path=None) == "proceed"
    assert script.on("noop", recipients=("ann@x.test",)) == "say 450"


def test_an_event_counts_whoever_answered_it(play: Any) -> None:
    """The third RCPT is the third, even where another rule answered the first."""
    script = play(
        '[[rule]]\nat = "rcpt"\ntimes = 1\nreply = "451 4.7.1 later"\n'
        f'[[rule]]\nat = "rcpt"\nkey = "rcpt"\nattempt = "3"\n{REPLY}'
    )

    assert [script.rcpt("ann@x.test") for _ in range(4)] == ["say 451", "proceed", "say 450", "proceed"]


def test_of_two_rules_that_count_the_first_answers(play: Any) -> None:
    """Both count the event, one fires."""
    script = play(
        '[[rule]]\nat = "rcpt"\nattempt = "1"\nreply = "450 a"\n[[rule]]\nat = "rcpt"\nattempt = "1-2"\nreply = "451 b"'
    )

    assert [script.rcpt("ann@x.test") for _ in range(3)] == ["say 450", "say 451", "proceed"]
    assert script.engine.fired() == {"test.toml:1": 1, "test.toml:5": 1}


def test_a_rule_that_does_not_count_is_skipped_once_another_has_answered(play: Any) -> None:
    """It neither answers nor fires."""
    script = play(f'[[rule]]\nat = "rcpt"\nreply = "451 4.7.1 later"\n[[rule]]\nat = "rcpt"\n{REPLY}')
    script.rcpt("ann@x.test")

    assert script.engine.unfired() == ("test.toml:4",)


def test_times_limits_how_often_a_rule_fires_for_a_key(play: Any) -> None:
    """The next two only, for each domain."""
    script = play(f'at = "rcpt"\nkey = "domain"\ntimes = 2\n{REPLY}')

    assert [script.rcpt(f"{n}@x.test") for n in range(3)] == ["say 450", "say 450", "proceed"]
    assert script.rcpt("a@y.test") == "say 450"


def test_times_counts_firings_not_events(play: Any) -> None:
    """What the rule lets pass does not use it up."""
    script = play(f'at = "rcpt"\nattempt = "2-"\ntimes = 1\n{REPLY}')

    assert [script.rcpt("ann@x.test") for _ in range(3)] == ["proceed", "say 450", "proceed"]


def test_age_runs_from_the_first_sight_of_a_key(play: Any) -> None:
    """Greylisting: five minutes from the first try, and not from the last."""
    script = play(f'at = "rcpt"\nkey = ["client", "from", "rcpt"]\nage = "<5m"\n{REPLY}')

    assert [script.rcpt("ann@x.test", after) for after in (0, 200, 299, 300, 1e6)] == ["say 450"] * 3 + ["proceed"] * 2
    assert script.rcpt("bob@x.test", 1e6) == "say 450"


def test_over_lets_so_many_through_in_any_window(play: Any) -> None:
    """A quota: refused events are not charged, old ones are forgotten."""
    script = play(f'at = "mail"\nkey = "client"\nover = "2/1h"\n{REPLY}')
    seen = [script.on("mail", minutes * 60) for minutes in (0, 30, 31, 59, 60, 61, 90)]

    assert seen == ["proceed", "proceed", "say 450", "say 450", "proceed", "say 450", "proceed"]
    assert script.on("mail", 61 * 60, client="192.0.2.9") == "proceed"


def test_what_another_rule_refused_is_not_charged(play: Any) -> None:
    """Over counts what went through, and only that."""
    script = play(
        '[[rule]]\nat = "rcpt"\nrcpt = "nobody@*"\nreply = "550 5.1.1 no"\n'
        '[[rule]]\nat = "rcpt"\nrcpt = "slow@*"\nwait = "1s"\n'
        f'[[rule]]\nat = "rcpt"\nover = "1/1h"\n{REPLY}'
    )

    assert [script.rcpt("nobody@x.test"), script.rcpt("ann@x.test")] == ["say 550", "proceed"]
    assert script.rcpt("bob@x.test") == "say 450"
    assert script.rcpt("slow@x.test", 3601) == "wait 1s, proceed"
    assert script.rcpt("bob@x.test", 3602) == "say 450"


@pytest.mark.parametrize("cut", ["before", "mid", "rst"])
def test_what_was_cut_off_is_not_charged(play: Any, cut: str) -> None:
    """A client that was hung up on did not get through."""
    script = play(f'[[rule]]\nat = "mail"\ntimes = 1\ncut = "{cut}"\n[[rule]]\nat = "mail"\nover = "1/1h"\n{REPLY}')
    script.on("mail")

    assert [script.on("mail"), script.on("mail")] == ["proceed", "say 450"]


def test_a_message_that_was_taken_is_charged(play: Any) -> None:
    """At the dot it is the taking that counts, not the reply."""
    script = play(
        f'[[rule]]\nat = "dot"\ntimes = 1\ncommit = true\ncut = "before"\n[[rule]]\nat = "dot"\nover = "1/1h"\n{REPLY}'
    )

    assert [script.on("dot"), script.on("dot")] == ["take, close", "do not take, say 450"]


def test_during_is_a_part_of_the_run(play: Any) -> None:
    """From ten to twenty minutes after the start, and from an hour on."""
    script = play('at = "connect"\nduring = ["10m..20m", "1h.."]\ncut = "refuse"')
    seen = [script.on("connect", after) for after in (0, 600, 1199, 1200, 3600, 1e6)]

    assert seen == ["proceed", "reset", "reset", "proceed", "reset", "reset"]


@pytest.mark.parametrize(("chance", "said"), [("1", {"say 450"}), ("0", {"proceed"}), ("0.5", {"say 450", "proceed"})])
def test_chance_is_drawn(play: Any, chance: str, said: set[str]) -> None:
    """Always, never, and half of the time."""
    script = play(f'at = "rcpt"\nchance = {chance}\n{REPLY}')

    assert {script.rcpt(f"{n}@x.test") for n in range(50)} == said


def test_chance_is_about_as_often_as_it_says(play: Any) -> None:
    """One in ten of a thousand, give or take."""
    script = play(f'at = "rcpt"\nchance = 0.1\n{REPLY}')
    for n in range(1000):
        script.rcpt(f"{n}@x.test")

    assert 70 <= script.engine.fired()["test.toml:1"] <= 130


def test_the_seed_makes_the_draws(play: Any) -> None:
    """The same seed draws the same, another draws otherwise; an argument wins over the script's own."""
    text = f'[server]\nseed = 7\n[[rule]]\nname = "r"\nat = "rcpt"\nchance = 0.5\n{REPLY}'

    def drawn(seed: int | None) -> list[str]:
        script = play(text, seed)
        return [script.rcpt(f"{n}@x.test") for n in range(40)]

    assert drawn(None) == drawn(7) != drawn(8)


def test_a_draw_is_made_anew_for_each_try(play: Any) -> None:
    """Who is unlucky once is not unlucky for ever."""
    script = play(f'at = "rcpt"\nchance = 0.5\n{REPLY}')

    assert {script.rcpt("ann@x.test") for _ in range(20)} == {"say 450", "proceed"}


def test_a_key_ties_draws_together(play: Any) -> None:
    """With a key the nth event of it is drawn for, whoever it is about."""
    script = play(f'at = "rcpt"\nkey = "from"\nchance = 0.5\n{REPLY}')
    other = play(f'at = "rcpt"\nkey = "from"\nchance = 0.5\n{REPLY}')

    assert [script.rcpt("ann@x.test") for _ in range(20)] == [other.rcpt("bob@x.test") for _ in range(20)]


@pytest.mark.parametrize("stage", ["banner", "ehlo", "mail", "rcpt", "data", "dot", "quit"])
def test_chance_works_at_every_stage(play: Any, stage: str) -> None:
    """Each stage has something to draw for."""
    script = play(f'at = "{stage}"\nchance = 0.5\nwait = "1s"')

    assert len({script.on(stage, message_id=f"<{n}@x>") for n in range(30)}) == 2


def test_at_mail_senders_draw_for_themselves(play: Any) -> None:
    """The draw of one sender does not depend on how many others came before."""
    script, alone = (play(f'at = "mail"\nchance = 0.5\n{REPLY}') for _ in range(2))
    for n in range(7):
        script.on("mail", reverse_path=f"{n}@shop.test")

    assert [script.on("mail") for _ in range(20)] == [alone.on("mail") for _ in range(20)]


def test_silence_is_asked_for_its_length(play: Any) -> None:
    """The session raises idle at the ages that the rules name."""
    script = play(
        '[[rule]]\nat = "idle"\nage = ">=60s"\nreply = "421 4.4.2 bye"\n'
        '[[rule]]\nat = "idle"\nage = "30s..2m"\ntimes = 1\nreply = "421 4.4.2 bye"\n'
        '[[rule]]\nat = "idle"\nage = ">60s"\ncut = "rst"'
    )

    assert script.engine.idle_waits() == (30.0, 60.0)
    assert play('at = "rcpt"').engine.idle_waits() == ()


def test_a_silence_shorter_than_the_rule_says_does_nothing(play: Any) -> None:
    """Sixty seconds, and not fifty-nine; a timer that is a hair early will do."""
    script = play('at = "idle"\nage = ">60s"\nreply = "421 4.4.2 bye"')

    assert script.on("idle", 59, idle=59.0) == "proceed"
    assert script.on("idle", 59.9995, idle=59.9995) == "say 421, close"


def test_a_silence_longer_than_the_rule_says_does_nothing(play: Any) -> None:
    """From..to has an end at idle, too."""
    script = play('at = "idle"\nage = "30s..60s"\nreply = "421 4.4.2 bye"')

    assert script.on("idle", 90, idle=90.0) == "proceed"


def test_one_silence_counts_once(play: Any) -> None:
    """However often the session looks, a silence is one event; the next one is the second."""
    script = play('at = "idle"\nage = ">=60s"\nattempt = "2"\nreply = "421 4.4.2 bye"')

    assert script.on("idle", 60, idle=60.0) == "proceed"
    assert script.on("idle", 120, idle=120.0) == "proceed"
    assert script.on("idle", 200, idle=60.0) == "say 421, close"


def test_silences_are_told_apart_by_session(play: Any) -> None:
    """Two sessions that fall silent together are two events."""
    script = play('at = "idle"\nage = ">=60s"\nkey = "connection"\ntimes = 1\nreply = "421 4.4.2 bye"')

    assert script.on("idle", 60, idle=60.0) == "say 421, close"
    assert script.on("idle", 60, idle=60.0, session=2) == "say 421, close"


def test_open_counts_the_sessions_of_a_client(play: Any) -> None:
    """The third that is open at the same time is too much; when one has ended there is room again."""
    script = play('at = "connect"\nkey = "client"\nopen = ">2"\ncut = "refuse"')
    seen = [script.on("connect", session=n) for n in (1, 2, 3)]

    assert seen == ["proceed", "proceed", "reset"]
    assert script.on("connect", session=4, client="192.0.2.9") == "proceed"

    script.engine.end(1)

    assert [script.on("connect", session=n) for n in (5, 6)] == ["proceed", "reset"]


def test_open_without_a_key_counts_all_sessions(play: Any) -> None:
    """Whoever they belong to, and whatever else the rule counts by."""
    script = play('at = "banner"\nkey = "connection"\nopen = 2\nreply = "421 4.3.2 busy"')
    seen = []
    for n in (1, 2, 3):
        script.on("connect", session=n, client=f"192.0.2.{n}")
        seen.append(script.on("banner", session=n, client=f"192.0.2.{n}"))

    assert seen == ["proceed", "say 421, close", "proceed"]


def test_open_counts_the_sessions_of_a_user(play: Any) -> None:
    """From the moment on at which it logs in; another name after EHLO is another client's."""
    script = play(f'at = ["auth", "mail"]\nkey = ["user", "ehlo"]\nopen = ">1"\n{REPLY}')
    first = script.on("auth", user="ann", session=1)
    script.on("ehlo", session=2, argument="client.test")
    script.on("ehlo", session=3, argument="other.test", helo="")

    assert first == "proceed"
    assert script.on("auth", user="Ann", session=2) == "say 450"
    assert script.on("auth", user="ann", session=3, helo="other.test") == "proceed"


def test_a_state_is_set_and_asked_for(play: Any) -> None:
    """A server that goes down at its second message, and comes up when somebody says so."""
    script = play(
        '[[rule]]\nat = "mail"\nstate = "down"\nreply = "421 4.3.2 down"\n'
        '[[rule]]\nat = "mail"\nattempt = "2"\nset = "down"\nreply = "450 4.3.2 going down"\n'
        '[[rule]]\nat = "noop"\nstate = ["down", "half down"]\nset = "start"\n'
    )

    assert [script.on("mail") for _ in range(3)] == ["proceed", "say 450", "say 421, close"]
    assert [script.on("noop"), script.on("mail")] == ["proceed", "proceed"]


def test_a_state_is_one_for_each_value_of_the_key(play: Any) -> None:
    """Rules with the same key share it; one without a key has another."""
    script = play(
        '[[rule]]\nat = "rcpt"\nkey = ["rcpt", "client"]\nstate = "full"\nreply = "552 5.2.2 full"\n'
        '[[rule]]\nat = "rcpt"\nstate = "full"\nreply = "452 4.3.1 all full"\n'
        '[[rule]]\nat = "dot"\nkey = ["client", "rcpt"]\nset = "full"\n'
    )
    script.on("dot", recipients=("ann@x.test",))

    assert [script.rcpt("ANN@x.test"), script.rcpt("bob@x.test")] == ["say 552", "proceed"]
    assert script.rcpt("ann@x.test", client="192.0.2.9") == "proceed"


def test_a_new_state_holds_from_the_next_event_on(play: Any) -> None:
    """At the event that sets it all rules are asked in the state that was there before."""
    script = play(
        '[[rule]]\nat = "mail"\nset = "up"\nthen = "pass"\n'
        f'[[rule]]\nat = "mail"\nstate = "up"\n{REPLY}\n[[rule]]\nat = "mail"\nstate = "start"\n'
    )

    assert [script.on("mail") for _ in range(2)] == ["proceed", "say 450"]
    assert script.engine.fired() == {"test.toml:1": 2, "test.toml:5": 1, "test.toml:9": 1}


def test_a_state_of_a_connection_ends_with_it(play: Any) -> None:
    """And so do counters."""
    script = play(
        '[[rule]]\nat = "mail"\nkey = "connection"\nstate = "seen"\nreply = "450 again {n}"\n'
        '[[rule]]\nat = "mail"\nkey = "connection"\nset = "seen"\n'
    )
    first = [script.on("mail"), script.decide("mail").actions[0].reply.text]
    script.engine.end(1)
    again = [script.on("mail"), script.decide("mail").actions[0].reply.text]

    assert first == again == ["proceed", "again 2"]


def test_priority_says_who_is_asked_first(play: Any) -> None:
    """1 before 2 before what says nothing before 6; in one priority the order of the file."""
    rules = [("late", 6), ("usual", None), ("usual too", 5), ("early", 2), ("first", 1)]
    text = ""
    for name, priority in rules:
        said = f"priority = {priority}\n" if priority else ""
        text += f'[[rule]]\nname = "{name}"\nat = "rcpt"\ntimes = 1\n{said}{REPLY}\n'
    script = play(text)
    order = [script.decide("rcpt", rcpt="ann@x.test").rule for _ in rules]

    assert order == ["first", "early", "usual", "usual too", "late"]
    assert list(script.engine.fired()) == [name for name, _ in rules]


def test_replies_may_begin_again(play: Any) -> None:
    """For each key for itself."""
    script = play('at = "rcpt"\nkey = "rcpt"\nreplies = ["450 a", "451 b"]\nthen = "cycle"')

    assert [script.rcpt("ann@x.test") for _ in range(5)] == ["say 450", "say 451"] * 2 + ["say 450"]
    assert script.rcpt("bob@x.test") == "say 450"


def test_replies_may_end(play: Any) -> None:
    """Then the next rules are asked."""
    script = play(
        '[[rule]]\nat = "rcpt"\nkey = "rcpt"\nreplies = ["450 a", "451 b"]\nthen = "pass"\n'
        '[[rule]]\nat = "rcpt"\nreply = "550 c"\n'
    )

    assert [script.rcpt("ann@x.test") for _ in range(4)] == ["say 450", "say 451", "say 550", "say 550"]
    assert script.rcpt("bob@x.test") == "say 450"


def test_in_the_middle_of_a_message_a_rule_acts_once(play: Any) -> None:
    """Each where it says; a rule that says nothing at the first octet; the next message is another one."""
    script = play(
        '[[rule]]\nat = "body"\nafter = "4096B"\nattempt = "2"\nreply = "552 a"\n'
        '[[rule]]\nat = "body"\nafter = 10\nattempt = "3"\nreply = "451 b"\n'
        '[[rule]]\nat = "body"\nattempt = "3"\nreply = "452 c"\n'
    )
    moments = [(transaction, size) for transaction in (1, 2, 3) for size in (1, 10, 10, 5000)]
    seen = [script.on("body", size=size, transaction=transaction) for transaction, size in moments]

    assert script.engine.body_marks() == (10, 4096)
    assert seen == ["proceed"] * 4 + ["proceed"] * 3 + ["say 552"] + ["say 452", "say 451"] + ["proceed"] * 2
