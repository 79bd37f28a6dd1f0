"""What ledger and log say of a campaign, for whoever asks: where it stands, what was said, why, and what to do.

`status` where it stands · `located` whose each line of the log is · `selection` which events are meant · `explain` one
recipient · `advice` what would change it · `timeline` when · `html`, `csv_rows` the report. Rule: reads, never writes.
"""
