"""Coverage-guided fuzzing of everything that reads others' files and words. Not run by pytest.

    python tests/attacks/fuzz_with_atheris.py TARGET FOLDER -max_total_time=120

in an environment that has atheris as well as Assay. FOLDER keeps the inputs that reached new code.
What is not a refusal in one sentence (AssayError) is a fault: it becomes a test.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["assay", "tomllib", "json_repair"]):
    from assay.core.data.skipped import SkippedRows
    from assay.core.data.sources import read_documents
    from assay.core.decompress.parsing import read_grades, read_names, read_object, read_parts
    from assay.core.decompress.topic_names import clean, is_name, normal_form, split_list
    from assay.core.errors import AssayError
    from assay.core.models.safetensors_header import read_header
    from assay.core.models.weight_files import model_files
    from assay.core.specs.audit import AuditSpec
    from assay.core.specs.commands import command_of
    from assay.core.specs.config_file import read_config
    from assay.core.specs.data import DataRef
    from assay.core.specs.decompression import DecompressionSpec
    from assay.core.specs.plain import from_plain

PLACE = Path(tempfile.mkdtemp(prefix="assay-fuzz-"))
KINDS = ("jsonl", "json", "csv", "tsv", "parquet", "txt", "jsonl.gz")


def corpus(data: bytes) -> None:
    """A seed corpus of any format; the first byte says which."""
    if data:
        file = PLACE / f"corpus.{KINDS[data[0] % len(KINDS)]}"
        file.write_bytes(data[1:])
        for _ in read_documents(DataRef(str(file)), 0, SkippedRows()):
            pass


def config(data: bytes) -> None:
    """A file of options."""
    file = PLACE / "options.toml"
    file.write_bytes(data)
    read_config(file, command_of(DecompressionSpec("model")))


def spec(data: bytes) -> None:
    """A spec as a sealed file or a job holds it."""
    try:
        plain = json.loads(data)
    except (ValueError, RecursionError):
        return
    for kind in (AuditSpec, DecompressionSpec):
        try:
            from_plain(kind, plain)
        except AssayError:
            continue


def manifest(data: bytes) -> None:
    """A model folder's index of shards, and a file of weights by its header."""
    (PLACE / "model.safetensors.index.json").write_bytes(data)
    weights = PLACE / "one.safetensors"
    weights.write_bytes(data)
    for read in (lambda: model_files(PLACE), lambda: read_header(weights)):
        try:
            read()
        except AssayError:
            continue


def ladder(data: bytes) -> None:
    """What a model answered, by every rung."""
    text = data.decode("utf-8", "surrogateescape")
    for is_json in (False, True):
        for is_enforced in (False, True):
            read_names(text, is_json, is_enforced, False)
            read_grades(text, ("helpfulness", "accuracy"), 4, is_json, is_enforced)
            read_object(text, ("task", "reasoning", "response"), is_enforced)
    read_parts(text, ("Task", "Reasoning", "Response"))
    for name in split_list(text):
        is_name(clean(name))
        normal_form(name)


TARGETS = {one.__name__: one for one in (corpus, config, spec, manifest, ladder)}


def main() -> None:
    target = TARGETS[sys.argv[1]]

    def one(data: bytes) -> None:
        try:
            target(data)
        except AssayError:
            return

    Path(sys.argv[2]).mkdir(parents=True, exist_ok=True)
    atheris.Setup([sys.argv[0], *sys.argv[2:]], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
