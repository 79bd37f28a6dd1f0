"""The stages."""

from __future__ import annotations

from maildrill.smtp import Stage
from maildrill.smtp.stage import VERBS


def test_a_stage_is_its_word() -> None:
    """Scripts and logs can use the value where a text is asked for."""
    assert f"at {Stage.RCPT}" == "at rcpt"


def test_the_verbs_are_the_stages_that_are_commands() -> None:
    """What has no verb: look-up, connection, handshake, banner, a response, body, dot, silence, the unknown."""
    without = {
        Stage.DNS,
        Stage.CONNECT,
        Stage.TLS,
        Stage.BANNER,
        Stage.AUTH_STEP,
        Stage.BODY,
        Stage.DOT,
        Stage.IDLE,
        Stage.UNKNOWN,
    }

    assert set(VERBS.values()) == set(Stage) - without
    assert all(verb == stage.upper() for verb, stage in VERBS.items())
