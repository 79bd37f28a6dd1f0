"""Rules over HTTP: the same words as in a script, and mistakes told as well."""

from __future__ import annotations

from typing import Any

import aiosmtplib
import pytest

from maildrill.fakeserver.engine.event import Decision, Proceed

SCRIPT = """
[[rule]]
name = "full"
at = "rcpt"
rcpt = "full@*"
reply = "452 4.2.2 mailbox full"

[[rule]]
at = "rcpt"
domain = ["a.test", "b.test"]
key = "rcpt"
attempt = "1-2"
replies = ["450 4.2.1 busy", "451 4.3.0 later"]
"""
GONE = {"name": "gone", "at": "rcpt", "rcpt": "gone@*", "reply": "550 5.1.1 no such user"}


def test_rules_are_listed_in_the_words_of_the_script(scene: Any) -> None:
    """In order, and with how often each has fired."""

    async def story(at: Any) -> Any:
        await at.send("full@x.test")
        return await at.got("/v1/rules")

    assert scene(story, SCRIPT) == {
        "rule": [
            {"name": "full", "at": "rcpt", "rcpt": "full@*", "reply": "452 4.2.2 mailbox full"},
            {
                "name": "test.toml:8",
                "at": "rcpt",
                "domain": ["a.test", "b.test"],
                "key": "rcpt",
                "attempt": "1-2",
                "replies": ["450 4.2.1 busy", "451 4.3.0 later"],
            },
        ],
        "fired": {"full": 1, "test.toml:8": 0},
    }


def test_rules_can_be_put_back_as_they_were_got(scene: Any) -> None:
    """Counters of rules that did not change go on."""

    async def story(at: Any) -> Any:
        await at.send("ann@a.test")
        before = await at.got("/v1/rules")
        after = await at.asked("PUT", "/v1/rules", json=before)
        return before == after, [await at.send("ann@a.test") for _ in range(2)]

    same, refused = scene(story, SCRIPT)

    assert same
    assert refused == [{"ann@a.test": (451, "4.3.0 later")}, {}]


def test_a_rule_that_is_added_goes_first(scene: Any) -> None:
    """Or last, where that is asked for."""

    async def story(at: Any) -> Any:
        first = await at.asked("POST", "/v1/rules", json={"at": "rcpt", "reply": "550 5.7.1 no"})
        refused = await at.send("full@x.test")
        await at.asked("POST", "/v1/rules?place=last", json=GONE)
        names = [rule["name"] for rule in (await at.got("/v1/rules"))["rule"]]
        return first["name"], refused, names

    assert scene(story, SCRIPT) == (
        "api#1",
        {"full@x.test": (550, "5.7.1 no")},
        ["api#1", "full", "test.toml:8", "gone"],
    )


def test_the_next_message_only_meets_a_rule_for_it(scene: Any) -> None:
    """It goes before all others, fires once, and is gone: so many may be posted as there are tests."""

    async def story(at: Any) -> Any:
        await at.asked("POST", "/v1/rules/next", json={"at": "dot", "reply": "554 5.7.1 not this one"})
        names = [rule["name"] for rule in (await at.got("/v1/rules"))["rule"]]
        first = await at.send("ann@x.test")
        gone = [rule["name"] for rule in (await at.got("/v1/rules"))["rule"]]
        return names, first, gone, await at.send("ann@x.test")

    assert scene(story, SCRIPT) == (
        ["api#1", "full", "test.toml:8"],
        {"": (554, "5.7.1 not this one")},
        ["full", "test.toml:8"],
        {},
    )


def test_the_next_message_meets_its_rule_whatever_else_is_asked_first(scene: Any) -> None:
    """It has the first priority, too."""
    script = '[[rule]]\nat = "rcpt"\npriority = 1\nreply = "450 4.2.1 always"\n'

    async def story(at: Any) -> Any:
        await at.asked("POST", "/v1/rules/next", json={"at": "rcpt", "reply": "550 5.7.1 this once"})
        return [await at.send("ann@x.test") for _ in range(2)]

    assert scene(story, script) == [{"ann@x.test": (550, "5.7.1 this once")}, {"ann@x.test": (450, "4.2.1 always")}]


def test_several_next_rules_are_used_up_the_newest_first(scene: Any) -> None:
    """One each."""

    async def story(at: Any) -> Any:
        for reply in ("451 4.3.0 one", "452 4.3.1 two"):
            await at.asked("POST", "/v1/rules/next", json={"at": "rcpt", "reply": reply})
        return [await at.send("ann@x.test") for _ in range(3)]

    assert scene(story) == [{"ann@x.test": (452, "4.3.1 two")}, {"ann@x.test": (451, "4.3.0 one")}, {}]


def test_one_rule_is_read_replaced_and_removed(scene: Any) -> None:
    """By its name, which may hold a slash or a colon."""

    async def story(at: Any) -> Any:
        added = await at.http.put("/v1/rules/a/b:1", json={"at": "rcpt", "reply": "550 no"})
        again = await at.http.put("/v1/rules/a/b:1", json={"at": "rcpt", "reply": "450 no"})
        got = await at.got("/v1/rules/a/b:1")
        names = [rule["name"] for rule in (await at.got("/v1/rules"))["rule"]]
        removed = await at.asked("DELETE", "/v1/rules/a/b:1")
        return added.status_code, again.status_code, got, names, removed, await at.refused("GET", "/v1/rules/a/b:1")

    added, again, got, names, removed, gone = scene(story, SCRIPT)

    assert (added, again) == (201, 200)
    assert got == removed == {"name": "a/b:1", "at": "rcpt", "reply": "450 no"}
    assert names == ["a/b:1", "full", "test.toml:8"]
    assert (gone["status"], gone["detail"]) == (404, 'no rule is called "a/b:1"')


def test_all_rules_are_removed_and_given_back(scene: Any) -> None:
    """Then all is well."""

    async def story(at: Any) -> Any:
        removed = await at.asked("DELETE", "/v1/rules")
        return [rule["name"] for rule in removed["rule"]], await at.got("/v1/rules"), await at.send("full@x.test")

    assert scene(story, SCRIPT) == (["full", "test.toml:8"], {"rule": [], "fired": {}}, {})


def test_sessions_go_on_while_rules_change(scene: Any) -> None:
    """Who is connected meets the new rule."""

    async def story(at: Any) -> Any:
        async with aiosmtplib.SMTP(hostname=at.smtp[0], port=at.smtp[1]) as client:
            await client.ehlo()
            await client.mail("news@shop.test")
            await at.asked("POST", "/v1/rules", json=GONE)
            try:
                await client.rcpt("gone@x.test")
            except aiosmtplib.SMTPRecipientRefused as error:
                return error.code

    assert scene(story) == 550


@pytest.mark.parametrize(
    ("method", "path", "body", "problem"),
    [
        (
            "POST",
            "/v1/rules",
            {"at": "rctp", "reply": "550 no"},
            {"status": 422, "detail": 'unknown stage "rctp"', "pointer": "/at", "hint": 'did you mean "rcpt"?'},
        ),
        ("POST", "/v1/rules", {"reply": "550 no"}, {"status": 422, "detail": 'a rule has no "at"'}),
        ("POST", "/v1/rules", {"at": "rcpt", "repyl": "550"}, {"status": 422, "hint": 'did you mean "reply"?'}),
        ("POST", "/v1/rules/next", {"at": "rcpt", "reply": "600 x"}, {"status": 422, "pointer": "/reply"}),
        ("POST", "/v1/rules", {"at": "rcpt", "times": True, "reply": "550 x"}, {"status": 422, "pointer": "/times"}),
        ("PUT", "/v1/rules", {"rule": [GONE, {"at": "x"}]}, {"status": 422, "pointer": "/rule/1/at"}),
        ("PUT", "/v1/rules", {"rule": [GONE, 7]}, {"status": 422, "pointer": "/rule/1"}),
        ("PUT", "/v1/rules", {"rule": GONE}, {"status": 422, "pointer": "/rule"}),
        ("PUT", "/v1/rules", {"rules": []}, {"status": 422, "pointer": "/rules"}),
        ("PUT", "/v1/rules", {"rule": [GONE, GONE]}, {"status": 409, "detail": 'a rule is called "gone" already'}),
        ("POST", "/v1/rules", {**GONE, "name": "full"}, {"status": 409}),
        ("PUT", "/v1/rules/other", GONE, {"status": 422, "pointer": "/name"}),
        ("POST", "/v1/rules", [GONE], {"status": 422, "detail": "the body is no object", "pointer": ""}),
        ("DELETE", "/v1/rules/ful", None, {"status": 404, "hint": 'did you mean "full"?'}),
    ],
)
def test_a_mistake_is_told_with_its_place(
    scene: Any, method: str, path: str, body: Any, problem: dict[str, Any]
) -> None:
    """As an error in a file is, with a JSON pointer instead of a line; nothing is changed by it."""

    async def story(at: Any) -> Any:
        before = await at.got("/v1/rules")
        told = await at.refused(method, path, json=body)
        return told, before == await at.got("/v1/rules")

    told, same = scene(story, SCRIPT)

    assert {name: told.get(name) for name in problem} == problem
    assert same


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        (b"{", 400, "not JSON: Expecting property name"),
        (b'{"chance": NaN}', 400, "not JSON: NaN is no number"),
        (b"\xff", 400, "the body is not UTF-8"),
        (b"[" * 100_000, 400, "not JSON that can be read: nested too deeply"),
        (b" " * (1 << 20) + b"{}", 413, "the body is longer than 1048576 octets"),
    ],
)
def test_what_is_no_json_is_refused(scene: Any, body: bytes, status: int, detail: str) -> None:
    """And what is too long is not read to its end."""

    async def story(at: Any) -> Any:
        return await at.refused("POST", "/v1/rules", content=body)

    told = scene(story)

    assert (told["status"], told["detail"][: len(detail)]) == (status, detail)


def test_what_the_script_says_about_lint_holds_for_added_rules(scene: Any) -> None:
    """A reply that no real server gives is refused, unless the script lets it stand."""
    odd = {"at": "rcpt", "reply": "299 odd"}

    async def story(at: Any) -> Any:
        return (await at.http.post("/v1/rules", json=odd)).status_code

    assert [scene(story, script) for script in ("", "[server]\nlint = false\n")] == [422, 201]


def test_a_server_without_a_script_has_no_rules(scene: Any) -> None:
    """What decides there is a program."""

    async def story(at: Any) -> Any:
        class Always:
            def on(self, event: Any) -> Any:
                return Decision((Proceed(),))

            def idle_waits(self) -> tuple[float, ...]:
                return ()

            def body_marks(self) -> tuple[int, ...]:
                return ()

            def end(self, session: int) -> None:
                pass

        at.server.load(Always())
        told = [(await at.refused("GET", path))["status"] for path in ("/v1/rules", "/v1/script", "/v1/scenario")]
        return told, (await at.http.get("/metrics")).status_code

    assert scene(story) == ([409, 409, 409], 200)
