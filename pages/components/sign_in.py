"""Signing in through an OpenID provider, where the server's secrets name one ([auth])."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

import streamlit as st
from streamlit.errors import StreamlitAuthError, StreamlitMissingAuthlibError

from assay.core.errors import InputError
from assay.pages.components.escaping import markdown_safe
from assay.pages.server.accounts import SignIn, sign_in
from assay.pages.server.sessions import forget_visitor

_LOG = logging.getLogger("assay.pages")


def require_sign_in() -> None:
    """Nothing but a button until a visitor has signed in; nothing at all where no provider is
    named. It comes on top of `--token`, which the server asks before any page runs."""
    rules = sign_in()
    if rules is None:
        return
    refusal = rules.refusal(st.user) if st.user.is_logged_in else None
    if st.user.is_logged_in and refusal is None:
        return
    st.set_page_config(page_title="Assay")  # instead of the audit that was looked at
    st.title("Assay")
    if refusal:
        st.warning(markdown_safe(refusal), icon=":material/block:")
        _sign_out_button("Sign out")
    else:
        _sign_in_buttons(rules)
    st.stop()


def offer_sign_out() -> None:
    """Who is signed in, and a button to sign out; nothing where no provider is named."""
    if sign_in() is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(markdown_safe(str(st.user.get("email") or st.user.get("name") or "Signed in")))
        _sign_out_button("Sign out")


def _sign_in_buttons(rules: SignIn) -> None:
    here = urlsplit(st.context.url or "")
    if here.netloc and rules.origin and rules.origin != f"{here.scheme}://{here.netloc}":
        # The provider leads back there, where this browser's cookies are not known.
        st.write("Signing in works at another address of this dashboard:")
        st.markdown(f"[{markdown_safe(rules.origin)}](<{rules.origin}>)")
        return
    st.write("Sign in to see this dashboard.")
    for name in rules.providers:
        label = f"Sign in with {name}" if name else "Sign in"
        if st.button(markdown_safe(label), type="primary", icon=":material/login:"):
            _begin(name)


def _begin(provider: str | None) -> None:
    try:
        st.login(provider)
    except StreamlitMissingAuthlibError as error:
        raise InputError(
            "an installation that visitors can sign in to",
            "one without the package Authlib",
            "install assay-audit[sign-in]",
        ) from error
    except StreamlitAuthError as error:
        _LOG.error("signing in is not set up: %s", error)
        raise InputError(
            "secrets that say all that signing in needs",
            "some that lack a part",
            "complete them; the server's log says what is missing",
        ) from error


def _sign_out_button(label: str) -> None:
    if st.button(label, type="tertiary", icon=":material/logout:"):
        forget_visitor()
        st.logout()
        st.stop()
