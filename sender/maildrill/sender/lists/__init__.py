"""Recipient lists: a file in, checked recipients and what was set aside out.

`decoding` octets to text · `dialect` which delimiter · `csv_file` text to records · `addresses` syntax and identity ·
`seen` which of them came before · `listing` a list in temporary files · `read` puts them together.
"""

from maildrill.sender.lists.listing import Listing
from maildrill.sender.lists.read import parse_list, read_list, spool_list
from maildrill.sender.lists.rows import Reason, RecipientList, Recipients, Row, SetAside

__all__ = [
    "Listing",
    "Reason",
    "RecipientList",
    "Recipients",
    "Row",
    "SetAside",
    "parse_list",
    "read_list",
    "spool_list",
]
