"""The fake server: a correct SMTP server that says and does what a script tells it, at every stage."""
