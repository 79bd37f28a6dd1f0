"""Which addresses an envelope takes: the short way for the usual ones says what the long way says."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from maildrill.smtp import Envelope
from maildrill.smtp.envelope import MAX_PATH

_ADDRESSES = st.text(st.characters(max_codepoint=0x80) | st.sampled_from("<>@ \x7f\ud800\udfffü"), min_size=1)


@given(_ADDRESSES | st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=250, max_size=260))
def test_an_address_is_taken_where_nothing_in_it_is_forbidden(address: str) -> None:
    """No control character, no blank, no bracket, no half of a character; and no more octets than there may be."""
    allowed = not any(one <= " " or one in "<>\x7f" or "\ud800" <= one <= "\udfff" for one in address)
    taken = False
    with suppress(ValueError):
        Envelope(address, (address,))
        taken = True

    assert taken == (allowed and len(address.encode("utf-8", "replace")) <= MAX_PATH)
