"""smtplib and aiosmtplib: the exception that a program sees."""

from __future__ import annotations

import asyncio
import gc
import smtplib
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import aiosmtplib


def test_smtplib_does_what_the_table_says(
    fault: Any, meet: Callable[..., str], letter: str, sender: str, authority: Path
) -> None:
    """Its exceptions say which command was refused; what was refused besides is the value of sendmail."""

    def send(host: str, port: int, fault: Any) -> str:
        try:
            with smtplib.SMTP(host, port, "client.test", timeout=fault.patience) as client:
                if fault.tls:
                    client.starttls(context=ssl.create_default_context(cafile=authority))
                if fault.login:
                    client.login("ann", "secret")
                return sent(code for code, _ in client.sendmail(sender, fault.to, letter).values())
        except smtplib.SMTPRecipientsRefused as error:
            return failed(error, *(code for code, _ in error.recipients.values()))
        except smtplib.SMTPResponseException as error:
            return failed(error, error.smtp_code)
        except (smtplib.SMTPException, OSError) as error:
            return failed(error)

    assert meet(send) in fault.does["smtplib"]


def test_aiosmtplib_does_what_the_table_says(
    fault: Any, meet: Callable[..., str], letter: str, sender: str, authority: Path
) -> None:
    """It is modelled on smtplib, and differs in much."""

    async def send(host: str, port: int, fault: Any) -> str:
        client = aiosmtplib.SMTP(
            hostname=host,
            port=port,
            start_tls=fault.tls,
            tls_context=ssl.create_default_context(cafile=authority) if fault.tls else None,
            local_hostname="client.test",
            timeout=fault.patience,
        )
        endpoint: Any = None
        try:
            async with client:
                endpoint = client.get_transport_info("socket")
                if fault.login:
                    await client.login("ann", "secret")
                refused, _ = await client.sendmail(sender, fault.to, letter)
                return sent(reply.code for reply in refused.values())
        except aiosmtplib.SMTPRecipientsRefused as error:
            return failed(error, *(each.code for each in error.recipients))
        except aiosmtplib.SMTPResponseException as error:
            return failed(error, error.code)
        except (aiosmtplib.SMTPException, OSError) as error:
            return failed(error)
        finally:
            # aiosmtplib closes without waiting until it is closed, which in TLS takes turns of the loop (5.1.3, seen
            # with a server of the standard library too); a loop that ends before leaves its socket open.
            while endpoint is not None and endpoint.fileno() >= 0:  # noqa: ASYNC110 - it says nothing by itself
                await asyncio.sleep(0)

    did = meet(lambda *where: asyncio.run(send(*where)))
    gc.collect()  # a socket that is left open has to be found here, not in the next test

    assert did in fault.does["aiosmtplib"]


def sent(refused: Sequence[int] | Any) -> str:
    """Return what was sent, in words."""
    return " ".join(["ok", *(f"but {code}" for code in refused)])


def failed(error: Exception, *codes: int) -> str:
    """Return how it failed; which of the errors of a connection that ended comes is a matter of time."""
    told = smtplib.SMTPServerDisconnected | aiosmtplib.SMTPServerDisconnected
    gone = ConnectionResetError | BrokenPipeError | ssl.SSLEOFError | told
    return " ".join(["disconnected" if isinstance(error, gone) else type(error).__name__, *map(str, codes)])
