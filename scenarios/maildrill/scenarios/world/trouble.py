"""What can go wrong with a world itself, as opposed to what goes wrong within it.

Each error names its evidence: who waits for what, what was refused, what nobody caught.
"""

from __future__ import annotations

from maildrill.smtp.errors import MaildrillError


class Deadlock(MaildrillError):  # noqa: N818 - the name says what happened, as StopIteration does
    """Every task waits and nothing is scheduled that could wake one; the text names each."""


class Livelock(MaildrillError):  # noqa: N818 - the name says what happened, as StopIteration does
    """Callbacks keep one another busy, so that virtual time can never pass."""


class Refused(MaildrillError):  # noqa: N818 - the name says what happened, as StopIteration does
    """Something was asked of the loop that would leave the virtual world: a thread, DNS, a real socket."""


class Unhandled(MaildrillError):  # noqa: N818 - the name says what happened, as StopIteration does
    """Exceptions that no task or protocol caught: in life a line in a log, here the end of the run."""
