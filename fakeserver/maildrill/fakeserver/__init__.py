"""The fake server: a correct SMTP server that says and does what a script tells it, at every stage.

This is the door: what programs use of it by name. A name is imported when it is first asked for, so that nobody waits
for what they do not use. README.md is the map of the rooms behind.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from maildrill.fakeserver.builder import ScriptBuilder as ScriptBuilder
    from maildrill.fakeserver.engine.engine import Engine as Engine
    from maildrill.fakeserver.engine.event import Event as Event
    from maildrill.fakeserver.engine.event import Proceed as Proceed
    from maildrill.fakeserver.journal.expectations import unmet as unmet
    from maildrill.fakeserver.journal.journal import Journal as Journal
    from maildrill.fakeserver.journal.record import Entry as Entry
    from maildrill.fakeserver.language.script import merge_scripts as merge_scripts
    from maildrill.fakeserver.script_loader import load_script as load_script
    from maildrill.fakeserver.script_loader import load_text as load_text
    from maildrill.fakeserver.server import FakeServer as FakeServer
    from maildrill.fakeserver.system_clock import SystemClock as SystemClock
    from maildrill.fakeserver.testing import Complained as Complained
    from maildrill.fakeserver.testing import ScriptedServer as ScriptedServer
    from maildrill.fakeserver.testing import smtp_server as smtp_server
    from maildrill.fakeserver.text.script_file import read_script as read_script
    from maildrill.fakeserver.text.script_file import script_to_toml as script_to_toml
    from maildrill.fakeserver.text.transcript.writer import transcript_text as transcript_text
    from maildrill.fakeserver.transcript.recording import transcript_of as transcript_of

#: In which module each name is.
_HOMES = {
    "Complained": "testing",
    "Engine": "engine.engine",
    "Entry": "journal.record",
    "Event": "engine.event",
    "FakeServer": "server",
    "Journal": "journal.journal",
    "Proceed": "engine.event",
    "ScriptBuilder": "builder",
    "ScriptedServer": "testing",
    "SystemClock": "system_clock",
    "load_script": "script_loader",
    "load_text": "script_loader",
    "merge_scripts": "language.script",
    "read_script": "text.script_file",
    "script_to_toml": "text.script_file",
    "smtp_server": "testing",
    "transcript_of": "transcript.recording",
    "transcript_text": "text.transcript.writer",
    "unmet": "journal.expectations",
}


if not TYPE_CHECKING:  # a type checker would take any name to be there

    def __getattr__(name: str) -> object:
        """Return what a name stands for; raises AttributeError."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
