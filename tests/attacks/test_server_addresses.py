"""Addresses, keys and passwords: they reach the one server they are for, and no file or message."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.model_calls import answered, call
from support.scripted_server import decompress

from assay.cache.store import Store
from assay.core.decompress.backends.openai_server import ServerBackend
from assay.core.decompress.backends.served import identify
from assay.core.errors import InputError
from assay.core.specs.addresses import read_address, without_password
from assay.core.specs.model_calls import Answer

PASSWORD = "hunter2-and-more"


pytestmark = pytest.mark.usefixtures("quick_tries")


def test_the_base_path_is_found_by_trying(scripted):
    """With /v1 or without, in the address or not, and with a question's path copied behind it."""
    for base in ("", "/v1"):
        one = scripted(base=base)
        for end in ("", "/", "/v1", "/v1/", "/v1/chat/completions"):
            identity = identify(one.address + end, None)
            assert identity.backend == f"server at {one.address}{base}"
            backend = ServerBackend(one.address + end, identity)
            assert isinstance(answered(backend, [call()])[0], Answer)
            backend.close()
    with pytest.raises(InputError, match="nothing/v1"):
        identify(scripted(base="/api").address + "/nothing", "scripted")


def test_a_list_of_models_is_not_needed_where_one_is_named(scripted):
    """A server without /models serves the model that is named; without one the option is named."""
    for base in ("", "/v1"):
        one = scripted(models=(404, {"detail": "Not Found"}), base=base)
        identity = identify(one.address, "mine")
        assert (identity.name, identity.backend) == ("mine", f"server at {one.address}{base}")
        backend = ServerBackend(one.address, identity)
        assert isinstance(answered(backend, [call()])[0], Answer)
        backend.close()
        with pytest.raises(InputError, match="--served-model"):
            identify(one.address, None)


@pytest.mark.parametrize("status", [401, 403])
def test_a_missing_key_names_its_variable(assay, scripted, monkeypatch, status):
    """Refused for want of a key, at the list of models or at the first question, the run says which
    variable it goes into; a key that the server repeats is shown nowhere."""
    key = "sk-0123456789abcdef"
    monkeypatch.setenv("ASSAY_API_KEY", key)
    said = (status, {"error": {"message": f"Incorrect API key provided: {key}"}})
    for faults in ({"models": said}, {"answers": (*said, {})}):
        one = scripted(**faults)
        result = decompress(assay, one.address)
        assert result.status in (1, 2)
        assert "ASSAY_API_KEY" in result.err or status == 403
        assert str(status) in result.err
        assert key not in result.err + _everything_in(Store.default().root)
        assert one.seen[0][1]["Authorization"] == f"Bearer {key}"  # the control: it was sent


def test_a_key_that_no_header_holds_is_refused_unseen(assay, scripted, monkeypatch):
    """A line break in the key ends the run before anything is sent, without showing the key."""
    monkeypatch.setenv("ASSAY_API_KEY", "sk-secret\nX-Evil: 1")
    one = scripted()
    result = decompress(assay, one.address)
    assert result.status == 2
    assert "ASSAY_API_KEY" in result.err
    assert "sk-secret" not in result.err
    assert one.seen == []


def _everything_in(root):
    files = [path for path in root.rglob("*") if path.is_file()]
    return "".join(path.read_bytes().decode("latin-1") for path in files)


@pytest.mark.parametrize("ending", ["well", "badly"])
def test_a_password_in_an_address_is_never_kept(assay, scripted, ending):
    """It goes to the server in its header, and into no file, message, name or job."""
    faults = {} if ending == "well" else {"answers": (400, {"error": f"no {PASSWORD}"}, {})}
    one = scripted(**faults)
    address = one.address.replace("http://", f"http://me:{PASSWORD}@")
    result = decompress(assay, address, "--judge", address)
    assert (result.status == 0) == (ending == "well")
    assert one.seen[0][1]["Authorization"].startswith("Basic ")
    store = Store.default().root
    assert one.address in _everything_in(store)  # the control: the rest of it is there
    for text in (result.out, result.err, _everything_in(store)):
        assert PASSWORD not in text
        assert "me:" not in text or ending == "badly"


def test_a_password_is_not_queued(assay, scripted):
    """What is queued is kept until it runs: an address with a password is refused there."""
    address = f"http://me:{PASSWORD}@127.0.0.1:9"
    result = decompress(assay, address, "--queue")
    assert result.status == 2
    assert PASSWORD not in result.err + _everything_in(Store.default().root)


@pytest.mark.parametrize(
    "address",
    [
        f"http://me:{PASSWORD}@host:port",
        f"http://me:{PASSWORD}/x@host",
        f"http://me:{PASSWORD}@",
        f"http://me:{PASSWORD}@host/v1?key={PASSWORD}",
        f"http://host/v1?key={PASSWORD}",
        f"http://host/v1#{PASSWORD}",
        f"http://me:{PASSWORD}@ho st",
    ],
)
def test_an_address_that_is_none_is_refused_without_its_password(assay, address):
    """Whatever is wrong with it, of a model or of a judge, the sentence and the store show no
    password."""
    for words in (("--model", address), ("--judge", address)):
        result = assay("decompress", *words)
        assert result.status == 2
        assert "address" in result.err
        assert PASSWORD not in result.err + _everything_in(Store.default().root)


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=20))
def test_no_credentials_are_left_in_an_address(user, password, rest):
    """Whatever stands before the last @ of an address is left out, and nothing of other words."""
    user, password = ("".join(part.split()) for part in (user, password))
    shown = without_password(f"http://{user}:{password}@host/{''.join(rest.split())}")
    assert "@" not in shown.split("/", 3)[2]
    assert without_password(f"{rest} no address") == f"{rest} no address"


@given(st.text())
def test_an_address_is_read_or_refused(text):
    """Nothing but InputError is raised, and what is read has no credentials in its base."""
    for address in (f"http://{text}", f"https://a:b@{text}"):
        with suppress(InputError):
            assert "@" not in read_address(address).base


def test_a_redirect_is_not_followed(assay, scripted):
    """Another host is named in the refusal and gets no request."""
    other = scripted()
    for faults in (
        {"models": (302, {}, {"Location": other.address})},
        {"answers": (307, {}, {"Location": other.address})},
    ):
        result = decompress(assay, scripted(**faults).address)
        assert result.status == 2
        assert other.address in result.err
    assert other.seen == []
