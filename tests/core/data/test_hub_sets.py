"""Data sets by hub name, from a real server: what is read, what is refused, and what is said."""

from __future__ import annotations

import io
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.hub import TOKEN, served, told

from assay.core.data.hub_preview import preview_hub
from assay.core.errors import InputError

# The documents of each place, or the sentence that a user reads.
READ = """
import json, sys
from assay.core.data.sources import content_digest, read_documents
from assay.core.errors import InputError
from assay.core.specs.place import data_ref
said = {}
for place in sys.argv[1:]:
    ref = data_ref(place)
    try:
        said[place] = [content_digest(ref), *(one.text for one in read_documents(ref))]
    except InputError as error:
        said[place] = str(error)
sys.stdout.write(json.dumps(said))
sys.stdout.flush()
"""
ROWS = pd.DataFrame({"text": [f"<b>row</b> {n}" for n in range(40)], "label": ["a", "b"] * 20})


def card(path):
    files = f"  data_files:\n  - split: train\n    path: {path}\n"
    return f"---\nconfigs:\n- config_name: default\n{files}---\n"


@pytest.fixture
def elsewhere():
    """The address of another server, and what it was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"text\nof a service inside\n")

        do_HEAD = do_GET

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


@pytest.fixture
def hub(tmp_path):
    with served() as one:
        one.folder = tmp_path / "hub"

        def add(name, /, **files):
            folder = one.folder / name
            folder.mkdir(parents=True)
            options = {key: files.pop(key) for key in ("needs_token",) if key in files}
            for file, content in files.items():
                path = folder / file.replace("_dot_", ".")
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
            one.add(f"tiny/{name}", folder, "datasets", **options)
            return folder

        one.add_set = add
        yield one


def parquet(table):
    written = io.BytesIO()
    pq.write_table(table, written)
    return written.getvalue()


def jsonl(rows):
    return rows.to_json(orient="records", lines=True)


@pytest.fixture
def environment(hub, tmp_path, monkeypatch):
    """Processes that this one starts find the hub."""
    for name, value in hub.variables(tmp_path / "home").items():
        monkeypatch.setenv(name, value)


def test_documents_are_read_by_name_split_and_column(hub, tmp_path):
    """From both kinds of file; another commit is another question."""
    table = pa.Table.from_pandas(ROWS.rename(columns={"text": "body"}))
    hub.add_set("tables", train_dot_parquet=parquet(table), test_dot_parquet=parquet(table[:3]))
    hub.add_set("lines", train_dot_jsonl=jsonl(ROWS))
    places = ["tiny/tables:text=body", "tiny/tables#test:text=body", "tiny/lines"]
    said, _ = told(hub, tmp_path / "home", READ, *places)
    assert said[places[0]][1:] == said[places[2]][1:] == ROWS["text"].tolist()
    assert said[places[1]][1:] == ROWS["text"].tolist()[:3]
    hub.datasets["tiny/lines"].revision = "2" * 40
    again, _ = told(hub, tmp_path / "home", READ, "tiny/lines")
    assert again["tiny/lines"][0] != said["tiny/lines"][0]
    assert again["tiny/lines"][1:] == said["tiny/lines"][1:]


def test_what_cannot_be_read_is_said_in_a_sentence(hub, tmp_path):
    """No such set, subset, split or column; a gated set; damage in the middle; one without data."""
    hub.add_set("lines", train_dot_jsonl=jsonl(ROWS))
    hub.add_set("gated", needs_token=True, train_dot_jsonl=jsonl(ROWS))
    half = jsonl(ROWS) + '{"text": "cut'
    hub.add_set("damaged", train_dot_jsonl=half)
    hub.add_set("cut", train_dot_parquet=parquet(pa.Table.from_pandas(ROWS))[:-200])
    hub.add_set("empty", README_dot_md="# Nothing")
    expected = {
        "tiny/none": "'tiny/none', which is not on the hub or is private",
        "tiny/lines:nope": "default",
        "tiny/lines#nope": "train",
        "tiny/lines:text=body": "a column 'body' in 'tiny/lines', but got columns text, label",
        "tiny/gated": "gated",
        "tiny/damaged": "'tiny/damaged', which cannot be read",
        "tiny/cut": "'tiny/cut', which cannot be read",
        "tiny/empty": "'tiny/empty', which cannot be read",
    }
    said, shown = told(hub, tmp_path / "home", READ, *expected)
    for place, words in expected.items():
        assert isinstance(said[place], str), place
        assert words in said[place]
        assert len(said[place]) < 900
    assert "Traceback" not in shown


def test_a_set_names_no_file_of_this_machine_and_no_other_address(hub, tmp_path, elsewhere):
    """Neither by its card nor in a row. Rows with pictures that lie elsewhere are read, the
    pictures not; a card that names the set's own files works (the control)."""
    address, asked = elsewhere
    secret = tmp_path / "secret.csv"
    secret.write_text("text\nof this machine\n")
    table = pa.table(
        {"text": ["a caption"], "image": [{"bytes": None, "path": f"{address}/i.png"}]}
    )
    features = "---\ndataset_info:\n  features:\n  - name: text\n    dtype: string\n"
    hub.add_set("own", README_dot_md=card("train.csv"), train_dot_csv="text\nof the set\n")
    hub.add_set("path", README_dot_md=card(secret))
    hub.add_set("upwards", README_dot_md=card(f"../../../../../../../..{secret}"))
    hub.add_set("address", README_dot_md=card(f"{address}/x.csv"))
    hub.add_set("other", README_dot_md=card("hf://datasets/tiny/own/train.csv"))
    hub.add_set(
        "pictures",
        README_dot_md=f"{features}  - name: image\n    dtype: image\n---\n",
        train_dot_parquet=parquet(table),
    )
    wrong = [f"tiny/{name}" for name in ("path", "upwards", "address", "other")]
    said, _ = told(hub, tmp_path / "home", READ, "tiny/own", "tiny/pictures", *wrong)
    assert said["tiny/own"][1:] == ["of the set"]
    assert said["tiny/pictures"][1:] == ["a caption"]
    for name in wrong:
        assert f"got '{name}'" in said[name]
        assert "of this machine" not in said[name]
    assert not asked


def test_a_token_goes_to_the_hub_alone(hub, tmp_path):
    """Where the hub keeps the files of a gated set, they are fetched without it."""
    table = pa.Table.from_pandas(ROWS)
    hub.add_set("gated", needs_token=True, train_dot_parquet=parquet(table))
    said, shown = told(hub, tmp_path / "home", READ, "tiny/gated", HF_TOKEN=TOKEN)
    assert said["tiny/gated"][1:] == ROWS["text"].tolist()
    tokens = {name: {one.token for one in hub.seen if one.server == name} for name in hub.servers}
    assert TOKEN in tokens["hub"]
    assert tokens["storage"] == {None}
    assert TOKEN not in shown


def test_a_preview_reads_the_first_rows_and_ends_when_the_hub_does_not(
    hub, environment, monkeypatch
):
    """A hub that says nothing ends it in a sentence, long before its own limit."""
    hub.add_set("tables", train_dot_parquet=parquet(pa.Table.from_pandas(ROWS)))
    found = preview_hub("tiny/tables", None, n=3)
    assert found.columns == ("text", "label")
    assert [row["text"] for row in found.rows] == ROWS["text"].tolist()[:3]
    for name in ("HF_HUB_DOWNLOAD_TIMEOUT", "HF_HUB_ETAG_TIMEOUT"):
        monkeypatch.setenv(name, "1")
    hub.faults["hangs"] = "/api/datasets"
    with pytest.raises(InputError, match="the hub did not answer within 1 seconds"):
        preview_hub("tiny/tables", None)


def test_the_check_before_an_audit_asks_for_sets_too(hub, tmp_path):
    """A wrong name is told before any model is fetched; one request tells."""
    code = """
import json, sys
from assay.core.data.sources import check_there
from assay.core.specs.data import DataRef
from assay.core.errors import InputError
try:
    check_there(DataRef(sys.argv[1]))
    print("null")
except InputError as error:
    print(json.dumps(str(error)))
"""
    hub.add_set("lines", train_dot_jsonl=jsonl(ROWS))
    assert told(hub, tmp_path / "home", code, "tiny/lines")[0] is None
    assert len(hub.seen) == 1
    assert "is not on the hub" in told(hub, tmp_path / "home", code, "tiny/none")[0]
