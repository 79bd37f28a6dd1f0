"""`maildrill`: finds the subcommand, runs it, tells its errors.

Rule 1: a subcommand's module is imported when it is called; `--version` and `--help` import none of them.
Rule 2: stdout is the result, stderr is progress and errors.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from maildrill.cli.exits import Exit, let_go, show, tell
from maildrill.smtp import did_you_mean

#: name: (module, the command in it, what it does in one line)
COMMANDS = {
    "account": ("maildrill.cli.account", "account", "List the accounts, show one, or try whether it works."),
    "bounces": (
        "maildrill.cli.settling",
        "bounces",
        "Read what came back: settle who is meant, note who is not to be written to.",
    ),
    "classify": (
        "maildrill.cli.classify",
        "classify",
        "Say what replies are about: mailbox full, unknown user, rate, …",
    ),
    "drill": ("maildrill.cli.drill", "drill", "Rehearse a campaign against a scripted server in virtual time."),
    "explain": ("maildrill.cli.explain", "explain", "Say why a recipient stands where it stands."),
    "import": ("maildrill.cli.imports", "import_", "Make a script of what another program is told, or has logged."),
    "invariants": (
        "maildrill.cli.invariants",
        "invariants",
        "List what must hold in every drill, or explain one.",
    ),
    "lint": ("maildrill.cli.lint", "lint", "Say what no real server would say, and what can never happen."),
    "log": ("maildrill.cli.log", "log", "Print what was said and done: filtered, followed, as text or JSON."),
    "prove": ("maildrill.cli.prove", "prove", "Look for a scenario in which something does not hold."),
    "replay": ("maildrill.cli.replay", "replay", "Play a saved scenario again, and say what the oracles say."),
    "report": ("maildrill.cli.report", "report", "Say what a campaign came to: text, JSON, CSV of the failed, HTML."),
    "requeue": ("maildrill.cli.moving", "requeue", "Have tried again who was done with, and say so in ledger and log."),
    "retry": ("maildrill.cli.moving", "retry", "Make due at once who waits for another try."),
    "schema": ("maildrill.cli.schema", "schema", "Print the JSON Schema of scripts, for editors, or of the event log."),
    "scripts": ("maildrill.cli.scripts", "scripts", "List the bundled server scripts, or print one."),
    "send": ("maildrill.cli.send", "send", "Send a campaign over TCP; run it again to go on."),
    "settle": ("maildrill.cli.settling", "settle", "Say what became of a recipient where nobody could know."),
    "status": ("maildrill.cli.status", "status", "Say where a campaign stands, also while it is being sent."),
    "serve": ("maildrill.cli.serve", "serve", "Let any client talk to the scripted server over TCP."),
}


class Program(click.Group):
    """The command group whose subcommands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of all subcommands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import a subcommand; None where there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the subcommand of a command line; refuse an unknown one with the nearest name."""
        name = args[0] if args else ""
        if name and name not in COMMANDS and not name.startswith("-"):
            hint = did_you_mean(name, COMMANDS)
            ctx.fail(f'no command "{name}"' + (f"; {hint}" if hint else f"; there are: {' '.join(COMMANDS)}"))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the list of subcommands from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in COMMANDS.items()])

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002 - click's signature
        **extra: Any,
    ) -> Any:
        """Run the command line and exit: 0, a command's own code, or the code of its error."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        for stream in (sys.stdout, sys.stderr):
            # what a terminal's character set lacks is written out, it does not end the program
            getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
        try:
            result = super().main(args, prog_name or "maildrill", complete_var, standalone_mode=False, **extra)
            if sys.stdout is not None:  # closed by whoever started us
                sys.stdout.flush()
        except click.ClickException as error:
            result = show(error)
        except (Exception, KeyboardInterrupt) as error:
            if isinstance(error, OSError) and error.filename is None:  # nobody reads it, or its disk is full
                let_go(sys.stdout)
            result = tell(error)
        _flush()
        sys.exit(result if isinstance(result, int) else Exit.OK)


def _flush() -> None:
    """Write what is left, or let go of it: the interpreter would try at its end, and exit with 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except AttributeError:  # there is none: whoever started us closed it
            continue
        except (OSError, ValueError):
            let_go(stream)


@click.group(
    "maildrill", cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="maildrill", message="maildrill %(version)s")
def main() -> None:
    """Rehearse a mail campaign against every way an SMTP server can fail; then send it."""
