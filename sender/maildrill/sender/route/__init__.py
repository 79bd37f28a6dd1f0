"""Where a message goes: accounts in rotation or failover, or the hosts that a recipient's domain names itself."""
