"""A stream that takes nothing: the exit status is the command's own, never the interpreter's 120."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

#: Has a command whose page is still in the buffer of stdout when it ends: by an error, or well.
CHILD = """
import os, sys
import click
from maildrill.cli import main
from maildrill.smtp import ConfigurationError

@click.command()
@click.option("--bad", is_flag=True)
def page(bad):
    sys.stdout.write("half a page")
    if bad:
        raise ConfigurationError("bad", expected="good")

main.COMMANDS["page"] = ("__main__", "page", "a page")
for descriptor in map(int, sys.argv.pop(1)):
    os.dup2(os.open("/dev/full", os.O_WRONLY), descriptor)
main.main()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/dev/full is Linux'")
@pytest.mark.parametrize("full", ["1", "2", "12"])
@pytest.mark.parametrize(
    ("words", "status"),
    [(("page", "--bad"), 2), (("page",), 0), (("page", "--nonsense"), 2), (("nothing",), 2)],
)
def test_the_exit_status_is_that_of_the_command(full: str, words: tuple[str, ...], status: int) -> None:
    """Also where neither the page nor the error can be written: 74 where only the page was to be."""
    expected = 74 if status == 0 and "1" in full else status

    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    ended = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-c", CHILD, full, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=buffered,
    )

    assert (ended.returncode, "Traceback" in ended.stderr) == (expected, False), ended.stderr
