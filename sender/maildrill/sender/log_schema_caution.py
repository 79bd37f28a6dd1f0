"""The kinds of events about the whole campaign: that it is paused, and that a canary goes first."""

from __future__ import annotations

from maildrill.sender.log_kind import Field, Kind

CAUTION = (
    Kind(
        "campaign.paused",
        "the content is refused: the same reply to the dot for so many recipients in a row (`since` is this moment), "
        "or a run found the campaign paused since then; nothing is sent before an operator resumes",
        (
            Field("since", "number", "Unix seconds"),
            Field("recipients", "integer", "how many were refused in a row"),
            Field("response", "response", "the reply"),
        ),
        crucial=True,
    ),
    Kind(
        "campaign.resumed",
        "an operator has the campaign go on",
        (Field("since", "number", "it was paused since (Unix seconds)"),),
        crucial=True,
    ),
    Kind(
        "canary.chosen",
        "only the first recipients of the list are sent to for now",
        (
            Field("recipients", "integer", "how many, in the order of the list; suppressed ones are not among them"),
            Field("recipient", "text", "the last one of them"),
        ),
    ),
    Kind(
        "canary.ended",
        "nobody of the canary waits any more",
        (
            Field("recipients", "integer", "how many there are"),
            Field("states", "object", "how many of them are in each state"),
            Field("goes_on", "boolean", "whether the run goes on with the rest"),
        ),
    ),
)
