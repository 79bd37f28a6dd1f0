"""Recipient lists: a file in, checked recipients and what was set aside out.

`decoding` octets to text · `dialect` which delimiter · `csv_file` text to records · `addresses` syntax and identity ·
`read` puts them together.
"""

from maildrill.sender.lists.read import parse_list, read_list
from maildrill.sender.lists.rows import Reason, RecipientList, Row, SetAside

__all__ = ["Reason", "RecipientList", "Row", "SetAside", "parse_list", "read_list"]
