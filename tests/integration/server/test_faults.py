"""Every fault that a script can order, seen by a client that reads octets: in memory, and its twin on TCP."""

from __future__ import annotations

from typing import Any

import pytest

REPLY = 'reply = "451 4.7.1 later"'
MESSAGE = b"Subject: hi\r\n\r\nhello\r\n.\r\n"
#: The command with which a client comes to each stage, after what it needs before.
WAY: dict[str, tuple[tuple[str, ...], str]] = {
    "helo": ((), "HELO again.test"),
    "ehlo": ((), "EHLO again.test"),
    "starttls": ((), "STARTTLS"),
    "auth": ((), "AUTH PLAIN AGEAYg=="),
    "mail": ((), "MAIL FROM:<news@shop.test>"),
    "rcpt": (("MAIL FROM:<news@shop.test>",), "RCPT TO:<ann@x.test>"),
    "data": (("MAIL FROM:<news@shop.test>", "RCPT TO:<ann@x.test>"), "DATA"),
    "rset": ((), "RSET"),
    "noop": ((), "NOOP"),
    "vrfy": ((), "VRFY ann@x.test"),
    "quit": ((), "QUIT"),
    "unknown": ((), "XYZZY"),
}
#: What a correct server says there; of HELO and EHLO the first line's beginning.
USUAL = {
    "helo": "250 mx.test",
    "ehlo": "250-mx.test|",
    "starttls": "502 5.5.1 command not implemented",
    "auth": "502 5.5.1 command not implemented",
    "mail": "250 2.1.0 sender ok",
    "rcpt": "250 2.1.5 recipient ok",
    "data": "354 end data with <CR><LF>.<CR><LF>",
    "rset": "250 2.0.0 ok",
    "noop": "250 2.0.0 ok",
    "vrfy": "252 2.1.5 not verified, but mail for it is taken",
    "quit": "221 2.0.0 bye",
    "unknown": "500 5.5.1 command not recognised",
}


@pytest.mark.parametrize("stage", WAY)
def test_a_reply_is_said_in_the_servers_place(ground: Any, stage: str) -> None:
    """A scripted reply arrives as written, at every stage that is a command."""

    async def story(scene: Any) -> str:
        client = await scene.greeted()
        before, command = WAY[stage]
        for line in before:
            await client.ask(line)
        return str(await client.ask(command))

    script = f'at = "{stage}"\nattempt = "{2 if stage == "ehlo" else 1}"\n{REPLY}'

    assert ground.play(script, story) == "451 4.7.1 later"


@pytest.mark.parametrize("stage", WAY)
def test_without_a_rule_the_server_is_correct(memory: Any, stage: str) -> None:
    """A script that says nothing of a stage leaves it to a correct server."""

    async def story(scene: Any) -> str:
        client = await scene.greeted()
        before, command = WAY[stage]
        for line in before:
            await client.ask(line)
        return str(await client.ask(command))

    assert memory.play("", story).startswith(USUAL[stage])


@pytest.mark.parametrize(
    ("cut", "heard", "end"),
    [
        ("before", "", "fin"),
        ("after", "451 4.7.1 later\r\n", "fin"),
        ("mid", "451 4.7.", "fin"),
        ("rst", "", "rst"),
    ],
)
@pytest.mark.parametrize("stage", WAY)
def test_a_cut_ends_the_connection_where_it_says(ground: Any, stage: str, cut: str, heard: str, end: str) -> None:
    """Before the reply, after it, in its middle, or by a reset."""
    reply = REPLY if cut in ("after", "mid") else ""
    script = f'at = "{stage}"\nattempt = "{2 if stage == "ehlo" else 1}"\ncut = "{cut}"\n{reply}'

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        before, command = WAY[stage]
        for line in before:
            await client.ask(line)
        client.write(f"{command}\r\n".encode())
        return await client.rest(), scene.events()[-1].split()[-1]

    assert ground.play(script, story) == ((heard, end), end)


@pytest.mark.parametrize(
    ("cut", "heard", "end"),
    [
        ("before", "", "fin"),
        ("after", "554 5.3.2 no\r\n", "fin"),
        ("mid", "554 5.3", "fin"),
        ("rst", "", "rst"),
    ],
)
def test_a_cut_at_the_banner(ground: Any, cut: str, heard: str, end: str) -> None:
    """The greeting too can be cut off."""
    reply = 'reply = "554 5.3.2 no"' if cut in ("after", "mid") else ""

    async def story(scene: Any) -> Any:
        return await (await scene.call()).rest()

    assert ground.play(f'at = "banner"\ncut = "{cut}"\n{reply}', story) == (heard, end)


@pytest.mark.parametrize(
    ("cut", "committed", "heard", "end"),
    [
        ("before", False, "", "fin"),
        ("after", True, "250 2.0.0 message taken\r\n", "fin"),
        ("mid", True, "250 2.0.0 me", "fin"),
        ("rst", False, "", "rst"),
    ],
)
def test_a_cut_at_the_dot(ground: Any, cut: str, committed: bool, heard: str, end: str) -> None:
    """Acknowledged is what was said in full, committed what was taken."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask("MAIL FROM:<news@shop.test>", "RCPT TO:<ann@x.test>", "DATA")
        client.write(MESSAGE)
        said = await client.rest()
        journal = scene.journal
        return said, journal.committed("ann@x.test"), journal.acknowledged("ann@x.test")

    assert ground.play(f'at = "dot"\ncut = "{cut}"', story) == ((heard, end), committed, cut == "after")


@pytest.mark.parametrize(("commit", "reply"), [("true", "451 4.3.0 no"), ("false", "250 2.0.0 yes")])
def test_commit_is_independent_of_the_reply(ground: Any, commit: str, reply: str) -> None:
    """A server can lose what it acknowledged, and keep what it refused."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        said = await client.send(MESSAGE)
        journal = scene.journal
        return said, journal.committed("ann@x.test"), journal.acknowledged("ann@x.test")

    told = ground.play(f'at = "dot"\ncommit = {commit}\nreply = "{reply}"', story)

    assert told == (reply, int(commit == "true"), int(reply.startswith("2")))


def test_a_refused_connection_in_memory(memory: Any) -> None:
    """`refuse` is what a closed port looks like."""

    async def story(scene: Any) -> Any:
        with pytest.raises(ConnectionRefusedError):
            await scene.call()
        return scene.events(), scene.journal.sessions[0].closed

    assert memory.play('at = "connect"\ncut = "refuse"', story) == (["connect refused"], "refused")


def test_a_refused_connection_on_tcp(tcp: Any) -> None:
    """On TCP the kernel accepts before we are asked: the client sees a reset before any octet."""

    async def story(scene: Any) -> Any:
        try:
            heard = await (await scene.call()).rest()
        except ConnectionResetError:
            heard = ("", "rst")
        return heard, scene.events()

    assert tcp.play('at = "connect"\ncut = "refuse"', story) == (("", "rst"), ["connect refused"])


def test_a_wait_delays_the_reply_in_virtual_time(memory: Any) -> None:
    """Half an hour of tarpit costs nothing, and is half an hour."""

    async def story(scene: Any) -> float:
        client = await scene.greeted()
        asked = client.clock.now()
        await client.ask("NOOP")
        return float(client.clock.now() - asked)

    assert 1800 < memory.play('at = "noop"\nwait = "30m"', story) < 1801


def test_a_wait_delays_the_reply_in_real_time(tcp: Any) -> None:
    """On TCP a wait is a wait, and what was said before it has left."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        asked = client.clock.now()
        client.write(b"RSET\r\nNOOP\r\n")
        first, waited_not = await client.hear(), client.clock.now() - asked
        second, waited = await client.hear(), client.clock.now() - asked
        return first, second, waited_not < 0.2 <= waited

    assert tcp.play('at = "noop"\nwait = "200ms"', story) == ("250 2.0.0 ok", "250 2.0.0 ok", True)


def test_421_closes_and_what_was_pipelined_behind_it_never_happened(ground: Any) -> None:
    """No ghost commands: the journal ends with the 421."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        client.write(b"MAIL FROM:<news@shop.test>\r\nRCPT TO:<ann@x.test>\r\nDATA\r\nQUIT\r\n")
        return await client.rest(), scene.events()

    told = ground.play('at = "mail"\nreply = "421 4.3.2 bye"', story)

    assert told == (("421 4.3.2 bye\r\n", "fin"), ["banner 220", "ehlo 250", "mail 421 fin"])


def test_421_that_never_cuts_leaves_the_session_open(ground: Any) -> None:
    """`cut = "never"` is the server that says 421 and stays."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        return await client.ask("MAIL FROM:<news@shop.test>"), await client.ask("NOOP")

    told = ground.play('at = "mail"\nreply = "421 4.3.2 bye"\ncut = "never"', story)

    assert told == ("421 4.3.2 bye", "250 2.0.0 ok")


def test_a_multi_line_reply_repeats_code_and_enhanced_code(ground: Any) -> None:
    """Each line is a whole reply line (RFC 2034 section 4)."""

    async def story(scene: Any) -> Any:
        return await (await scene.greeted()).ask("NOOP")

    assert ground.play(r'at = "noop"' + "\n" + r'reply = "451 4.7.1 one\ntwo"', story) == "451-4.7.1 one|451 4.7.1 two"


def test_a_banner_that_refuses_leaves_only_quit(ground: Any) -> None:
    """554 instead of 220: any other command is out of place (RFC 5321 section 3.1)."""

    async def story(scene: Any) -> Any:
        client = await scene.call()
        return await client.hear(), await client.ask("EHLO me"), await client.ask("QUIT"), await client.rest()

    assert ground.play('at = "banner"\nreply = "554 5.3.2 no mail here"', story) == (
        "554 5.3.2 no mail here",
        "503 no service here: only QUIT is left",
        "221 bye",
        ("", "fin"),
    )


def test_a_message_is_answered_early_and_then_swallowed(ground: Any) -> None:
    """A reply at `body` comes before the dot, is the only one, and the session goes on."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask("MAIL FROM:<news@shop.test>", "RCPT TO:<ann@x.test>", "DATA")
        client.write(b"S")
        early = await client.hear()
        client.write(b"ubject: hi\r\n\r\n.\r\nNOOP\r\n")
        return early, await client.hear(), scene.journal.committed("ann@x.test"), scene.events()[-4:]

    assert ground.play('at = "body"\nreply = "552 5.3.4 too big"', story) == (
        "552 5.3.4 too big",
        "250 2.0.0 ok",
        0,
        ["data 354", "body 552", "dot", "noop 250"],
    )


@pytest.mark.parametrize(
    ("cut", "reply", "heard", "end"),
    [
        ("before", "", "", "fin"),
        ("rst", "", "", "rst"),
        ("after", 'reply = "554 5.7.1 spam"', "554 5.7.1 spam\r\n", "fin"),
    ],
)
def test_a_message_is_cut_off_while_it_comes(ground: Any, cut: str, reply: str, heard: str, end: str) -> None:
    """The last reply is readable although much of the message was never read."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask("MAIL FROM:<news@shop.test>", "RCPT TO:<ann@x.test>", "DATA")
        client.write(b"a line of the message\r\n" * 20_000)
        return await client.rest(), len(scene.journal.messages)

    assert ground.play(f'at = "body"\ncut = "{cut}"\n{reply}', story) == ((heard, end), 0)


def test_an_idle_session_hears_421(ground: Any) -> None:
    """A server that has waited long enough says so and closes, unasked."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        await client.ask("NOOP")
        quiet = client.clock.now()
        said = await client.rest()
        return said, 0.29 <= client.clock.now() - quiet < 3.0, scene.events()[-1]

    told = ground.play('at = "idle"\nage = ">=300ms"\nreply = "421 4.4.2 idle"', story)

    assert told == (("421 4.4.2 idle\r\n", "fin"), True, "idle 421 fin")


def test_an_unasked_reply_may_leave_the_session_open(ground: Any) -> None:
    """It answers nothing; the next command is answered as ever, and the age starts anew with that reply."""

    async def story(scene: Any) -> Any:
        client = await scene.greeted()
        unasked = await client.hear()
        return unasked, await client.ask("NOOP"), await client.hear()

    told = ground.play('at = "idle"\nage = ">=100ms"\nreply = "450 4.3.0 hm"', story)

    assert told == ("450 4.3.0 hm", "250 2.0.0 ok", "450 4.3.0 hm")


@pytest.mark.parametrize("changes", ['["-PIPELINING", "SIZE 1000", "-8BITMIME", "-SMTPUTF8", "X-NEW thing"]'])
def test_caps_change_what_is_advertised_and_what_is_taken(ground: Any, changes: str) -> None:
    """What is hidden is refused; what is declared is kept to."""

    async def story(scene: Any) -> Any:
        client = await scene.call()
        await client.hear()
        return (
            await client.ask("EHLO me"),
            await client.ask("MAIL FROM:<a@b.test> BODY=8BITMIME"),
            await client.ask("MAIL FROM:<a@b.test> SMTPUTF8"),
            await client.ask("MAIL FROM:<a@b.test> SIZE=1001"),
            await client.ask("MAIL FROM:<a@b.test> SIZE=1000"),
            await client.ask("RCPT TO:<ann@x.test>"),
            await client.ask("DATA"),
            await client.ask("x" * 999 + "\r\n."),
            scene.journal.committed("ann@x.test"),
        )

    assert ground.play(f'at = "ehlo"\ncaps = {changes}', story) == (
        "250-mx.test|250-SIZE 1000|250-ENHANCEDSTATUSCODES|250-CHUNKING|250-BINARYMIME|250-DSN|250 X-NEW thing",
        "555 5.5.4 parameter not recognised or not implemented",
        "555 5.5.4 parameter not recognised or not implemented",
        "552 5.3.4 message exceeds the fixed maximum size",
        "250 2.1.0 sender ok",
        "250 2.1.5 recipient ok",
        "354 end data with <CR><LF>.<CR><LF>",
        "552 5.3.4 message exceeds the fixed maximum size",
        0,
    )
