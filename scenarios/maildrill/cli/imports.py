"""`maildrill import`: what another program is told or has logged, as a script of ours.

Rule: stdout (or the file of --out) has the script and nothing else; what it was read as goes to stderr.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from maildrill.fakeserver.importers.formats import FORMATS, Imported, import_text
from maildrill.smtp import ConfigurationError, decode
from maildrill.smtp.document import read_text


def _formats() -> str:
    width = max(map(len, FORMATS))
    return "\b\n" + "\n".join(f"  {name:{width}}  {one.what}" for name, one in FORMATS.items())


@click.command("import", epilog=_formats())
@click.argument("words", nargs=-1, metavar="[FORMAT] FILE|-")
@click.option("--rules", is_flag=True, help="Rules in TOML, also where it would be a transcript.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write to FILE.")
def import_(words: tuple[str, ...], *, rules: bool, out: Path | None) -> None:
    """Print what FILE (- is stdin) comes to: rules in TOML, or a transcript.

    FORMAT is found out where it is not said; it is one of the following.
    """
    if not 1 <= len(words) <= 2:
        raise click.UsageError("say which file, and what format it has where that cannot be found out")
    *formats, file = words
    imported = import_text(_text(file), _name(file), formats[0] if formats else None, as_rules=rules)
    if not formats:
        click.echo(f"read as {imported.format}", err=True)
    if out is None:
        click.echo(imported.text, nl=False)
    else:
        _write(imported, out)


def _text(file: str) -> str:
    if file == "-":
        return decode(sys.stdin.buffer.read())
    return read_text(Path(file), "file")


def _name(file: str) -> str:
    return "stdin" if file == "-" else file


def _write(imported: Imported, out: Path) -> None:
    try:
        out.write_text(imported.text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"cannot write: {error.strerror}", where=str(out), hint="name another file with --out"
        ) from None
