"""Who may call: the token, the name of the host, and where a browser comes from."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from maildrill.fakeserver.control.service import ControlService
from maildrill.smtp import ConfigurationError


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Bearer of-the-test", 200),
        ("bearer  of-the-test", 200),
        ("Bearer of-the-tes", 401),
        ("Bearer of-the-test-", 401),
        ("Bearer töken", 401),
        ("Basic of-the-test", 401),
        ("Bearer", 401),
        ("", 401),
    ],
)
def test_the_token_is_asked_for(scene: Any, header: str, status: int) -> None:
    """And without it nothing is told, not even what calls there are."""

    async def story(at: Any) -> Any:
        headers = {"Authorization": header.encode()}
        known = await at.http.get("/v1/rules", headers=headers)
        unknown = await at.http.get("/v1/unknown", headers=headers)
        return known, unknown.status_code

    known, unknown = scene(story)

    assert (known.status_code, unknown) == (status, 404 if status == 200 else 401)
    assert known.headers.get("www-authenticate", "") == ("" if status == 200 else 'Bearer realm="maildrill"')


def test_without_a_token_everybody_may_call(scene: Any) -> None:
    """Where that was asked for."""

    async def story(at: Any) -> Any:
        return (await at.http.get("/v1/rules")).status_code

    assert scene(story, token=None) == 200


@pytest.mark.parametrize("path", ["/healthz", "/openapi.json"])
def test_some_calls_need_no_token(scene: Any, path: str) -> None:
    """Whether it is there, and what it can do."""

    async def story(at: Any) -> Any:
        return (await at.http.get(path, headers={"Authorization": ""})).status_code

    assert scene(story) == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:8025", 200),
        ("127.0.0.1:1", 200),
        ("[::1]:8025", 200),
        ("192.0.2.7", 200),
        ("mail.test:80", 200),
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("mail.test.evil.example", 403),
        ("[::1", 403),
        ("", 403),
    ],
)
def test_only_names_of_this_machine_are_answered(scene: Any, host: str, status: int) -> None:
    """Else a page of another site could point its own name here, and read all (DNS rebinding)."""

    async def story(at: Any) -> Any:
        return [(await at.http.get(path, headers={"Host": host})).status_code for path in ("/v1/rules", "/healthz")]

    assert scene(story, hosts=("mail.test",)) == [status, status]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 204),
        ({"Sec-Fetch-Site": "none"}, 204),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:1"}, 403),
    ],
)
def test_a_page_of_another_site_may_not_call(scene: Any, headers: dict[str, str], status: int) -> None:
    """Token or not; it could reset the server with a form."""

    async def story(at: Any) -> Any:
        return (await at.http.post("/v1/reset", headers=headers)).status_code

    assert scene(story, token=None) == status


def test_a_page_of_its_own_may_call(scene: Any) -> None:
    """Its origin is the host that is called."""

    async def story(at: Any) -> Any:
        origin = str(at.http.base_url).rstrip("/")
        return (await at.http.post("/v1/reset", headers={"Origin": origin})).status_code

    assert scene(story) == 204


def test_an_address_in_use_is_a_located_error(scene: Any) -> None:
    """As with SMTP."""

    async def story(at: Any) -> Any:
        other = ControlService(at.desk, token=None)
        with pytest.raises(ConfigurationError) as caught:
            await other.start(*at.smtp)
        await other.stop()
        return str(caught.value).splitlines()

    first, *rest = scene(story)

    assert first.endswith(": cannot listen: Address already in use")
    assert rest == [
        "  expected an address of this machine, and a free port that you may use",
        "  port 0 takes a free one",
    ]


def test_nothing_is_kept_or_run_by_a_browser(scene: Any) -> None:
    """Every response says so, errors too."""

    async def story(at: Any) -> Any:
        return [(await at.http.get(path)).headers for path in ("/v1/rules", "/nothing")]

    for headers in scene(story):
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(("method", "path"), [("PATCH", "/v1/rules"), ("POST", "/v1/events"), ("TRACE", "/healthz")])
def test_what_cannot_be_asked_of_a_call_is_a_405(scene: Any, method: str, path: str) -> None:
    """With what can be."""

    async def story(at: Any) -> Any:
        response = await at.http.request(method, path)
        return response.status_code, response.json()["status"], "GET" in response.headers["allow"]

    assert scene(story) == (405, 405, True)


def test_a_fault_of_ours_is_reported_and_not_told(scene: Any) -> None:
    """The loop hears of it, the client gets no text of it."""

    async def story(at: Any) -> Any:
        heard: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context["message"]))
        at.desk.server = None
        told = await at.refused("GET", "/v1/sessions")
        return heard, told

    heard, told = scene(story)

    assert heard == ["GET /v1/sessions failed"]
    assert told == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "internal error",
        "hint": "this is a bug in maildrill",
    }
