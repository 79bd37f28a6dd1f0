"""The marks in the margin of a dialogue: swaks' own, so that who knows them reads ours. Pure."""

from __future__ import annotations

from enum import StrEnum


class Mark(StrEnum):
    """The four marks in the margin, as swaks prints them."""

    SENT = " ->"
    ANSWERED = "<- "
    REFUSED = "<**"
    NOTE = "==="


SENT, ANSWERED, REFUSED, NOTE = Mark  # an attribute of an enumeration takes its time, and each line asks for one
