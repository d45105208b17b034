"""Forms that start jobs: what they may name, upload and start, when somebody else fills them in."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from urllib.parse import urlencode, urlsplit

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from support.pages import opened, words
from support.server import Server
from support.tiny_models import save_bert
from websockets.sync.client import connect

from assay.cache.jobs import JobTable
from assay.cache.store import Store
from assay.core.errors import InputError
from assay.core.jobs.checked_names import NameChecker
from assay.core.jobs.start import start_job
from assay.core.models.stored_facts import stored_facts
from assay.core.runtime.allowed_roots import ROOTS_VARIABLE, AllowedRoots
from assay.core.specs.commands import AUDIT, COMMANDS, EXPERIMENT, REPORT
from assay.pages.components.new_job.uploads import keep_upload

OPTIONS = {one.name: one for one in AUDIT.options}


@pytest.fixture
def places(tmp_path):
    """An allowed folder, and a secret beside it."""
    allowed, outside = tmp_path / "allowed", tmp_path / "outside"
    for folder in (allowed, outside):
        folder.mkdir()
        (folder / "rows.jsonl").write_text('{"text": "a document", "label": "x"}\n')
    return allowed, outside


@pytest.fixture
def checker(places):
    return NameChecker(AllowedRoots.of([places[0]]), Store.default())


def test_a_path_inside_is_named_whole(checker, places):
    """The control: a file inside is taken, by a relative name too, and named from the root."""
    whole = str(places[0] / "rows.jsonl")
    assert checker.documents("rows.jsonl") == whole
    assert checker.documents(whole) == whole
    assert checker.documents("*.jsonl").endswith("*.jsonl")
    assert checker.documents("rows.jsonl:text=body") == f"{whole}:text=body"


@pytest.mark.parametrize(
    "name",
    [
        "../outside/rows.jsonl",
        "./../outside/rows.jsonl",
        "{outside}/rows.jsonl",
        "{outside}/*.jsonl",
        "../outside/*.jsonl",
        "x/../../outside/rows.jsonl",
        "/etc/passwd",
        "~/rows.jsonl",
        "/proc/self/environ",
        "rows.jsonl\0/../../outside/rows.jsonl",
        "..\\outside\\rows.jsonl",
        "{outside}/rows.jsonl#train",
        "{outside}/rows.jsonl:text=label",
    ],
)
def test_nothing_outside_the_allowed_folders_is_read(name, checker, places):
    """Neither by dots, by the whole path, by patterns nor by a split or columns behind it."""
    for kind in ("seed_corpus", "base"):
        with pytest.raises(InputError):
            checker.checked(OPTIONS[kind], name.format(outside=places[1]))


def test_links_out_of_the_folders_are_refused(checker, places):
    """A link to a file or a folder outside, and a link inside a folder of data."""
    allowed, outside = places
    (allowed / "link.jsonl").symlink_to(outside / "rows.jsonl")
    (allowed / "linked").symlink_to(outside)
    (allowed / "shards").mkdir()
    (allowed / "shards" / "a.jsonl").symlink_to(outside / "rows.jsonl")
    (allowed / "circle").symlink_to(allowed / "circle")
    for name in ("link.jsonl", "linked", "linked/rows.jsonl", "shards", "shards/*.jsonl", "circle"):
        with pytest.raises(InputError):
            checker.documents(name if "/" in name or "." in name else f"./{name}")
    with pytest.raises(InputError):
        checker.model("./linked")


def test_what_lies_outside_is_not_told_from_what_is_missing(checker, places):
    """Whether a file is there that may not be read is nobody's to find out."""
    said = set()
    for name in ("rows.jsonl", "missing.jsonl"):
        with pytest.raises(InputError) as error:
            checker.documents(f"{places[1]}/{name}")
        said.add(str(error.value).replace(name, "NAME"))
    assert len(said) == 1


@pytest.mark.parametrize(
    "name",
    [
        "--store",
        "-x",
        "a b/c",
        "owner/name/more",
        "owner//name",
        "owner/näme",
        "owner/name;rm -rf",
        "owner/name\n--store=/x",
        "owner/na\u202eme",
        "owner/..",
        "https://example.org/model",
        "x" * 5000,
        "owner/" + "x" * 200,
    ],
)
def test_a_hub_name_is_one_of_the_hub(name, checker):
    """Weird characters, dashes in front, addresses and long names never reach a command."""
    with pytest.raises(InputError):
        checker.checked(OPTIONS["base"], name)
    with pytest.raises(InputError):
        checker.checked(OPTIONS["seed_corpus"], name)
    assert checker.checked(OPTIONS["base"], "owner/name-1.5_b") == "owner/name-1.5_b"


@pytest.mark.parametrize(
    "name", ["--help", "-o", "../audits/x", "a b", "", "x/y", "decompression:x"]
)
def test_a_name_by_its_place_is_no_option(name, checker):
    """What a command takes without a flag is a name, or an option could stand there."""
    for command in COMMANDS.values():
        for one in command.options:
            if one.declared.is_argument:
                with pytest.raises(InputError):
                    checker.checked(one, name)


def test_no_text_is_taken_for_an_option(checker, places):
    """Neither a title that looks like one, nor a model that an experiment is given by name."""
    for value in ("--config=/etc/passwd", "-x", "a\0b", "a\x1bb"):
        with pytest.raises(InputError):
            checker.checked(OPTIONS["title"], value)
    assert checker.checked(OPTIONS["response_template"], "\n### Answer:") == "\n### Answer:"
    (model,) = [one for one in EXPERIMENT.options if one.name == "model"]
    assert checker.checked(model, "llama_1b=owner/name") == "llama_1b=owner/name"
    for value in (f"llama_1b={places[1]}", "llama_1b=../outside", "llama_1b=", "--x=owner/name"):
        with pytest.raises(InputError):
            checker.checked(model, value)


def test_a_report_goes_to_a_new_file_inside(checker, places):
    """Never over a file that is there, never through a link, never elsewhere."""
    allowed, outside = places
    (out,) = [one for one in REPORT.options if one.name == "out"]
    assert checker.checked(out, str(allowed / "new.html")) == str(allowed / "new.html")
    (allowed / "dangling.html").symlink_to(outside / "new.html")
    for name in ("rows.jsonl", "dangling.html", f"{outside}/new.html", "../outside/n.html", ".."):
        with pytest.raises(InputError):
            checker.checked(out, name)


def test_a_hostile_folder_is_described_without_being_loaded(tmp_path):
    """Pickles, code and links of a model folder give one sentence, and are not opened."""
    folder = save_bert(tmp_path / "model")
    secret = tmp_path / "secret.json"
    secret.write_text('{"key": "hunter2"}')
    facts = stored_facts(folder)
    assert facts.kind == "sequence classifier"
    (folder / "assay_training.json").symlink_to(secret)
    with pytest.raises(InputError) as error:
        stored_facts(folder)
    assert "hunter2" not in str(error.value)
    (folder / "assay_training.json").unlink()
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x02cos\nsystem\n")
    with pytest.raises(InputError, match="pickle"):
        stored_facts(folder)


@pytest.mark.parametrize("name", ["../../x.csv", "/etc/x.csv", "a\\..\\x.csv", ".csv", "…/x.csv"])
def test_an_upload_stays_in_its_folder(name):
    """Whatever its name says, a file is kept under the store's uploads, or refused."""
    store = Store.default()
    try:
        kept = keep_upload(store, name, b"text\na\n")
    except InputError:
        return
    assert kept.parent.parent == store.data / "uploads"
    assert kept.resolve().is_relative_to(store.root.resolve())


def test_a_large_or_strange_upload_is_refused(monkeypatch):
    """By its size, by its kind, and where all uploads together would fill the disk."""
    store = Store.default()
    for name, content in (("x.exe", b"MZ"), ("x.pt", b""), ("x.csv", bytes(106_000_000))):
        with pytest.raises(InputError):
            keep_upload(store, name, content)
    keep_upload(store, "x.csv", b"text\na\n")
    monkeypatch.setattr("assay.pages.components.new_job.uploads._ALL_UPLOADS_BYTES", 10)
    with pytest.raises(InputError):
        keep_upload(store, "y.csv", b"text\nbcdefg\n")
    assert len(list((store.data / "uploads").iterdir())) == 1


def test_a_link_alone_starts_nothing(places, monkeypatch):
    """An address may choose the kind of job; it fills in no option and presses no button."""
    monkeypatch.setenv(ROOTS_VARIABLE, str(places[0]))
    asked = {one.name: "builtin:minilm" for one in AUDIT.options if one.kind is str}
    more = {f"new audit: {name}": value for name, value in asked.items()}
    app = opened("new_audit", kind="decompress", start="true", Start="1", **asked, **more)
    assert JobTable(Store.default()).all() == []
    assert app.selectbox(key="kind").value == "decompress"
    again = opened("new_audit", kind="audit", **asked, **more)
    assert "Still needed" in words(again)
    assert JobTable(Store.default()).all() == []
    # The control: with a press of the button a job is there.
    monkeypatch.setattr("assay.core.jobs.start.ensure_worker", lambda store: None)
    (start,) = [one for one in app.button if one.label == "Start"]
    start.click().run()
    assert len(JobTable(Store.default()).all()) == 1


def test_one_press_is_one_job(monkeypatch):
    """A command that waits or runs is not queued again."""
    monkeypatch.setattr("assay.core.jobs.start.ensure_worker", lambda store: None)
    store = Store.default()
    start_job(store, ("demo", "--no-serve"), "Demo")
    with pytest.raises(InputError):
        start_job(store, ("demo", "--no-serve"), "Demo")
    (job,) = JobTable(store).all()
    assert job.folder == store.root
    JobTable(store).request_cancel(job.job_id)
    start_job(store, ("demo", "--no-serve"), "Demo")


def put(server: Server, path: str, n_bytes: int = 10, **headers: str) -> HTTPStatus:
    """What a file sent there is answered; ``n_bytes`` is what the request claims to hold."""
    body = (
        b'--b\r\nContent-Disposition: form-data; name="f"; filename="f.csv"\r\n\r\nx\r\n--b--\r\n'
    )
    sent = {"Content-Type": "multipart/form-data; boundary=b", **headers}
    if n_bytes > len(body):
        sent["Content-Length"] = str(n_bytes)
    with closing(connection_to(server)) as connection:
        connection.request("PUT", path, body, sent)
        return HTTPStatus(connection.getresponse().status)


def connection_to(server: Server) -> http.client.HTTPConnection:
    where = urlsplit(server.address)
    return http.client.HTTPConnection(where.hostname, where.port, timeout=20)


def of_the_page(server: Server) -> dict[str, str]:
    """The headers by which the server knows that its own page sends a file, not another site's."""
    with closing(connection_to(server)) as connection:
        connection.request("GET", "/_stcore/health")
        cookie = connection.getresponse().getheader("Set-Cookie").split(";")[0]
    return {"Cookie": cookie, "X-Xsrftoken": cookie.partition("=")[2].strip('"')}


@contextmanager
def open_page(server: Server) -> Iterator[str]:
    """A visitor on the page New job, for as long as the block lasts; the session's name."""
    address = server.address.replace("http", "ws") + "/_stcore/stream"
    with connect(
        address, subprotocols=["streamlit"], origin=server.address, max_size=None
    ) as socket:
        ask = BackMsg()
        ask.rerun_script.page_name = "new_audit"
        socket.send(ask.SerializeToString())
        message = ForwardMsg()
        while not message.HasField("new_session"):
            message.ParseFromString(socket.recv(timeout=30))
        yield message.new_session.initialize.session_id


def test_uploads_need_an_open_page_and_a_store_to_write_to(tmp_path):
    """A file is taken from an open page of this server alone, within the limit, and not at all by
    a read-only server; an address that names what to start starts nothing."""
    home = tmp_path / "home"
    home.mkdir()
    uploads = "/_stcore/upload_file"
    with closing(Server(home)) as server:
        known = of_the_page(server)
        assert put(server, f"{uploads}/a/b") is HTTPStatus.FORBIDDEN
        assert put(server, f"{uploads}/a/b", **known) is HTTPStatus.BAD_REQUEST
        assert put(server, "/new_audit", **known) is HTTPStatus.METHOD_NOT_ALLOWED
        with open_page(server) as session:
            to_page = f"{uploads}/{session}/b"
            assert put(server, to_page) is HTTPStatus.FORBIDDEN
            too_large = put(server, to_page, 10_000_000_000, **known)
            assert too_large is HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            assert put(server, to_page, **known) is HTTPStatus.NO_CONTENT
        assert server.visit("new_audit", urlencode({"kind": "decompress", "start": "true"}))
    with closing(Server(home, "--read-only")) as server:
        known = of_the_page(server)
        with open_page(server) as session:
            refused = put(server, f"{uploads}/{session}/b", **known)
            assert refused is HTTPStatus.METHOD_NOT_ALLOWED
    assert JobTable(Store(home)).all() == []
    assert not (home / "data" / "uploads").exists()
