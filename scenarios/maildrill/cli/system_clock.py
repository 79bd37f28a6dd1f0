"""The real clock, for commands that talk to the world outside."""

from __future__ import annotations

from maildrill.fakeserver.system_clock import SystemClock

__all__ = ["SystemClock"]
