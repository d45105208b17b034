"""Signing in through an OpenID provider, where the server's secrets name one ([auth])."""

from __future__ import annotations

import logging
from pathlib import Path

import streamlit as st
from streamlit.runtime.secrets import secrets_singleton

from assay.core.errors import InputError
from assay.pages.components.escaping import markdown_safe

_LOG = logging.getLogger("assay.pages")


def require_sign_in() -> None:
    """Nothing but a button until a visitor has signed in; nothing at all where no provider is
    named. It comes on top of `--token`, which the server asks before any page runs."""
    if not _has_provider():
        return
    if not st.user.is_logged_in:
        st.title("Assay")
        st.write("Sign in to see this dashboard.")
        if st.button("Sign in", type="primary", icon=":material/login:"):
            st.login()
        st.stop()


def offer_sign_out() -> None:
    """Who is signed in, and a button to sign out; nothing where no provider is named."""
    if not _has_provider():
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(markdown_safe(str(st.user.get("email") or st.user.get("name") or "Signed in")))
        if st.button("Sign out", type="tertiary", icon=":material/logout:"):
            st.logout()


def _has_provider() -> bool:
    """Whether secrets name a provider; InputError for secrets that nobody can read, since what
    they would have asked for is unknown."""
    if secrets_singleton.load_if_toml_exists():
        return "auth" in st.secrets
    for name in st.get_option("secrets.files"):
        if Path(name).exists():
            # Where it is concerns the server's owner alone.
            _LOG.error("cannot read the secrets in %s", name)
            raise InputError(
                "a readable TOML file of secrets",
                "one that cannot be read",
                "correct or remove it; the server's log says where it is",
            )
    return False
