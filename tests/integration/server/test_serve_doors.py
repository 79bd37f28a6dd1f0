"""`maildrill serve` with all its doors: each is used by a client that shares no code with it."""

from __future__ import annotations

import json
import os
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 20
LETTER = "Subject: hi\r\n\r\nhello\r\n"


class Served:
    """A running `maildrill serve`. doors: where it listens, by name."""

    def __init__(self, process: subprocess.Popen[str], ready: Path) -> None:
        self.process = process
        assert self.line(), process.stderr and process.stderr.read()
        self.doors: dict[str, str] = {}
        with suppress(FileNotFoundError):  # of a server that has ended already
            self.doors = dict(line.split("=", 1) for line in ready.read_text().splitlines())

    def line(self) -> str:
        """Return the next line of stdout."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def told(self) -> str:
        """Return the next line of stderr."""
        assert self.process.stderr is not None
        return self.process.stderr.readline().strip()

    def at(self, door: str) -> tuple[str, int]:
        """Return host and port of a door."""
        host, _, port = self.doors[door].rpartition(":")
        return host.strip("[]"), int(port)

    def call(self, path: str, method: str = "GET", body: object = None, **headers: str) -> Any:
        """Return what a call of the HTTP interface gives."""
        request = urllib.request.Request(  # noqa: S310 - it is ours
            self.doors["http"] + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.doors.get('token', '')}", **headers},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:  # noqa: S310 - it is ours
            content = response.read()
        return json.loads(content) if content else None

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, list[str], str]:
        """End it; returns exit code, the rest of stdout and of stderr."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> tuple[int, list[str], str]:
        """Wait for its end; returns exit code, the rest of stdout and of stderr."""
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out.splitlines(), err


Serve = Callable[..., Served]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start `maildrill serve` with arguments, on a free port; whatever still runs at the end is killed."""
    running: list[subprocess.Popen[str]] = []

    def started(*arguments: str, script: str = "", **environ: str) -> Served:
        ready = tmp_path / f"ready{len(running)}"
        file = tmp_path / "some.toml"
        file.write_text(script)
        process = subprocess.Popen(  # noqa: S603 - our own program
            [
                sys.executable,
                "-c",
                "from maildrill.cli.main import main; main()",
                *("serve", str(file), "--port", "0", "--ready-file", str(ready)),
                *arguments,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONWARNINGS": "error", **environ},
        )
        running.append(process)
        return Served(process, ready)

    yield started
    for process in running:
        process.kill()
        process.communicate()


def test_mail_comes_in_by_tls(serve: Serve, tmp_path: Path) -> None:
    """By STARTTLS and from the first octet on; who trusts the authority of --ca-file has nothing against it."""
    authority = tmp_path / "ca.pem"
    served = serve("--tls-port", "0", "--starttls", "--ca-file", str(authority))
    context = ssl.create_default_context(cafile=str(authority))
    with smtplib.SMTP_SSL(*served.at("smtps"), timeout=PATIENCE, context=context) as client:
        client.sendmail("a@b.test", ["ann@x.test"], LETTER)
    with smtplib.SMTP(*served.at("smtp"), timeout=PATIENCE) as client:
        client.starttls(context=context)
        client.sendmail("a@b.test", ["ann@x.test"], LETTER)
    code, lines, errors = served.end()

    assert (code, errors) == (0, "")
    assert lines[-1] == "sessions=2 messages=2 committed=2 acknowledged=2"


def test_mail_comes_in_by_lmtp(serve: Serve) -> None:
    """A reply for each recipient (RFC 2033)."""
    served = serve("--lmtp", "0", script='[[rule]]\nat = "dot"\nrcpt = "full@*"\nreply = "452 4.2.2 full"\n')
    with smtplib.LMTP(*served.at("lmtp"), timeout=PATIENCE) as client:
        client.ehlo("client.test")
        client.mail("a@b.test")
        client.rcpt("ann@x.test")
        client.rcpt("full@x.test")
        client.putcmd("data")
        client.getreply()
        client.send(LETTER + ".\r\n")
        replies = [client.getreply()[0] for _ in range(2)]
    code, lines, _ = served.end()

    assert (code, replies) == (0, [250, 452])
    assert lines[-1] == "sessions=1 messages=1 committed=1 acknowledged=1"


def test_the_proxy_protocol_says_who_the_client_is(serve: Serve) -> None:
    """Its header comes before the greeting."""
    served = serve("--proxy-protocol", "--http-port", "0")
    with socket.create_connection(served.at("smtp"), PATIENCE) as client:
        client.sendall(b"PROXY TCP4 192.0.2.7 192.0.2.1 40000 25\r\n")
        client.recv(100)
        sessions = served.call("/v1/sessions")["sessions"]

    assert [session["client"] for session in sessions] == ["192.0.2.7"]


def said(path: str, *lines: str) -> list[str]:
    """Talk over a Unix socket; returns the first line of each reply."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(path)
        with client.makefile("rw", newline="\r\n") as stream:
            replies = [stream.readline()[:3]]
            for line in lines:
                stream.write(f"{line}\r\n")
                stream.flush()
                replies.append(stream.readline()[:3])
            return replies


def test_mail_comes_in_by_unix_sockets(serve: Serve, tmp_path: Path) -> None:
    """SMTP by one and LMTP by another; both are gone at the end."""
    served = serve("--unix", "mail.sock", "--lmtp", "./local.sock")
    smtp = said(str(tmp_path / "mail.sock"), "HELO client.test", "LHLO client.test")
    lmtp = said(str(tmp_path / "local.sock"), "HELO client.test", "NOOP")
    code, _, _ = served.end()

    assert (code, smtp) == (0, ["220", "250", "500"])
    assert lmtp == ["220", "500", "250"]
    assert list(tmp_path.glob("*.sock")) == []


@pytest.mark.parametrize("name", ["users", "users.toml"])
def test_users_of_a_file_may_log_in(serve: Serve, tmp_path: Path, name: str) -> None:
    """And nobody else; what they log in with shows up nowhere."""
    lines = "# who\nann:open:sesame\n" if name == "users" else 'ann = "open:sesame"\n'
    (tmp_path / name).write_text(lines)
    served = serve("--users", name, "--starttls", "--http-port", "0")
    with smtplib.SMTP(*served.at("smtp"), timeout=PATIENCE) as client:
        good = client.login("ann", "open:sesame")[0]
    with smtplib.SMTP(*served.at("smtp"), timeout=PATIENCE) as client, pytest.raises(smtplib.SMTPAuthenticationError):
        client.login("ann", "close")
    request = urllib.request.Request(  # noqa: S310 - it is ours
        served.doors["http"] + "/v1/script", headers={"Authorization": f"Bearer {served.doors['token']}"}
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:  # noqa: S310 - it is ours
        script = response.read().decode()
    code, output, _ = served.end()

    assert (code, good, "sesame" in "".join([*output, script])) == (0, 235, False)


def test_commands_are_held_to_the_letter(serve: Serve) -> None:
    """--strict does what `strict = true` in [server] does."""
    served = serve("--strict")
    with smtplib.SMTP(*served.at("smtp"), timeout=PATIENCE) as client:
        client.ehlo("client.test")
        code, _ = client.docmd("MAIL FROM: <a@b.test>")

    assert code == 501


def test_a_server_is_watched_and_steered_over_http(serve: Serve) -> None:
    """By who knows the token, which is in the ready file and on stderr."""
    served = serve("--http-port", "0")
    shown = served.told()
    served.call("/v1/rules/next", "POST", {"at": "dot", "reply": "554 5.7.1 not this one"})
    with smtplib.SMTP(*served.at("smtp"), timeout=PATIENCE) as client:
        with pytest.raises(smtplib.SMTPDataError):
            client.sendmail("a@b.test", ["ann@x.test"], LETTER)
        client.sendmail("a@b.test", ["ann@x.test"], LETTER)
    messages = served.call("/v1/wait?rcpt=ann@x.test&count=2")["messages"]
    with pytest.raises(urllib.error.HTTPError) as refused:
        served.call("/v1/rules", Authorization="Bearer guessed")
    code, _, errors = served.end()

    refused.value.close()

    assert [message["committed"] for message in messages] == [False, True]
    assert (code, errors, refused.value.code) == (0, "", 401)
    assert shown == f"token for HTTP: {served.doors['token']}"


def test_the_container_finds_out_that_it_is_healthy(serve: Serve) -> None:
    """Its health check asks a server that runs."""
    lines = (Path(__file__).parents[3] / "Containerfile").read_text().splitlines()
    (check,) = (line.partition("CMD ")[2] for line in lines if line.startswith("HEALTHCHECK "))
    served = serve("--http-port", "0")
    program = json.loads(check)[2].replace("8025", str(served.at("http")[1]))
    done = subprocess.run([sys.executable, "-c", program], check=False)  # noqa: S603 - our own program

    assert done.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "environ", "token"),
    [
        (["--http-token", "mine"], {}, "mine"),
        ([], {"MAILDRILL_TOKEN": "ours"}, "ours"),
        (["--http-no-token"], {}, None),
    ],
)
def test_the_token_can_be_chosen(
    serve: Serve, arguments: list[str], environ: dict[str, str], token: str | None
) -> None:
    """Or left out; what is known already is not shown."""
    served = serve("--http-port", "0", *arguments, **environ)
    rules = served.call("/v1/rules")
    _, _, errors = served.end()

    assert (rules["rule"], served.doors.get("token"), errors) == ([], token, "")


def test_time_passes_as_fast_as_it_is_told(serve: Serve) -> None:
    """A silence of four minutes takes less than half a second; so many hours on are an instant."""
    served = serve(
        "--clock",
        "scaled:600",
        "--http-port",
        "0",
        script="""
[[rule]]
at = "idle"
age = ">=4m"
reply = "421 4.4.2 too long"
[[rule]]
at = "rcpt"
key = "rcpt"
age = "<24h"
reply = "450 4.7.1 greylisted"
""",
    )
    with socket.create_connection(served.at("smtp"), PATIENCE) as silent, silent.makefile() as lines:
        silence = [lines.readline()[:3], lines.readline()[:3], lines.readline()]
    codes = []
    for by in ("1s", "24h", "0s"):
        codes.append(rcpt(served))
        clock = served.call("/v1/clock/advance", "POST", {"by": by})
    code, _, _ = served.end()

    assert (code, silence) == (0, ["220", "421", ""])
    assert (codes, clock["factor"]) == ([450, 450, 250], 600.0)


def test_what_was_due_is_done_before_the_call_is_answered(serve: Serve) -> None:
    """Whoever lets an hour pass, and then says something, hears first what the hour has brought."""
    served = serve(
        "--clock", "scaled:1", "--http-port", "0", script='[[rule]]\nat = "idle"\nage = ">=1m"\ncut = "rst"\n'
    )
    heard = []
    for _ in range(20):
        with socket.create_connection(served.at("smtp"), PATIENCE) as idle, idle.makefile("rb") as lines:
            lines.readline()
            for line in (b"HELO client.test\r\n", b"NOOP\r\n"):
                idle.sendall(line)
                lines.readline()
            served.call("/v1/clock/advance", "POST", {"by": "1h"})
            try:
                idle.sendall(b"NOOP\r\n")
                heard.append(lines.readline())
            except ConnectionResetError:
                heard.append(b"")

    assert heard == [b""] * 20


def test_messages_are_written_to_a_maildir(serve: Serve, tmp_path: Path) -> None:
    """Those that are taken, whole; with whom they are from and for."""
    served = serve("--maildir", "mail", script='[[rule]]\nat = "dot"\nrcpt = "no@*"\nreply = "550 5.7.1 no"\n')
    with smtplib.SMTP(*served.at("smtp"), timeout=PATIENCE) as client:
        client.sendmail("a@b.test", ["ann@x.test", "bob@x.test"], LETTER)
        with pytest.raises(smtplib.SMTPDataError):
            client.sendmail("a@b.test", ["no@x.test"], LETTER)
    served.end()
    (file,) = (tmp_path / "mail" / "new").iterdir()

    assert file.read_text() == (
        "Return-Path: <a@b.test>\nDelivered-To: ann@x.test\nDelivered-To: bob@x.test\nSubject: hi\n\nhello\n"
    )
    assert (list((tmp_path / "mail" / "tmp").iterdir()), list((tmp_path / "mail" / "cur").iterdir())) == ([], [])


def test_what_the_server_sends_by_itself_is_in_the_maildir_too(serve: Serve, tmp_path: Path) -> None:
    """A bounce, hours later of a scaled clock."""
    script = '[[inject]]\non_commit = { rcpt = "bounce@*" }\nkind = "dsn"\nstatus = "5.1.1"\nwait = "2h"\n'
    served = serve("--maildir", "mail", "--clock", "scaled:10", "--http-port", "0", script=script)
    with smtplib.SMTP(*served.at("smtp"), timeout=PATIENCE) as client:
        client.sendmail("a@b.test", ["bounce@x.test"], LETTER)
    while not (injected := served.call("/v1/injected")["injected"]):
        served.call("/v1/clock/advance", "POST", {"by": "1h"})
    served.end()
    letters = sorted(file.read_text() for file in (tmp_path / "mail" / "new").iterdir())

    assert [(one["rcpt"], one["kind"], one["about"]) for one in injected] == [("a@b.test", "dsn", 1)]
    assert letters[0].startswith("Return-Path: <>\nDelivered-To: a@b.test\n")
    assert (len(letters), "5.1.1" in letters[0]) == (2, True)


def test_a_maildir_that_cannot_be_written_to_ends_nothing(serve: Serve, tmp_path: Path) -> None:
    """It is told."""
    served = serve("--maildir", "mail")
    for folder in ("tmp", "new", "cur"):
        (tmp_path / "mail" / folder).rmdir()
    with smtplib.SMTP(*served.at("smtp"), timeout=PATIENCE) as client:
        client.sendmail("a@b.test", ["ann@x.test"], LETTER)
    code, _, errors = served.end()

    assert (code, errors) == (0, "a message was not written to the maildir: No such file or directory\n")


@pytest.mark.parametrize("enough", ["2", "2 messages"])
def test_it_ends_after_so_many_messages(serve: Serve, enough: str) -> None:
    """Whoever sent the last one may say goodbye."""
    served = serve("--exit-after", enough)
    with smtplib.SMTP(*served.at("smtp"), timeout=PATIENCE) as client:
        for _ in range(2):
            client.sendmail("a@b.test", ["ann@x.test"], LETTER)
        goodbye = client.quit()[0]
    code, lines, _ = served.ended()

    assert (code, goodbye, lines[-1]) == (0, 221, "sessions=1 messages=2 committed=2 acknowledged=2")


def test_it_ends_though_a_client_stays(serve: Serve) -> None:
    """After a little grace, of which a scaled clock makes even less."""
    served = serve("--exit-after", "1", "--clock", "scaled:100")
    with smtplib.SMTP(*served.at("smtp"), timeout=PATIENCE) as client:
        client.sendmail("a@b.test", ["ann@x.test"], LETTER)
        code, lines, _ = served.ended()
        client.close()

    assert (code, lines[-1]) == (0, "sessions=1 messages=1 committed=1 acknowledged=1")


def test_it_ends_after_so_much_time(serve: Serve) -> None:
    """Of its clock."""
    served = serve("--exit-after", "1m", "--clock", "scaled:10000")

    assert served.ended()[0] == 0


def test_lines_are_objects_of_json(serve: Serve) -> None:
    """Each of them, and each says what it is."""
    served = serve("--log", "json", script='[[rule]]\nname = "never"\nat = "vrfy"\nreply = "550 no"\n')
    with smtplib.SMTP(*served.at("smtp"), timeout=PATIENCE) as client:
        client.sendmail("a@b.test", ["ann@x.test"], LETTER)
    _, lines, _ = served.end()
    told = [json.loads(line) for line in lines]

    assert [one["kind"] for one in told[-3:]] == ["event", "summary", "unfired"]
    assert told[-2] == {"kind": "summary", "sessions": 1, "messages": 1, "committed": 1, "acknowledged": 1}
    assert told[-1] == {"kind": "unfired", "rule": "never"}
    assert {"stage", "outcome", "reply", "time"} <= set(told[0])


def test_events_can_be_left_out(serve: Serve) -> None:
    """Then it is quiet but for its doors and its summary."""
    served = serve("--log", "none")
    with smtplib.SMTP(*served.at("smtp"), timeout=PATIENCE) as client:
        client.noop()
    _, lines, _ = served.end()

    assert lines == ["sessions=1 messages=0 committed=0 acknowledged=0"]


def test_what_is_not_as_expected_is_told_at_the_end(serve: Serve) -> None:
    """Exit 1, with what there was instead."""
    served = serve(script='[[expect]]\nrcpt = "ann@x.test"\ncommitted = 1\n')
    code, lines, _ = served.end()

    assert code == 1
    assert lines[-1].startswith("not as expected: ")


def test_what_is_as_expected_is_no_news(serve: Serve) -> None:
    """Exit 0."""
    served = serve("--http-port", "0", script='[[expect]]\nrcpt = "ann@x.test"\ncommitted = 1\n')
    before = served.call("/v1/expectations")
    with smtplib.SMTP(*served.at("smtp"), timeout=PATIENCE) as client:
        client.sendmail("a@b.test", ["ann@x.test"], LETTER)
    after = served.call("/v1/expectations")
    code, lines, _ = served.end()

    assert (before["met"], len(before["unmet"]), after) == (False, 1, {"met": True, "unmet": []})
    assert (code, lines[-1]) == (0, "sessions=1 messages=1 committed=1 acknowledged=1")


RULE = '[[rule]]\nname = "busy"\nat = "rcpt"\ntimes = 1\nreply = "450 4.2.1 busy"\n'


def rcpt(served: Served, address: str = "ann@x.test") -> int:
    """Return the code of the reply to a RCPT command."""
    with smtplib.SMTP(*served.at("smtp"), timeout=PATIENCE) as client:
        client.ehlo("client.test")
        client.mail("a@b.test")
        return client.rcpt(address)[0]


def test_a_script_is_loaded_again_when_it_changes(serve: Serve, tmp_path: Path) -> None:
    """Sessions stay open, and rules that did not change keep what they have counted."""
    served = serve(script=RULE)
    with smtplib.SMTP(*served.at("smtp"), timeout=PATIENCE) as client:
        client.ehlo("client.test")
        before = rcpt(served)
        (tmp_path / "some.toml").write_text(RULE + '[[rule]]\nat = "noop"\nreply = "421 4.3.2 bye"\n')
        told = served.told()
        noop = client.noop()[0]

    assert (before, rcpt(served), noop) == (450, 250, 421)
    assert told == f"loaded again: {tmp_path / 'some.toml'}"


def test_a_script_that_is_used_is_watched_too(serve: Serve, tmp_path: Path) -> None:
    """And what it uses."""
    (tmp_path / "more.toml").write_text(RULE)
    served = serve(script='use = "./more.toml"\n')
    (tmp_path / "more.toml").write_text(RULE.replace("450", "452"))
    served.told()

    assert rcpt(served) == 452


def test_a_broken_script_leaves_the_old_one_in_force(serve: Serve, tmp_path: Path) -> None:
    """The error is told, and when it is mended it is loaded."""
    served = serve("--no-watch", script=RULE)
    (tmp_path / "some.toml").write_text(RULE.replace("rcpt", "rctp"))
    served.process.send_signal(signal.SIGHUP)
    broken = [served.told() for _ in range(4)]
    before = rcpt(served)
    (tmp_path / "some.toml").write_text(RULE.replace("450", "452"))
    served.process.send_signal(signal.SIGHUP)
    mended = served.told()
    code, _, errors = served.end()

    assert broken[:2] == [
        "the script was not loaded again, the old one stays in force",
        f'{tmp_path / "some.toml"}:3: unknown stage "rctp"',
    ]
    assert broken[3] == 'did you mean "rcpt"?'
    assert (before, mended, code, errors) == (450, f"loaded again: {tmp_path / 'some.toml'}", 0, "")


def test_a_script_that_is_gone_for_a_moment_is_no_harm(serve: Serve, tmp_path: Path) -> None:
    """Editors write anew and rename."""
    served = serve(script=RULE)
    (tmp_path / "some.toml").unlink()
    gone = served.told(), served.told(), served.told()
    (tmp_path / "some.toml").write_text(RULE.replace("450", "452"))
    back = served.told()

    assert (gone[0], gone[1]) == (
        "the script was not loaded again, the old one stays in force",
        f"{tmp_path / 'some.toml'}: script not found",
    )
    assert (back, rcpt(served)) == (f"loaded again: {tmp_path / 'some.toml'}", 452)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--clock", "virtual"], "a server on real sockets has no virtual clock"),
        (["--clock", "scaled:0"], '"scaled:0" is not "real", "virtual", or "scaled:60"'),
        (["--clock", "scaled:60", "--loop", "uvloop"], "error: uvloop cannot scale time"),
        (["--exit-after", "soon"], '"soon" is neither a number of messages nor a duration'),
        (["--keep-octets", "much"], '"much" is not a size such as'),
        (["--http-port", "0", "--http-no-token", "--http-host", "192.0.2.1"], "everybody could steer this server"),
        (["--users", "nobody"], "error: nobody: users file not found"),
        (["--maildir", "/dev/null/x"], "error: /dev/null/x: cannot make a maildir: "),
        (["--ca-file", "/nowhere/ca"], "error: /nowhere/ca: cannot write the certificate: "),
        (["--unix", "/nowhere/mail.sock"], "error: /nowhere/mail.sock: cannot listen: "),
    ],
)
def test_what_cannot_be_is_told(tmp_path: Path, arguments: list[str], error: str) -> None:
    """Exit 2, without a traceback, and nothing was opened."""
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", "from maildrill.cli.main import main; main()", "serve", "--port", "0", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert error in done.stderr
    assert "Traceback" not in done.stderr


def test_what_nobody_asked_for_is_not_loaded(tmp_path: Path) -> None:
    """A server without HTTP and TLS begins without them."""
    heavy = {"starlette", "uvicorn", "h11", "cryptography", "hypothesis", "rich", "jinja2", "httpx"}
    code = (
        "import sys; from maildrill.cli.main import main\n"
        "try: main(['serve', '--port', '0', '--exit-after', '1ms', '--log', 'none'])\n"
        f"finally: print(sorted({heavy!r} & set(sys.modules)))"
    )
    bare = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=bare,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert (done.returncode, done.stdout.splitlines()[-1], done.stderr) == (0, "[]", "")
