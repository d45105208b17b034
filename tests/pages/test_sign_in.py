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
    secrets('[auth]\nredirect_uri = "x"\ncookie_secret = "y"\nclient_id = "z"\n')
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
