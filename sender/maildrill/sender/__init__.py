"""The bulk sender: lists, merge, sessions, dispositions, retries, a durable ledger and an honest log."""
