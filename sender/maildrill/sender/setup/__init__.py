"""From the connection to the first MAIL: greeting, EHLO, TLS, AUTH.

`opening` leads; `recorder` speaks through aiosmtplib; `tls` shakes hands. What is decided is decided in pure modules:
`tls_words`, `dane`, `mta_sts`, `mechanisms`, `choice`.
"""
