"""The secret that a guarded dashboard asks of every browser: made here, checked by the server."""

from __future__ import annotations

import hashlib
import secrets

from assay.core.errors import InputError

TOKEN_VARIABLE = "ASSAY_TOKEN"
_SHORTEST = 16


def new_token() -> str:
    """A secret that nobody guesses."""
    return secrets.token_urlsafe(24)


def check_token(token: str) -> str:
    """The token; InputError for one that could be guessed, or stands in no address."""
    if len(token) < _SHORTEST or not all(c.isascii() and (c.isalnum() or c in "-_") for c in token):
        raise InputError(
            f"at least {_SHORTEST} letters, digits, - or _ in the variable {TOKEN_VARIABLE}",
            f"{len(token)} characters that do not fit",
            "unset it, and Assay generates a token",
        )
    return token


def cookie(token: str, port: int) -> tuple[str, str]:
    """The name and value of the cookie that proves that its browser knew the token.

    Browsers send a cookie to every port of a machine: each dashboard has a name of its own.
    """
    return f"assay-{port}", hashlib.sha256(f"assay {port} {token}".encode()).hexdigest()
