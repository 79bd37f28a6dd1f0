"""Load a script again when one of its files changes, or when SIGHUP asks for it; what cannot be read changes nothing.

Rule: a file is looked at twice before it is loaded, so that it is not read while it is being written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from maildrill.fakeserver.authoring.lint import lint
from maildrill.fakeserver.language.script import Script
from maildrill.scenarios.catalogue import load_script
from maildrill.smtp import ConfigurationError

#: Seconds between two looks at the files.
INTERVAL = 0.5


class ScriptFiles:
    """A script that is loaded from a file, or of a name, and the files that it was read from."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._files: list[Path] = []

    def load(self) -> Script:
        """Return the script as it is now. Raises ConfigurationError."""
        files: list[Path] = []
        try:
            return load_script(self._name, look=files.append)
        finally:
            self._files = files

    def look(self) -> tuple[object, ...]:
        """Return what tells the files from themselves after a change."""
        return tuple(_state(file) for file in self._files)


class Reloading:
    """Plays a script anew when its files change.

    play: lets a script be played. tell: gets what was loaded and is unusual in it, or why not, for people. pace: how
    many times as fast as a real one the loop's clock is.
    """

    def __init__(
        self,
        files: ScriptFiles,
        play: Callable[[Script], None],
        *,
        tell: Callable[[str], None],
        pace: Callable[[], float],
    ) -> None:
        self._files = files
        self._play = play
        self._tell = tell
        self._pace = pace
        self._loaded = self._seen = files.look()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Look at the files from now on, in the running loop."""
        self._timer = asyncio.get_running_loop().call_later(INTERVAL * self._pace(), self._tick)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def load(self) -> None:
        """Load the script, changed or not."""
        before = self._files.look()
        try:
            script = self._files.load()
            self._play(script)
        except ConfigurationError as error:
            self._tell(f"the script was not loaded again, the old one stays in force\n{error}")
        else:
            self._tell(f"loaded again: {script.name}")
            for unusual in lint(script):
                self._tell(f"unusual: {unusual}")
        self._seen = self._files.look()
        # What changed while it was being read is loaded at the next look.
        self._loaded = before if len(before) == len(self._seen) else self._seen

    def _tick(self) -> None:
        before, self._seen = self._seen, self._files.look()
        if self._seen == before and self._seen != self._loaded:
            self.load()
        self.start()


def _state(file: Path) -> tuple[int, int, int] | None:
    try:
        state = file.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size, state.st_ino
