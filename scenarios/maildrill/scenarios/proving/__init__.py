"""Look for scenarios in which something does not hold: drawn at random, for a time, by many workers.

`swarm.prove` is the door.
"""
