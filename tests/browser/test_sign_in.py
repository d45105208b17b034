"""Signing in through a provider as a person does it, with two tabs of one browser."""

from __future__ import annotations

import pytest
from support.audit_file import write_sample_audit
from support.browser import tab
from support.openid import free_port, provider
from support.server import Server

from assay.cache.store import Store

pytestmark = pytest.mark.browser


@pytest.fixture
def asked(chromium, tmp_path):
    """The address of a dashboard whose secrets name a provider."""
    store = Store(tmp_path / "home")
    write_sample_audit(store)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    (tmp_path / ".streamlit").mkdir()
    with provider() as one:
        (tmp_path / ".streamlit" / "secrets.toml").write_text(one.secrets(address))
        server = Server(store.root, "--port", str(port), HOME=str(tmp_path), NO_PROXY="127.0.0.1")
        yield address
        server.close()


def test_a_person_signs_in_sees_an_audit_and_signs_out_of_every_tab(chromium, asked):
    """The button leads to the provider and back; the tab that was open before locks by itself."""
    with tab(chromium, asked) as one, tab(chromium, asked) as other:
        one.open("overview", audit="sample").shows("Sign in to see this dashboard")
        for hidden in ("Sample audit", "Class balance", "class balance"):
            assert not one.page.get_by_text(hidden).count()
        one.main().get_by_role("button", name="Sign in").click()
        one.page.get_by_role("button", name="Sign out").wait_for(state="attached")
        one.open("overview", audit="sample").shows("Student accuracy")
        other.open("overview", audit="sample").shows("Student accuracy")
        sidebar = one.page.get_by_test_id("stSidebar").inner_text().replace("\u2060", "")
        assert "ada@example.org" in sidebar
        one.page.get_by_role("button", name="Sign out").click()
        one.shows("Sign in to see this dashboard")
        other.shows("Sign in to see this dashboard")
        for each in (one, other):
            assert not each.page.get_by_text("Sample audit").count()
            assert not [said for said in each.wrong if said.startswith("exception")]


def test_at_localhost_the_other_address_is_a_link(chromium, asked):
    """The page says where signing in works, and leads there."""
    with tab(chromium, asked.replace("127.0.0.1", "localhost")) as one:
        one.open("audits").shows("Signing in works at another address")
        with one.page.context.expect_page() as there:
            one.main().get_by_role("link", name="127.0.0.1").click()
        there.value.get_by_text("Sign in to see this dashboard").wait_for()
        assert there.value.url.startswith(asked)
        there.value.close()
