"""Who may sign in, as the server's secrets say: [auth] names providers, [assay] accounts."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.auth_util import (
    get_cookie_with_chunks,
    get_origin_from_redirect_uri,
    get_signing_secret,
)
from streamlit.runtime.secrets import secrets_singleton
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from assay.core.errors import InputError

_LOG = logging.getLogger("assay.pages")
_ACCOUNTS = "allowed_emails"
_SHORTEST = 32


@dataclass(frozen=True)
class SignIn:
    """How visitors sign in.

    ``providers``: names as Streamlit knows them, None for the one without a name; ``origin``: where
    it works; ``accounts``: addresses and @domains in lower case, None for everybody whom the
    provider knows.
    """

    providers: tuple[str | None, ...]
    origin: str | None
    accounts: tuple[str, ...] | None

    def refusal(self, user: Mapping[str, Any]) -> str | None:
        """Why an account may not see the dashboard; None if it may."""
        if self.accounts is None:
            return None
        address = str(user.get("email") or "").lower()
        if not address:
            return "Your provider does not tell your e-mail address, which decides here."
        # Otherwise anybody could register with another person's address at some providers.
        if str(user.get("email_verified", "")).lower() != "true":
            return f"Your provider does not confirm that {address} is yours."
        if address in self.accounts or f"@{address.rpartition('@')[2]}" in self.accounts:
            return None
        return f"{address} is not among the accounts that may see this dashboard."


def sign_in() -> SignIn | None:
    """None where the secrets name no provider.

    InputError for secrets that nobody can read or understand: what they would have asked for is
    unknown, so nothing may be shown.
    """
    if not secrets_singleton.load_if_toml_exists():
        for name in st.get_option("secrets.files"):
            if Path(name).exists():
                raise _unclear(name, "a readable TOML file of secrets", "one that cannot be read")
        return None
    ours, auth = st.secrets.get("assay", {}), st.secrets.get("auth")
    where = " or ".join(st.get_option("secrets.files"))
    if not isinstance(ours, Mapping) or set(ours) - {_ACCOUNTS}:
        raise _unclear(where, f"{_ACCOUNTS} alone under [assay] in the secrets", "something else")
    accounts = _accounts(ours, where)
    if auth is None:
        if accounts is not None:
            raise _unclear(where, f"a provider under [auth] beside {_ACCOUNTS}", "none")
        return None
    if not isinstance(auth, Mapping):
        raise _unclear(where, "a section [auth] in the secrets", "something else")
    if len(str(auth.get("cookie_secret", ""))) < _SHORTEST:
        raise _unclear(
            where, f"a cookie_secret of at least {_SHORTEST} random characters", "a shorter one"
        )
    named = [name for name, one in auth.items() if isinstance(one, Mapping) and "client_id" in one]
    providers = (*([None] if "client_id" in auth or not named else []), *named)
    return SignIn(providers, get_origin_from_redirect_uri(), accounts)


def is_signed_in(cookies: Mapping[str, str]) -> bool:
    """Whether a browser's cookies are of an account that may see the dashboard."""
    try:
        rules = sign_in()
    except InputError:
        return False
    if rules is None:
        return True
    user = _user(cookies)
    return bool(user) and rules.refusal(user) is None


def _user(cookies: Mapping[str, str]) -> Mapping[str, Any]:
    """The account that Streamlit's signed cookie names; nothing without one."""

    def part(name: str) -> bytes | None:
        return decode_signed_value(get_signing_secret(), name, cookies.get(name, ""))

    held = get_cookie_with_chunks(part, USER_COOKIE_NAME)
    user = json.loads(held) if held else {}
    return user if user.get("is_logged_in") else {}


def _accounts(ours: Mapping[str, Any], where: str) -> tuple[str, ...] | None:
    if _ACCOUNTS not in ours:
        return None
    given = ours[_ACCOUNTS]
    if not isinstance(given, list) or not all(isinstance(one, str) and "@" in one for one in given):
        raise _unclear(
            where,
            f'a list of addresses and @domains as {_ACCOUNTS}, such as ["ada@example.org"]',
            "something else",
        )
    return tuple(one.strip().lower() for one in given)


def _unclear(where: str, expected: str, got: str) -> InputError:
    # Where the secrets are concerns the server's owner alone.
    _LOG.error("in the secrets (%s): expected %s, but got %s", where, expected, got)
    return InputError(expected, got, "correct it; the server's log says where it is")
