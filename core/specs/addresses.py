"""Addresses of servers and object stores: which parts are used, and which may be shown and kept.

A server's address may contain a user name and a password. They are sent to the server and nowhere
else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from assay.core.errors import InputError

# Up to the last @ of the word: a password may contain any other character.
# A bucket's name has no colon, but an object's may have an @.
_CREDENTIALS = re.compile(r"(?i)\b(https?://)\S*@|\b(s3://)(?:[^\s/:@]*:\S*|[^\s/]*)@")
OBJECT_STORE = "s3://"
# Paths of single questions, which people copy from documentation.
_ENDPOINTS = ("/chat/completions", "/completions", "/models")


@dataclass(frozen=True)
class ServerAddress:
    """``base`` has no credentials and no slash at its end; ``login`` is (user, password)."""

    base: str
    login: tuple[str, str] | None

    def __repr__(self) -> str:
        return f"ServerAddress({self.base!r})"


def is_address(name: str) -> bool:
    """Whether a model's name is a server's address."""
    return name.lower().startswith(("http://", "https://"))


def has_password(text: str) -> bool:
    """Whether an address in the text contains a user name or a password (anything before an @)."""
    return _CREDENTIALS.search(text) is not None


def without_password(text: str) -> str:
    """The text with user names and passwords removed from its addresses."""
    return _CREDENTIALS.sub(r"\1\2", text)


def read_address(address: str) -> ServerAddress:
    """The parts of an address; InputError, without the password, if it is not an address."""
    shown = without_password(address)
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if not host or not address.isprintable() or " " in address or "@" in parts.path:
        raise InputError(
            "a server's address such as http://127.0.0.1:8000", repr(shown), "correct it"
        )
    if parts.query or parts.fragment:
        raise InputError(
            "a server's address without ? and #",
            repr(shown.split("?")[0].split("#")[0] + "?…"),
            "remove that part; a key goes into the variable ASSAY_API_KEY",
        )
    bare_host = f"[{host}]" if ":" in host else host
    place = bare_host if port is None else f"{bare_host}:{port}"
    path = parts.path.rstrip("/")
    for endpoint in _ENDPOINTS:
        path = path.removesuffix(endpoint)
    login = None
    if parts.username is not None or parts.password is not None:
        login = unquote(parts.username or ""), unquote(parts.password or "")
    return ServerAddress(f"{parts.scheme.lower()}://{place}{path}", login)
