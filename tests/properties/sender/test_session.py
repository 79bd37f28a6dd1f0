from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from maildrill.fakeserver.engine.event import Action, Advertise, Close, Decision, Event, Proceed, Say
from maildrill.fakeserver.server import FakeServer
from maildrill.scenarios.world import Network, World, run_world
from maildrill.sender.attempt import Ruling, Transaction
from maildrill.sender.campaign import Account
from maildrill.sender.disposition import judge, learned_limit
from maildrill.sender.octets import Content
from maildrill.sender.session import Session, open_session
from maildrill.sender.timeouts import Deadlines
from maildrill.smtp import Envelope, Reply, Stage

ADDRESSES = ("ann@x.test", "ben@x.test", "cid@x.test")
MESSAGE = b"Subject: hello\r\n\r\n.\r\nHello!"
OK = Proceed()


def says(*texts: str) -> st.SearchStrategy[Action]:
    """Usually what is correct, else one of these replies, or none and the end of the connection."""
    return st.just(OK) | st.sampled_from([Say(Reply.of(text)) for text in texts] + [Close()])


@dataclass(frozen=True)
class Policy:
    """A server that says the same to the same thing, whenever it is asked."""

    mail: Action
    rcpt: tuple[Action, ...]
    data: Action
    dot: Action
    body: Action
    pipelining: bool = True
    closes: bool = True  # after a 421
    said: list[Reply] = field(default_factory=list, compare=False)
    asked_after_421: list[Stage] = field(default_factory=list, compare=False)

    def on(self, event: Event) -> Decision:
        if any(reply.code == 421 for reply in self.said):
            self.asked_after_421.append(event.stage)
        if event.stage is Stage.EHLO and not self.pipelining:
            return Decision((Advertise(("-PIPELINING",)), Proceed()))
        action = {Stage.MAIL: self.mail, Stage.DATA: self.data, Stage.BODY: self.body, Stage.DOT: self.dot}.get(
            event.stage, OK
        )
        if event.stage is Stage.RCPT and event.rcpt in ADDRESSES:
            action = self.rcpt[ADDRESSES.index(event.rcpt)]
        if isinstance(action, Say):
            self.said.append(action.reply)
            if action.reply.code == 421 and self.closes:
                return Decision((action, Close()))
        return Decision((action,))

    def idle_waits(self) -> tuple[float, ...]:
        return ()

    def body_marks(self) -> tuple[int, ...]:
        return ()

    def end(self, session: int) -> None:
        pass


POLICIES = st.builds(
    Policy,
    mail=says("250", "451 later", "550 no", "421 bye", "530 who?", "503 what?", "552 big"),
    rcpt=st.tuples(
        *[says("252 ok", "450 later", "452 many", "452 4.2.2 full", "552 5.5.3 many", "550", "503", "421 bye")] * 3
    ),
    data=says("451 later", "554 no", "554 5.6.0 no", "503 what?", "421 bye", "250 yes?"),
    dot=says("251 ok", "451 later", "554 no", "421 bye", "354 more?"),
    body=says("552 big", "421 bye"),
)


async def _nothing(_: tuple[str, ...]) -> None: ...


def played(policy: Policy, network: Network) -> tuple[Transaction, tuple[Ruling, ...]]:
    """One transaction with all recipients against this server."""

    async def main(world: World) -> Transaction:
        server = FakeServer(policy, clock=world.clock)
        host, port = await server.start("mx.test", 25)
        session = await open_session(
            Account(host=host, port=port),
            clock=world.clock,
            deadlines=Deadlines(),
            on_said=lambda *_: None,
            local_hostname="sender.test",
        )
        assert isinstance(session, Session)
        heard = await session.transact(Envelope("news@x.test", ADDRESSES), Content.of(MESSAGE), before_dot=_nothing)
        await session.quit()
        await server.stop()
        return heard

    heard = run_world(main, network=network)
    return heard, judge(heard)


@settings(max_examples=60)
@given(policy=POLICIES, pipelining=st.booleans(), segment=st.integers(1, 40), seed=st.integers(0, 99))
def test_packets_do_not_matter(policy: Policy, pipelining: bool, segment: int, seed: int) -> None:
    """The same is heard however octets are cut into packets (invariant I30)."""
    one = replace(policy, pipelining=pipelining)
    whole, cut = played(one, Network()), played(one, Network(segment=segment, seed=seed))

    assert cut == whole


@settings(max_examples=100)
@given(policy=POLICIES)
def test_pipelined_and_lock_step_come_to_the_same(policy: Policy) -> None:
    """The same rulings and the same lesson against a server that says the same to the same (invariant I31)."""
    (group, rulings), (single, others) = (played(replace(policy, pipelining=way), Network()) for way in (True, False))

    assert rulings == others
    assert learned_limit(group) == learned_limit(single)


@settings(max_examples=60)
@given(policy=POLICIES)
def test_after_a_421_nothing_is_said(policy: Policy) -> None:
    """Though the server would listen (invariant I25)."""
    patient = replace(policy, pipelining=False, closes=False, said=[], asked_after_421=[])
    played(patient, Network())

    assert set(patient.asked_after_421) <= {Stage.DOT}  # of a message that was on its way already
