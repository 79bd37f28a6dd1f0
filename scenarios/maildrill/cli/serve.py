"""`maildrill serve`: let any client talk to the scripted server, and any program watch and steer it.

Rule 1: stdout has a line for each door, a line per event, and the summary; everything is safe to show.
Rule 2: what nobody asked for is not loaded: neither HTTP nor TLS nor uvloop.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from maildrill.cli.descriptors import BESIDE, LOOP, need_descriptors
from maildrill.cli.exits import Exit
from maildrill.cli.parameters import CLOCK, ENOUGH, SIZE
from maildrill.cli.reloading import ScriptFiles
from maildrill.cli.serve_options import Options, new_loop, token_of
from maildrill.cli.serve_output import Form
from maildrill.cli.serving import Serving
from maildrill.cli.users_file import read_users
from maildrill.fakeserver.authoring.lint import lint
from maildrill.smtp.collecting import collecting_seldom

_PORT = click.IntRange(0, 65535)
_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_FORMS = click.Choice([form.value for form in Form])
_LOOPS = click.Choice(["auto", "asyncio", "uvloop"])


@click.command()
@click.argument("script", default="all-good", metavar="[SCRIPT|NAME]")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=2525, show_default=True, type=_PORT, help="0 takes a free one.")
@click.option("--tls-port", type=_PORT, help="Listen here too, with TLS from the first octet on.")
@click.option("--lmtp", metavar="PORT|PATH", help="Listen here too, and speak LMTP; a path is a Unix socket.")
@click.option("--unix", type=_FILE, help="Listen on a Unix socket too.")
@click.option("--proxy-protocol", is_flag=True, help="Connections begin with a header of the PROXY protocol.")
@click.option("--starttls", is_flag=True, help="Offer STARTTLS.")
@click.option("--ca-file", type=_FILE, help="Gets the certificate of whoever issued the server's.")
@click.option("--users", type=_FILE, help="Who may log in: name:password lines, or TOML.")
@click.option("--strict", is_flag=True, help="Hold commands to the letter of RFC 5321.")
@click.option("--seed", type=int, help="Seed of every draw, instead of the script's own.")
@click.option("--clock", type=CLOCK, help="scaled:60 lets time pass sixty times as fast. [default: the script's]")
@click.option("--no-watch", is_flag=True, help="Do not load the script again when it changes.")
@click.option("--http-port", type=_PORT, help="Listen here for HTTP, to be watched and steered.")
@click.option("--http-host", default="127.0.0.1", show_default=True, help="The address to listen on for HTTP.")
@click.option("--http-token", envvar="MAILDRILL_TOKEN", help="What HTTP calls must know. [default: a new one]")
@click.option("--http-no-token", is_flag=True, help="Ask HTTP calls for no token; on loopback only.")
@click.option("--http-allow-host", multiple=True, metavar="NAME", help="A name that HTTP calls may use. Repeatable.")
@click.option("--maildir", type=_FOLDER, help="Write each message that is taken to a maildir.")
@click.option("--keep", type=click.IntRange(1), help="How many events and so on are remembered. [default: 10000]")
@click.option("--keep-octets", type=SIZE, help="How much of messages is remembered. [default: 64MB with HTTP]")
@click.option("--exit-after", type=ENOUGH, help="End after so many messages, or so much time.")
@click.option("--log", default="text", show_default=True, type=_FORMS, help="What a line looks like.")
@click.option("--loop", default="auto", show_default=True, type=_LOOPS, help="auto takes uvloop where there is one.")
@click.option("--ready-file", type=_FILE, help="Says where the server listens, for as long as it does.")
def serve(**told: Any) -> int:
    """Serve SMTP as a script says: a file, or a NAME that `maildrill scripts` lists. Ctrl-C ends it.

    No mail leaves this machine unless the script says so. The exit status is 1 where something was not as the script
    expects.
    """
    options = Options(**told)
    files = ScriptFiles(options.script)
    script = files.load()
    for finding in lint(script):
        click.echo(f"unusual: {finding}", err=True)
    users = {} if options.users is None else read_users(options.users)
    if options.http_port is not None:
        token_of(options)  # refuses what is not safe before anything is opened

    need_descriptors(LOOP + BESIDE)

    async def served() -> bool:
        return await Serving(options, files, script, users).run()

    with collecting_seldom(), asyncio.Runner(loop_factory=lambda: new_loop(options, script)) as runner:
        return Exit.OK if runner.run(served()) else Exit.FAILED
