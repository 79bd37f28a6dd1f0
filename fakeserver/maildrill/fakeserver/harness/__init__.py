"""A fake server as a test holds it: in a thread, with its complaints and the evidence.

Rule: whatever goes wrong in a test says what was seen.
Start with `scripted`; the door for tests is maildrill.fakeserver.testing. Imports server, builder and all below.
"""
