"""Signing in through a real OpenID provider on this machine, at a real server."""

from __future__ import annotations

import time

import pytest
from joserfc import jwk
from streamlit.web.server.starlette.starlette_app_utils import (
    create_signed_value,
    decode_signed_value,
)
from support.audit_file import write_sample_audit
from support.openid import COOKIE_SECRET, Guest, free_port, provider
from support.server import Server
from support.waiting import wait_until
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from assay.cache.store import Store

TOKEN = "a-token-of-24-characters"
SIGN_IN = "Sign in to see this dashboard"


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """Starts dashboards with an audit that ask a provider: opened(options, more secrets)."""
    servers = []
    with provider() as one:

        def start(*options, more="", secrets=None, port=None, config=""):
            home = tmp_path_factory.mktemp("home")
            store = Store(home / "store")
            write_sample_audit(store)
            port = port or free_port()
            address = f"http://127.0.0.1:{port}"
            (home / ".streamlit").mkdir()
            text = secrets or one.secrets(address, more)
            (home / ".streamlit" / "secrets.toml").write_text(text)
            (home / ".streamlit" / "config.toml").write_text(config)
            servers.append(
                Server(
                    store.root,
                    "--port",
                    str(port),
                    *options,
                    HOME=str(home),
                    ASSAY_TOKEN=TOKEN,
                    NO_PROXY="127.0.0.1",
                )
            )
            return address

        start.provider = one
        yield start
        for server in servers:
            server.close()


@pytest.fixture(scope="module")
def plain(opened):
    return opened()


@pytest.fixture
def openid(opened):
    opened.provider.again()
    return opened.provider


def test_signing_in_opens_and_signing_out_locks(plain, openid):
    """Before, no title of an audit; between, the audit and who is signed in; after, neither."""
    guest = Guest(plain)
    assert SIGN_IN in guest.shown("audits")
    for page in ("audits", "overview"):
        assert "Sample audit" not in guest.shown(page, "audit=sample")
    status, _ = guest.sign_in()
    assert status == 200
    shown = guest.shown("overview", "audit=sample")
    assert "Sample audit" in shown
    assert "Sign out" in shown
    guest.sign_out()
    assert "/logout" in openid.seen
    assert SIGN_IN in guest.shown("overview", "audit=sample")
    assert "Sample audit" not in guest.shown("overview", "audit=sample")


def test_another_browser_is_not_signed_in(plain, openid):
    """The sign-in is one browser's own."""
    Guest(plain).sign_in()
    assert SIGN_IN in Guest(plain).shown("audits")


FORGED = {
    "another key": {"signs": jwk.RSAKey.generate_key(2048, {"kid": "published"})},
    "another audience": {"claims": {"aud": "somebody-else", "email": "ada@example.org"}},
    "another issuer": {"claims": {"iss": "http://127.0.0.1:1", "email": "ada@example.org"}},
    "another sign-in's nonce": {"claims": {"nonce": "old", "email": "ada@example.org"}},
    "expired": {"claims": {"exp": int(time.time()) - 3600, "email": "ada@example.org"}},
    "refused": {"refuses": "not today"},
}


@pytest.mark.parametrize("how", FORGED)
def test_an_identity_that_is_not_proven_does_not_let_in(plain, openid, how):
    """Each leads back to the button, and the next honest sign-in works (the control)."""
    for name, value in FORGED[how].items():
        setattr(openid, name, value)
    guest = Guest(plain)
    guest.sign_in()
    assert SIGN_IN in guest.shown("audits")
    openid.again()
    guest.sign_in()
    assert "Sample audit" in guest.shown("audits")


def test_signing_out_locks_the_other_tabs_of_the_browser(plain, openid):
    """One that was open before shows nothing any more; another browser of the account stays in."""
    guest, elsewhere = Guest(plain), Guest(plain)
    guest.sign_in()
    elsewhere.sign_in()
    with guest.tab("audits") as before, elsewhere.tab("audits") as other:
        assert "Sample audit" in before.again().text
        assert "Sample audit" in other.again().text
        guest.sign_out()
        assert SIGN_IN in before.shows(SIGN_IN).text
        assert "Sample audit" not in before.again().text
        assert "Sample audit" in other.again().text


def test_nothing_is_given_or_taken_by_address_before_signing_in(plain, openid):
    """No page names an audit, and no file is taken. A page without a sign-in makes no export; one
    that was made is gone once its visitor has signed out."""
    stranger, guest = Guest(plain), Guest(plain)
    for path in ("/", "/overview?audit=sample", "/_stcore/host-config", "/_stcore/metrics"):
        status, body = stranger.get(path)
        assert status in (200, 404)
        assert b"Sample audit" not in body
    with stranger.tab() as page:
        assert page.upload(stranger) == 401
        assert not page.again().export
    guest.sign_in()
    with guest.tab("selection", "audit=sample") as page:
        assert page.upload(guest) == 204
        made = page.again().exported()
        assert guest.get(made)[1]
        guest.sign_out()
        page.shows(SIGN_IN)
    wait_until(lambda: guest.get(made)[0] == 404)


def test_a_token_and_signing_in_are_both_asked(opened, openid):
    """The token first, in any request; the provider leads back to a browser that gave it."""
    address = opened("--token")
    guest = Guest(address)
    assert guest.get("/")[0] == 401
    with pytest.raises(InvalidStatus), guest.tab():
        pass
    assert guest.get("/oauth2callback")[0] == guest.get("/auth/login")[0] == 401
    guest.get(f"/?token={TOKEN}")
    guest.get("/_stcore/health")
    assert SIGN_IN in guest.shown("audits")
    guest.sign_in()
    assert "Sample audit" in guest.shown("audits")


def test_only_accounts_on_the_list_see_anything(opened, openid):
    """Others read why they may not, send no file, and can sign out for another account."""
    address = opened(more='[assay]\nallowed_emails = ["Ada@example.org", "@lab.example"]\n')
    cases = [
        ({"email": "bob@lab.example"}, None),
        ({"email": "bob@example.org"}, "is not among the accounts"),
        ({"email": "ada@example.org", "email_verified": False}, "does not confirm that"),
    ]
    guest = Guest(address)
    for claims, refusal in cases:
        openid.claims = {"email_verified": True, **claims}
        guest.sign_in()
        shown = guest.shown("audits")
        assert ("Sample audit" in shown) == (refusal is None), claims
        assert (refusal or "Sample audit") in shown.replace("\\", "")
        if refusal:
            with guest.tab() as page:
                assert page.upload(guest) == 401
        guest.sign_out()
        assert SIGN_IN in guest.shown("audits")


def test_each_named_provider_has_a_button(opened, openid):
    """As Streamlit's documentation describes several providers."""
    port = free_port()
    common, _, rest = openid.secrets(f"http://127.0.0.1:{port}").partition("client_id")
    sections = "".join(f"[auth.{name}]\nclient_id{rest}" for name in ("lab", "university"))
    address = opened(port=port, secrets=common + sections)
    guest = Guest(address)
    shown = guest.shown("audits")
    assert "Sign in with lab" in shown
    guest.sign_in("Sign in with university")
    assert "Sample audit" in guest.shown("audits")


def test_at_another_address_the_right_one_is_named(plain):
    """A browser that opens localhost could not come back from the provider with its cookies."""
    shown = Guest(plain.replace("127.0.0.1", "localhost")).shown("audits")
    assert "Signing in works at another address" in shown
    assert plain in shown.replace("\\", "")
    assert SIGN_IN not in shown


def test_behind_a_proxy_the_address_that_the_owner_allows_opens_pages(opened):
    """A proxy passes requests on under its own address: that one may open the page's connection,
    no other may."""
    address = opened(config='[server]\ncorsAllowedOrigins = ["https://audit.example.org"]\n')
    stream = address.replace("http", "ws") + "/_stcore/stream"
    with connect(stream, subprotocols=["streamlit"], origin="https://audit.example.org"):
        pass
    with (
        pytest.raises(InvalidStatus),
        connect(stream, subprotocols=["streamlit"], origin="https://other.example.org"),
    ):
        pass


def test_a_forged_cookie_does_not_let_in(plain, openid):
    """One that is signed with another secret; the honest one of the same account does (control)."""
    guest = Guest(plain)
    guest.sign_in()
    (held,) = [one for one in guest.jar if one.name == "_streamlit_user"]
    user = decode_signed_value(COOKIE_SECRET, held.name, held.value).decode()
    assert "Sample audit" in guest.shown("audits")
    held.value = create_signed_value("another-secret", held.name, user).decode()
    assert SIGN_IN in guest.shown("audits")
    held.value = create_signed_value(COOKIE_SECRET, held.name, user).decode()
    assert "Sample audit" in guest.shown("audits")
