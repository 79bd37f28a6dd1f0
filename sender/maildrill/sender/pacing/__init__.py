"""How hard a destination is pushed: rates, groups, hours, warm-up, how many sessions, and when it is left alone."""
