"""Signing in, where the server's secrets name a provider."""

from __future__ import annotations

import pytest
import streamlit as st
from streamlit import config
from streamlit.runtime.secrets import secrets_singleton
from streamlit.testing.v1 import AppTest
from support.audit_file import write_sample_audit
from support.pages import opened, words
from support.paths import ROOT

from assay.cache.store import Store
from assay.core.errors import InputError
from assay.pages.components.sign_in import require_sign_in
from assay.pages.server.accounts import SignIn

AUTH = f'[auth]\nredirect_uri = "x"\ncookie_secret = "{"y" * 32}"\nclient_id = "z"\n'
LISTED = '[assay]\nallowed_emails = ["ada@example.org"]\n'


@pytest.fixture
def secrets(tmp_path, monkeypatch):
    """Puts a text where the server looks for secrets."""
    file = tmp_path / "secrets.toml"

    def put(text):
        file.write_text(text)
        secrets_singleton._reset()

    before = st.get_option("secrets.files")
    config.set_option("secrets.files", [str(file)])
    yield put
    config.set_option("secrets.files", before)
    secrets_singleton._reset()


def test_without_a_provider_nobody_is_asked(secrets):
    """The control: other secrets leave the dashboard as it is."""
    secrets('key = "value"\n')
    assert "Sign in" not in words(opened("audits"))


def test_with_a_provider_nothing_is_shown_before_signing_in(secrets):
    """No title of any audit, no page but a button."""
    write_sample_audit(Store.default())
    secrets(AUTH)
    app = opened("audits")
    assert [button.label for button in app.button] == ["Sign in"]
    assert not app.get("page_link")
    assert "Sign in to see this dashboard" in words(app)


def test_secrets_that_cannot_be_read_lock_the_dashboard(secrets):
    """Whoever wrote them may have meant to ask visitors to sign in. Where they are is not said."""
    secrets("[auth\n")
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    assert app.exception
    assert not app.title
    assert not app.get("page_link")
    with pytest.raises(InputError) as refused:
        require_sign_in()
    assert "secrets" in refused.value.sentence
    assert "secrets.toml" not in refused.value.sentence


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[auth]\ncookie_secret = "short"\nclient_id = "z"\n', "at least 32 random characters"),
        ("auth = 1\n", r"a section \[auth\]"),
        (LISTED, r"a provider under \[auth\]"),
        (AUTH + LISTED.replace("emails", "email"), "allowed_emails alone"),
        (AUTH + '[assay]\nallowed_emails = "ada@example.org"\n', "a list of addresses"),
        (AUTH + '[assay]\nallowed_emails = ["example.org"]\n', "a list of addresses"),
    ],
)
def test_secrets_that_are_not_understood_lock_the_dashboard(secrets, text, words):
    """A misspelt list must not admit everybody, and a short cookie_secret could be guessed."""
    write_sample_audit(Store.default())
    secrets(text)
    with pytest.raises(InputError, match=words):
        require_sign_in()
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    assert app.exception
    assert not app.get("page_link")


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ({"email": "ada@example.org", "email_verified": True}, None),
        ({"email": "ADA@Example.org", "email_verified": "true"}, None),
        ({"email": "bob@lab.example", "email_verified": True}, None),
        ({"email": "bob@example.org", "email_verified": True}, "not among the accounts"),
        ({"email": "bob@notlab.example", "email_verified": True}, "not among the accounts"),
        ({"email": "x@lab.example@evil.example", "email_verified": True}, "not among"),
        ({"email": "ada@example.org", "email_verified": False}, "does not confirm"),
        ({"email": "ada@example.org"}, "does not confirm"),
        ({"email_verified": True}, "does not tell your e-mail address"),
    ],
)
def test_the_list_admits_confirmed_addresses_alone(user, words):
    """By address or domain, in capitals or not. Without a list everybody may see the dashboard."""
    listed = SignIn((None,), None, ("ada@example.org", "@lab.example"))
    refusal = listed.refusal(user)
    assert refusal is None if words is None else words in refusal
    assert SignIn((None,), None, None).refusal(user) is None


def test_a_provider_that_lacks_a_part_is_told_when_one_signs_in(secrets):
    """The visitor reads that it is not complete, and not what the secrets hold."""
    secrets(AUTH)
    app = opened("audits")
    app.button[0].click().run()
    assert app.exception
    assert "Authentication credentials" not in words(app)
