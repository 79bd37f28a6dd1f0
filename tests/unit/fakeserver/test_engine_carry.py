"""One engine goes on where another is."""

from __future__ import annotations

from maildrill.fakeserver.engine import Engine
from maildrill.fakeserver.event import Event
from maildrill.fakeserver.script_file import read_script
from maildrill.smtp import Stage

RULE = '[[rule]]\nname = "{name}"\nat = "mail"\nkey = "transaction"\nreply = "450 4.3.2 {{n}}"\n'


def test_a_rule_that_is_there_unchanged_goes_on_counting() -> None:
    """One that changed, or was not there, begins anew; transactions are counted on."""
    before = Engine(read_script(RULE.format(name="a") + RULE.format(name="b"), "x.toml"))
    mail = Event(stage=Stage.MAIL, at=0.0, session=1, client="192.0.2.1", reverse_path="a@b.test")
    before.on(mail)
    after = Engine(
        read_script(
            RULE.format(name="a") + RULE.format(name="b").replace("450", "451") + RULE.format(name="c"), "x.toml"
        )
    )
    after.carry(before)

    assert after.fired() == {"a": 1, "b": 0, "c": 0}
    assert after._transactions == {1: 1}
