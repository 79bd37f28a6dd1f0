"""What a failed TLS handshake means, in words: one clear sentence for each thing that is wrong. Pure.

Rule: OpenSSL's numbers and names decide, never its sentences, which differ between versions.
"""

from __future__ import annotations

#: OpenSSL's verify codes (x509_vfy.h), with what to do about each.
_CERTIFICATE = {
    2: "the certificate's authority is unknown: name it with ca_file, or pin the certificate",
    9: "the certificate is not valid yet",
    10: "the certificate has expired",
    18: "the certificate is self-signed: pin it, or name it with ca_file, if it is the right one",
    19: "the certificate's authority is self-signed and not trusted: name it with ca_file if it is the right one",
    20: "the certificate's authority is unknown: name it with ca_file, or pin the certificate",
    21: "the certificate's authority is unknown: name it with ca_file, or pin the certificate",
    23: "the certificate has been revoked",
    24: "the certificate was issued by one who is no authority",
    26: "the certificate is not meant for servers",
    62: "the certificate is for another name",
    64: "the certificate is for another address",
    66: "the certificate's key is too short",
    67: "the key of the certificate's authority is too short",
    68: "the certificate's signature is too weak",
}
_VERSION = "the server speaks no TLS version that we do: TLS 1.2 or later"
_NO_TLS = "the server answers with something that is no TLS: is the port right?"
_PROTOCOL = {
    "UNSUPPORTED_PROTOCOL": _VERSION,
    "TLSV1_ALERT_PROTOCOL_VERSION": _VERSION,
    "WRONG_SSL_VERSION": _VERSION,
    "VERSION_TOO_LOW": _VERSION,
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "UNKNOWN_PROTOCOL": _NO_TLS,
    "HTTP_REQUEST": _NO_TLS,
    "RECORD_LAYER_FAILURE": _NO_TLS,
    "PACKET_LENGTH_TOO_LONG": _NO_TLS,
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "the server and we have no cipher in common",
    "TLSV1_ALERT_INTERNAL_ERROR": "the server has trouble with TLS of its own",
    "DH_KEY_TOO_SMALL": "the server's key exchange is too weak",
    "EE_KEY_TOO_SMALL": _CERTIFICATE[66],
    "UNEXPECTED_EOF_WHILE_READING": "the server closed in the middle of the handshake",
}


def certificate_words(code: int) -> str:
    """Return what OpenSSL's verify code says of a certificate."""
    return _CERTIFICATE.get(code, f"the certificate is not trusted (OpenSSL's verify code {code})")


def protocol_words(reason: str) -> str:
    """Return what the name of an OpenSSL error says of a handshake; "" where OpenSSL gave none."""
    if not reason:
        return "the TLS handshake failed"
    return _PROTOCOL.get(reason, f"the TLS handshake failed: {reason.lower().replace('_', ' ')}")
