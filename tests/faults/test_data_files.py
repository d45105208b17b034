"""Files of others: whatever they hold, documents or one clear sentence, in bounded memory."""

from __future__ import annotations

import gzip
import io
import json
import os
import resource
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assay.core.data import files, json_rows
from assay.core.data.skipped import SkippedRows
from assay.core.data.sources import content_digest, read_documents
from assay.core.errors import InputError
from assay.core.specs.data import DataRef


def outcome(path, **options):
    """The documents of a source, None where it is refused in a printable sentence."""
    try:
        return read(path, **options)
    except InputError as error:
        message = str(error)
    assert message.isprintable()
    return None


def read(path, **options):
    return list(read_documents(DataRef(str(path), **options)))


def texts(path, **options):
    return [document.text for document in read(path, **options)]


def refusal(path, **options):
    """The sentence that a source is refused with."""
    with pytest.raises(InputError) as error:
        read(path, **options)
    message = str(error.value)
    assert message.isprintable()
    assert len(message) < 2000
    return message


@pytest.mark.parametrize("use", [lambda ref: list(read_documents(ref)), content_digest])
@pytest.mark.parametrize("kind", ["a pipe", "a device"])
def test_pipes_and_devices_are_refused_at_once(tmp_path, use, kind):
    """Nobody writes to the pipe, and /dev/zero has no end: reader and digest say so and go on."""
    path = tmp_path / "data.jsonl"
    os.mkfifo(path) if kind == "a pipe" else path.symlink_to("/dev/zero")
    with pytest.raises(InputError, match=f"which is {kind}"):
        use(DataRef(str(path)))


def packed(kind, start, line, n_bytes):
    """``start``, then ``line`` over and over, compressed without ever being whole in memory."""
    out = io.BytesIO()
    block = line * (1 << 12)
    pack = zstandard.ZstdCompressor().stream_writer(out, closefd=False)
    with pack if kind == "zst" else gzip.GzipFile(fileobj=out, mode="wb") as opened:
        opened.write(start)
        for _ in range(n_bytes // len(block) + 1):
            opened.write(block)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["gz", "zst"])
@pytest.mark.parametrize("name", ["csv", "jsonl", "json"])
def test_a_bomb_is_refused_before_it_has_gone_off(tmp_path, monkeypatch, kind, name):
    """A file that unpacks to a thousand times its size is left as soon as that shows."""
    monkeypatch.setattr(files, "_HARMLESS_BYTES", 1 << 20)
    start, line = (b"text\n", b" " * 999 + b"\n") if name == "csv" else (b"", b"\n")
    path = tmp_path / f"bomb.{name}.{kind}"
    path.write_bytes(packed(kind, start, line, 1 << 25))
    started = time.monotonic()
    assert "200 times its size" in refusal(path)
    assert time.monotonic() - started < 20


def test_what_packs_well_is_no_bomb(tmp_path):
    """A log that repeats itself is read, compressed or not."""
    lines = b'{"text": "the same line once more"}\n' * 20_000
    path = tmp_path / "log.jsonl.gz"
    path.write_bytes(gzip.compress(lines))
    assert len(texts(path)) == 20_000


@pytest.mark.parametrize("name", ["long.jsonl", "long.json", "array.json", "long.csv", "long.tsv"])
def test_a_row_without_end_is_refused(tmp_path, monkeypatch, name):
    """A line, an array's element or a field longer than any document ends the reading."""
    for module in (files, json_rows):
        monkeypatch.setattr(module, "MAX_CHARACTERS", 1 << 18)
    monkeypatch.setattr("assay.core.data.formats.MAX_CHARACTERS", 1 << 18)
    start = {"array.json": '[{"text": "', "long.csv": "text\n", "long.tsv": "text\n"}
    path = tmp_path / name
    path.write_text(start.get(name, '{"text": "') + "a" * (1 << 20))
    assert "262,144 characters" in refusal(path)


@pytest.mark.parametrize("name", ["quote.csv", "quote.tsv"])
def test_a_quote_never_closed_is_named(tmp_path, name):
    """Everything behind it would be one field."""
    path = tmp_path / name
    path.write_text('text\n"open\n' + "more\n" * 1000)
    assert "a missing closing quote" in refusal(path)


def test_small_parquet_files_do_not_fill_the_memory(tmp_path):
    """A thousand rows that share one text of two million letters are read in a gigabyte."""
    path = tmp_path / "bomb.parquet"
    shared = pa.DictionaryArray.from_arrays(pa.array([0] * 1024, pa.int32()), ["a" * 2_000_000])
    pq.write_table(pa.table({"text": shared}), path)
    assert path.stat().st_size < 1_000_000
    code = (
        "import sys; from assay.core.data.sources import read_documents\n"
        "from assay.core.specs.data import DataRef\n"
        "print(sum(len(d.text) for d in read_documents(DataRef(sys.argv[1]))))"
    )
    limit = 6 << 29  # three gigabytes of addresses, most of which libraries only reserve
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert done.stdout.strip() == str(1024 * 2_000_000), done.stderr


def test_rows_without_bytes_are_refused(tmp_path):
    """Ten million rows of one text in a few bytes are no corpus."""
    path = tmp_path / "rows.parquet"
    n = 10_000_000
    shared = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int8)), ["one text"])
    pq.write_table(pa.table({"text": shared}), path)
    assert "10,000,000 rows" in refusal(path)


def test_a_packed_parquet_file_must_fit_in_memory(tmp_path, monkeypatch):
    """It is read from its end, so it is unpacked whole, up to a limit."""
    monkeypatch.setattr(files, "_MAX_PACKED_PARQUET_BYTES", 1 << 20)
    path = tmp_path / "big.parquet.gz"
    path.write_bytes(gzip.compress(os.urandom(2 << 20)))
    assert "at most 1 GB" in refusal(path)


DEEP = "[" * 200_000
BROKEN = {
    "deep.jsonl": ('{"text": ' + DEEP, "endless nesting in line 1"),
    "deep.json": ('[{"text": ' + DEEP, "endless nesting in element 1"),
    "objects.json": ('{"a":' * 200_000, "endless nesting"),
    "digits.jsonl": ('{"text": ' + "9" * 10_000 + "}", "a number without end in line 1"),
    "digits.json": ('[{"text": ' + "9" * 10_000 + "}]", "a number without end in element 1"),
    "cut.json": ('[{"text": "a"}, {"text": "b"', "element 2"),
    "comma.json": ('[{"text": "a"} {"text": "b"}]', "instead of a comma in what follows element 1"),
    "more.json": ('[{"text": "a"}] {"text": "b"}', "more text after its end"),
    "open.json": ('[{"text": "a"},', "element 2"),
    "numbers.json": ("[1, 2]", "int in element 1"),
    "string.json": ('"text"', "str in line 1"),
    "columns.json": ('{"data": [{"text": "a"}]}', "a column 'text'"),
    "nothing.json": ("", "no columns"),
    "blank.jsonl": ("\n\n\n", "no columns"),
    "header.csv": ("text,label\n", "none in"),
    "bare.csv": ("text", "none in"),
    "twice.csv": ("text,text\na,b\n", "one column 'text'"),
    "wide.csv": ("a" * 100 + "," * 300_000 + "\n", "and 299,981 more"),
    "more.csv": ("text,label\na,1,2\n", "a different number in line 2"),
    "escape.csv": ("\x1b[31mtext\nred\n", "a column 'text'"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_refused_in_a_sentence(tmp_path, name):
    """Each says what is there instead, and quotes nothing that a terminal would act on."""
    content, words = BROKEN[name]
    path = tmp_path / name
    path.write_text(content)
    assert words in refusal(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"text\ncaf\xe9\n", "the byte 0xe9"),
        ("text\nfine\n".encode("utf-16"), "the byte 0xff"),
        (b"text\n\xed\xa0\xbd\n", "UTF-8"),
    ],
)
def test_other_encodings_are_named(tmp_path, content, words):
    """Latin-1, UTF-16 and encoded surrogates are not UTF-8."""
    path = tmp_path / "data.csv"
    path.write_bytes(content)
    assert words in refusal(path)


def test_marks_of_windows_change_nothing(tmp_path):
    """A byte order mark and CRLF are no part of a text, whatever the format."""
    rows = [{"text": "first"}, {"text": "second, with a comma"}]
    contents = {
        "a.csv": 'text\r\nfirst\r\n"second, with a comma"\r\n',
        "a.tsv": "text\r\nfirst\r\nsecond, with a comma\r\n",
        "a.jsonl": "\r\n".join(map(json.dumps, rows)) + "\r\n",
        "a.ndjson": "\r\n".join(map(json.dumps, rows)),
        "a.json": json.dumps(rows, indent=2).replace("\n", "\r\n"),
        "lines.json": "\r\n" + "\r\n".join(map(json.dumps, rows)),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + content.encode())
        assert texts(tmp_path / name) == ["first", "second, with a comma"], name


def test_odd_rows_are_left_out_and_counted(tmp_path):
    """A number, a list, half a character or NaN instead of text ends nothing: the others are read,
    and the report has reason and row."""
    odd = ['{"text": 5}', '{"text": ["a"]}', '{"text": "\\ud83d"}', '{"text": NaN}', '{"text": {}}']
    path = tmp_path / "mixed.jsonl"
    path.write_text("\n".join(['{"text": "first"}', *odd, '{"text": "last"}', '{"other": 1}']))
    skipped = SkippedRows()
    found = [d.text for d in read_documents(DataRef(str(path)), 0, skipped)]
    assert found == ["first", "last"]
    assert len(skipped) == 5
    assert "1 row was left out (half a surrogate pair): row 4 of 'mixed.jsonl'." in (
        skipped.lines()
    )
    list(read_documents(DataRef(str(path)), 0, skipped))
    assert len(skipped) == 5


def test_a_null_character_is_kept(tmp_path):
    """NUL is a character as any other to every reader."""
    for name, content in {"a.csv": "text\na\0b\n", "a.jsonl": '{"text": "a\\u0000b"}'}.items():
        (tmp_path / name).write_text(content)
        assert texts(tmp_path / name) == ["a\0b"]


def test_parquet_of_every_kind_of_text(tmp_path):
    """Dictionary-encoded, large and view strings read alike; nested and binary columns do not."""
    values = ["a", "b", None, "a"]
    for number, kind in enumerate([pa.string(), pa.large_string(), pa.string_view()]):
        path = tmp_path / f"{number}.parquet"
        pq.write_table(pa.table({"text": pa.array(values, kind)}), path)
        assert texts(path) == ["a", "b", "a"]
    pq.write_table(pa.table({"text": pa.array(values).dictionary_encode()}), path)
    assert texts(path) == ["a", "b", "a"]
    pq.write_table(pa.table({"text": [{"text": "inside"}]}), path)
    assert "left out" in refusal(path)
    pq.write_table(pa.table({"text": pa.array([b"bytes"], pa.binary())}), path)
    assert "bytes instead of text" in refusal(path)


def test_columns_of_one_name_are_refused_only_where_they_matter(tmp_path):
    """Two columns called text cannot be told apart; two others do no harm."""
    path = tmp_path / "twice.parquet"
    pq.write_table(pa.Table.from_arrays([["a"], ["b"]], ["text", "text"]), path)
    assert "one column 'text'" in refusal(path)
    pq.write_table(pa.Table.from_arrays([["a"], [1], [2]], ["text", "x", "x"]), path)
    assert texts(path) == ["a"]


def test_parquet_without_rows_or_with_wrong_bytes(tmp_path):
    """No rows are no documents; a text that is not UTF-8 is a sentence."""
    path = tmp_path / "data.parquet"
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), path)
    assert "none in" in refusal(path)
    raw = pa.array([b"caf\xe9"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"text": raw}), path)
    assert "UTF-8" in refusal(path)


SAFE = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


def kept(values):
    return [value for value in values if value.strip()]


@settings(max_examples=150)
@given(values=st.lists(SAFE, max_size=8), compression=st.sampled_from(["", ".gz", ".zst"]))
@example(values=["\x85", "a\u2028b", "\x1c", "\ufeff", "[", '"', "'", "\\", ","], compression="")
def test_texts_come_back_as_they_were_written(tmp_path_factory, values, compression):
    """Whatever its characters, a text is the same from JSON lines, an array and Parquet."""
    folder = tmp_path_factory.mktemp("round")
    rows = [{"text": value} for value in values]
    table = pa.table({"text": pa.array(values, pa.string())})
    whole = io.BytesIO()
    pq.write_table(table, whole)
    written = {
        "a.jsonl": "\n".join(map(json.dumps, rows)).encode(),
        "a.json": json.dumps(rows, ensure_ascii=False).encode(),
        "a.parquet": whole.getvalue(),
    }
    pack = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}
    for name, content in written.items():
        path = folder / (name + compression)
        path.write_bytes(pack[compression](content))
        if kept(values):
            assert texts(path) == kept(values), name
        else:
            refusal(path)


@settings(max_examples=150)
@given(st.lists(SAFE.filter(lambda text: text.strip()), min_size=1, max_size=8))
def test_tables_come_back_as_they_were_written(tmp_path_factory, values):
    """Texts with quotes, commas, tabs and line ends survive CSV and TSV as Arrow writes them."""
    folder = tmp_path_factory.mktemp("table")
    table = pa.table({"text": values, "label": ["x"] * len(values)})
    for name, delimiter in (("a.csv", ","), ("a.tsv", "\t")):
        options = pa_csv.WriteOptions(delimiter=delimiter, quoting_style="all_valid")
        pa_csv.write_csv(table, folder / name, options)
        assert texts(folder / name, label_column="label") == values


ENDINGS = [
    kind + packing
    for kind in (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")
    for packing in ("", ".gz", ".zst")
]
FRAGMENTS = st.sampled_from(
    [b'{"text": "', b'"}\n', b"[", b"]", b"{", b"}", b",", b'"', b"\n", b"\r", b"\t", b"\0", b"\\u",
     b"\xef\xbb\xbf", b"\xff", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"PAR1", b"text", b"label",
     b"NaN", b"1e999", b"null", b"\xed\xa0\xbd", b"\xf0\x9f\x98\x80", b"true", b": ", b"-"]
)  # fmt: skip


@settings(max_examples=600)
@given(
    content=st.one_of(st.binary(max_size=200), st.lists(FRAGMENTS, max_size=25).map(b"".join)),
    ending=st.sampled_from(ENDINGS),
    column=st.sampled_from([None, "label"]),
)
def test_any_bytes_give_documents_or_a_sentence(tmp_path_factory, content, ending, column):
    """No bytes raise anything but a printable refusal, and every document can be stored."""
    path = tmp_path_factory.mktemp("fuzz") / f"data{ending}"
    path.write_bytes(content)
    found = outcome(path, label_column=column)
    assert found is None or found
    for document in found or ():
        assert document.text.strip()
        document.text.encode()


@settings(max_examples=200)
@given(
    kind=st.sampled_from(["parquet", "csv", "jsonl", "json"]),
    packing=st.sampled_from(["", ".gz", ".zst"]),
    at=st.floats(0, 1),
    noise=st.binary(min_size=1, max_size=6),
    n_kept=st.floats(0, 1),
)
def test_damage_anywhere_gives_documents_or_a_sentence(
    tmp_path_factory, kind, packing, at, noise, n_kept
):
    """A real file with bytes overwritten and its end cut off is read or refused, never a crash."""
    rows = [{"text": f"document {n} with “quotes”, and more", "label": n % 3} for n in range(30)]
    table = pa.Table.from_pylist(rows)
    whole = io.BytesIO()
    match kind:
        case "parquet":
            pq.write_table(table, whole)
        case "csv":
            pa_csv.write_csv(table, whole)
        case "jsonl":
            whole.write("\n".join(map(json.dumps, rows)).encode())
        case _:
            whole.write(json.dumps(rows).encode())
    pack = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}
    content = bytearray(pack[packing](whole.getvalue()))
    start = int(at * len(content))
    content[start : start + len(noise)] = noise
    path = tmp_path_factory.mktemp("damage") / f"data.{kind}{packing}"
    path.write_bytes(bytes(content[: max(1, int((0.5 + n_kept / 2) * len(content)))]))
    found = outcome(path, label_column="label")
    assert found is None or found
