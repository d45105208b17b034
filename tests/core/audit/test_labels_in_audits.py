"""What an audit makes of labels and of its held-out source, by the real program."""

from __future__ import annotations

import json
import re

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.arguments import audit_arguments
from support.tiny_models import LABELS, documents

pytestmark = pytest.mark.usefixtures("tiny_encoder")


def ask(path, query):
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(query).fetchall()


def meta(path, key):
    ((value,),) = ask(path, f"SELECT value FROM meta WHERE key = '{key}'")
    return json.loads(value)


def as_class_label(path, texts, labels, names):
    """A file as ``datasets`` writes it: numbers, and what they stand for in a note."""
    table = pa.table({"text": texts, "label": [names.index(label) for label in labels]})
    note = {"info": {"features": {"label": {"names": list(names), "_type": "ClassLabel"}}}}
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(note)}), path)


def test_accuracy_is_the_same_however_labels_are_written(assay, tiny, tmp_path):
    """Names, a ClassLabel file with its names in another order, and numbers from 1 give the final
    model one accuracy; what stands for what is in the progress and in the audit."""
    texts, labels = documents(60, seed=5)
    names = (LABELS[2], LABELS[0], LABELS[1])
    pd.DataFrame({"text": texts, "label": labels}).to_csv(tmp_path / "names.csv", index=False)
    as_class_label(tmp_path / "classes.parquet", texts, labels, names)
    from_1 = [sorted(LABELS).index(label) + 1 for label in labels]
    pd.DataFrame({"body": texts, "topic": from_1}).to_json(
        tmp_path / "numbers.json", orient="records"
    )
    found = {}
    for name, by in (
        ("names.csv", "by the model's names"),
        ("classes.parquet", "by the names in the file"),
        ("numbers.json:text=body,label=topic", "by number from 1"),
    ):
        options = ("--strategy", "random", "--student-epochs", "0", "--no-map", "--json")
        result = assay(*audit_arguments(tiny, "--test", tmp_path / name, *options))
        assert result.status == 0, result.err
        path = json.loads(result.out)["path"]
        mapping = meta(path, "label_mappings")["test"]
        assert mapping["by"] == by
        assert sorted(mapping["labels"].values()) == [0, 1, 2]
        assert f"Labels of {str(tmp_path / name.partition(':')[0])!r}, {by}: " in re.sub(
            r"\s+", " ", result.err
        )
        query = "SELECT value FROM metrics WHERE subject = 'final' AND metric = 'accuracy'"
        ((found[name],),) = ask(path, query)
    assert len(set(found.values())) == 1
    assert next(iter(found.values())) > 0.5


def test_labels_that_are_not_clear_end_the_run_before_it_starts(assay, tiny, tmp_path):
    """Numbers 1 and 2 of a model with three labels are refused; --label-names settles them."""
    texts, labels = documents(40, seed=6, labels=LABELS[:2])
    numbers = [LABELS.index(label) + 1 for label in labels]
    pd.DataFrame({"text": texts, "label": numbers}).to_parquet(tmp_path / "test.parquet")
    options = ["--test", tmp_path / "test.parquet", "--strategy", "random", "--student-epochs", "0"]
    refused = assay(*audit_arguments(tiny, *options, "--json"))
    assert refused.status == 2
    assert "--label-names" in refused.err
    settled = ["--label-names", f"1={LABELS[0]},2={LABELS[1]}", "--no-map", "--json"]
    result = assay(*audit_arguments(tiny, *options, *settled))
    assert result.status == 0, result.err
    path = json.loads(result.out)["path"]
    assert meta(path, "label_mappings")["test"]["labels"] == {
        "1": sorted(LABELS).index(LABELS[0]),
        "2": sorted(LABELS).index(LABELS[1]),
    }
    assert f"--label-names 1={LABELS[0]},2={LABELS[1]}" in meta(path, "provenance")["command"]


@pytest.mark.parametrize("wanted", ["nothing", "held_outs.parquet"])
def test_a_held_out_source_that_matches_nothing_is_refused(assay, tiny, wanted):
    """Exit status 2, and the sources there are."""
    result = assay(*audit_arguments(tiny, "--held-out-source", wanted, "--json"))
    assert result.status == 2
    assert "choose one of" in result.err
