"""Documents and sealed files in an object store, read through a server that speaks S3."""

from __future__ import annotations

import gzip
import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.audit_file import write_sample_audit
from support.object_store import KEY_ID, SECRET, object_store
from support.server import Server

from assay.cache.store import Store
from assay.core.data import object_store as remote
from assay.core.data.sources import (
    check_there,
    content_digest,
    read_documents,
    read_labels,
    source_names,
)
from assay.core.errors import InputError
from assay.core.jobs.checked_names import NameChecker
from assay.core.runtime.allowed_roots import AllowedRoots
from assay.core.specs.addresses import has_password, without_password
from assay.core.specs.data import DataRef
from assay.core.specs.place import data_ref

ROWS = [{"text": f"document {n}", "label": "ab"[n % 2], "split": "xy"[n > 3]} for n in range(6)]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A store with the same rows in each format, a damaged file, and a bucket that is closed."""
    folder = tmp_path_factory.mktemp("buckets")
    for name in ("texts", "texts/deep", "private"):
        (folder / name).mkdir()
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    table = "\n".join(["text,label,split", *(",".join(row.values()) for row in ROWS)])
    own = folder / "texts"
    (own / "rows.jsonl").write_text(lines)
    (own / "rows.csv").write_text(table)
    (own / "deep/rows @ 2.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    pq.write_table(pa.Table.from_pylist(ROWS), own / "rows.parquet")
    (own / "cut.parquet").write_bytes((own / "rows.parquet").read_bytes()[:200])
    (folder / "private" / "rows.jsonl").write_text(lines)
    with object_store(folder) as made:
        yield made


@pytest.fixture
def store(served, monkeypatch):
    """The server with nothing fetched yet."""
    for name, value in served.variables.items():
        monkeypatch.setenv(name, value)
    remote._copy.cache_clear()
    served.seen.clear()
    return served


@pytest.mark.parametrize(
    "key", ["rows.jsonl", "rows.csv", "rows.parquet", "deep/rows @ 2.jsonl.gz"]
)
def test_an_object_is_read_as_the_same_file_is(store, key):
    """Documents, labels, name and digest are those of the file, whole or one split of it; so an
    audit of either has the same id."""
    for end in ("", "#x"):
        there = DataRef(f"s3://texts/{key}{end}", label_column="label")
        file = DataRef(f"{store.folder / 'texts' / key}{end}", label_column="label")
        check_there(there)
        assert list(read_documents(there)) == list(read_documents(file)) != []
        assert content_digest(there) == content_digest(file)
        assert read_labels(there) == read_labels(file)
        assert source_names(there) == source_names(file)


def test_an_object_is_fetched_once_a_process(store):
    """What is hashed is what is read, though the object may change between the two."""
    ref = DataRef("s3://texts/rows.jsonl")
    digest = content_digest(ref)
    file = store.folder / "texts" / "rows.jsonl"
    before = file.read_text()
    file.write_text('{"text": "another"}\n')
    try:
        assert len(list(read_documents(ref))) == len(ROWS)
        assert content_digest(ref) == digest
        assert sum(method == "GET" for method, _ in store.seen) == 1
        remote._copy.cache_clear()
        assert [one.text for one in read_documents(ref)] == ["another"]
    finally:
        file.write_text(before)


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("s3://texts/absent.jsonl", "an existing object"),
        ("s3://absent/rows.jsonl", "an existing object"),
        ("s3://private/rows.jsonl", "access denied"),
        ("s3://texts/endless.csv", "which fits the disk"),
        ("s3://texts/rows.exe", "an object ending in .parquet"),
        ("s3://texts/", "the address of one object"),
        ("s3://texts", "the address of one object"),
        ("s3:///rows.csv", "the address of one object"),
        ("s3://texts/..", "the address of one object"),
        ("s3://texts/\x1b[2Jrows.csv", "the address of one object"),
        (f"s3://texts/{'a' * 300}.csv", "the address of one object"),
        ("s3://texts/cut.parquet", "an undamaged parquet file"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence(store, location, said):
    """Missing, closed, too large, damaged, and addresses of no object."""
    with pytest.raises(InputError, match=said):
        list(read_documents(DataRef(location)))


def test_an_early_check_fetches_nothing(store):
    """A closed object is found without reading any byte of an open one."""
    check_there(DataRef("s3://texts/rows.jsonl"))
    with pytest.raises(InputError, match="access denied"):
        check_there(DataRef("s3://private/rows.jsonl"))
    assert {method for method, _ in store.seen} == {"HEAD"}


def test_keys_that_the_store_refuses_and_a_store_that_is_gone(store, monkeypatch):
    """Other keys are refused as access denied; without a server, the sentence names the network;
    neither repeats a key."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOTHER")
    with pytest.raises(InputError, match="access denied") as refused:
        check_there(DataRef("s3://texts/rows.jsonl"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(InputError, match="AWS_ENDPOINT_URL") as gone:
        check_there(DataRef("s3://texts/rows.jsonl"))
    assert not any(key in f"{refused.value}{gone.value}" for key in ("AKIAOTHER", SECRET))


def test_copies_end_with_the_process(store):
    """A fetched file lies in a private folder of the process."""
    copy = remote.fetched("s3://texts/rows.jsonl")
    assert copy.name == "rows.jsonl"
    assert copy.read_bytes() == (store.folder / "texts" / "rows.jsonl").read_bytes()
    assert remote._place().stat().st_mode & 0o077 == 0


def test_an_address_with_keys_is_refused_and_kept_nowhere(store, assay, tmp_path):
    """Neither what is said nor any file of the store holds the keys, whatever they contain."""
    place = f"s3://{KEY_ID}:{SECRET}@texts/rows.jsonl"
    for queue in ((), ("--queue",)):
        for option in ("--seed-corpus", "--reference", "--test"):
            more = () if option == "--seed-corpus" else ("--seed-corpus", "builtin:docs")
            pair = ("--base", "builtin:minilm", "--final", "builtin:minilm")
            said = assay("audit", *pair, option, place, *more, *queue)
            assert said.status == 2
            assert "without keys" in said.err or "password" in said.err
            assert SECRET not in said.out + said.err
    for file in Store.default().root.rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes()


def test_only_keys_are_cut_from_addresses():
    """An @ in an object's name is not a key; what stands before a bucket is, with any character."""
    for plain in ("s3://texts/a@b.csv", "s3://texts/x:text=a@b", "see s3://texts/a and c@d.org"):
        assert not has_password(plain)
        assert without_password(plain) == plain
    for keys in (f"{KEY_ID}:{SECRET}", "name", "a:b/c@d:e"):
        assert has_password(f"s3://{keys}@texts/rows.csv")
        assert without_password(f"--test s3://{keys}@texts/rows.csv x") == (
            "--test s3://texts/rows.csv x"
        )


def test_a_place_keeps_its_columns():
    """Columns and a split behind an address belong to the documents, not to the object's name."""
    ref = data_ref("s3://texts/rows.csv#x:text=body")
    assert (ref.location, ref.text_column) == ("s3://texts/rows.csv#x", "body")


def test_a_page_reads_no_object_store(store, tmp_path):
    """The dashboard's keys are not its visitors'."""
    checker = NameChecker(AllowedRoots.of([tmp_path]), Store.default())
    for place in ("s3://texts/rows.jsonl", "S3://texts/*.jsonl", "s3://texts/rows.csv:text=x"):
        for check in (checker.documents, checker.corpus, checker.model):
            with pytest.raises(InputError):
                check(place)
    assert store.seen == []


def test_files_are_sent_whole(store, tmp_path):
    """All files of a folder get their own names beside the address, also one sent in parts."""
    contents = {"large.html": os.urandom(1 << 20) * 25, "small.json": b"{}"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    remote.check_new("s3://texts/sent/large.html")
    remote.send(tmp_path, "s3://texts/sent/large.html")
    assert len(store.parts) > 1
    for name, content in contents.items():
        assert (store.folder / "texts" / "sent" / name).read_bytes() == content
    with pytest.raises(InputError, match="a new object"):
        remote.check_new("s3://texts/sent/large.html")
    with pytest.raises(InputError, match="access denied"):
        remote.send(tmp_path, "s3://private/large.html")


def test_a_sealed_file_is_verified_and_exported_from_a_store(store, assay, tmp_path):
    """As a file on disk: intact, then changed; a selection is exported; a missing one is told."""
    sealed = store.folder / "texts" / "audit.duckdb"
    made = write_sample_audit(Store.default())
    sealed.write_bytes(made.read_bytes())
    assert assay("verify", "s3://texts/audit.duckdb").status == 0
    out = tmp_path / "selection.csv"
    told = assay("export", "s3://texts/audit.duckdb", "--out", out)
    assert told.status == 0, told.err
    assert len(out.read_text().splitlines()) > 1
    for command in (("export",), ("report",)):
        ending = {"export": "csv", "report": "html"}[command[0]]
        address = f"s3://texts/out/found.{ending}"
        asked = (*command, "s3://texts/audit.duckdb", "--out", address)
        assert assay(*asked).status == 0
        sent = store.folder / "texts" / "out" / f"found.{ending}"
        assert sent.stat().st_size > 100
        again = assay(*asked)
        assert again.status == 2
        assert "a new object" in again.err
        assert assay(*asked, "--overwrite").status == 0
        assert sent.read_bytes()[:1] != b""
        closed = assay(*command, "s3://texts/audit.duckdb", "--out", f"s3://private/x.{ending}")
        assert closed.status == 2
        assert "access denied" in closed.err
    content = bytearray(sealed.read_bytes())
    content[len(content) // 2] ^= 1
    sealed.write_bytes(bytes(content))
    remote._copy.cache_clear()
    assert assay("verify", "s3://texts/audit.duckdb").status != 0
    missing = assay("verify", "s3://texts/none.duckdb")
    assert missing.status == 2
    assert "an existing object" in missing.err


def test_a_sealed_file_is_opened_from_a_store(store, tmp_path):
    """The dashboard shows it, and once it has ended no copy of it and no empty log is left."""
    opened = store.folder / "texts" / "opened.duckdb"
    opened.write_bytes(write_sample_audit(Store.default()).read_bytes())
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    server = Server(
        tmp_path / "home",
        "s3://texts/opened.duckdb",
        command="open",
        **store.variables,
        TMPDIR=str(temporary),
    )
    try:
        address, _, query = server.address.partition("?")
        server.address, _, page = address.rpartition("/")
        assert "Sample audit" in server.visit(page, query)
        assert any(temporary.rglob("opened.duckdb"))
    finally:
        server.close()
    assert list(temporary.iterdir()) == []
