"""Instruction data as it comes: turns of every spelling, and rows that are no conversation."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tiny_models import save_llama
from tokenizers import processors
from transformers import AutoTokenizer

from assay.core.audit.reader import Reader
from assay.core.data.conversations import conversation, rendered
from assay.core.data.skipped import SkippedRows, Unusable
from assay.core.data.sources import read_documents
from assay.core.errors import InputError
from assay.core.models.loading import load_language_model
from assay.core.runtime.device import Compute
from assay.core.specs.data import DataRef, Task

TURNS = (("user", "Will it rain?"), ("assistant", "Yes, it will."))
ROLES = [{"role": role, "content": content} for role, content in TURNS]
SHAREGPT = [{"from": "human", "value": TURNS[0][1]}, {"from": "gpt", "value": TURNS[1][1]}]
PARTS = [{"role": r, "content": [{"type": "text", "text": c}]} for r, c in TURNS]
COLUMNS = {"role": ["user", "assistant"], "content": [c for _, c in TURNS]}


def turns(cell, prompt=None):
    row = {"text": cell, "prompt": prompt}
    return conversation(row, DataRef("x", prompt_column="prompt" if prompt is not None else None))


@pytest.mark.parametrize("cell", [ROLES, SHAREGPT, PARTS, COLUMNS])
def test_every_spelling_of_turns_is_read(cell):
    """Roles and contents, ShareGPT, content parts and a list a field are one conversation."""
    assert turns(cell) == TURNS


@pytest.mark.parametrize("prompt", [TURNS[0][1], ROLES[:1], ROLES[0], PARTS[:1]])
@pytest.mark.parametrize("completion", [TURNS[1][1], ROLES[1:], ROLES[1]])
def test_prompt_and_completion_are_texts_or_turns(prompt, completion):
    """A prompt column and what responds to it, either as text, a turn or a list of turns."""
    assert turns(completion, prompt) == TURNS


def test_what_follows_the_last_response_is_not_scored():
    """A conversation that ends with the user ends, for us, with the response before."""
    more = [*ROLES, {"role": "user", "content": "Thank you."}, {"role": "tool", "content": "ok"}]
    assert turns(more) == TURNS


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ([], "no response"),
        ({}, "without role and content"),
        (ROLES[:1], "no response"),
        (ROLES[1:], "nothing before"),
        ([ROLES[0], {"role": "assistant", "content": "  "}], "no response"),
        ([ROLES[0], {"role": "assistant", "content": None, "tool_calls": [{}]}], "tool call"),
        ([ROLES[0], {"role": "assistant"}], "without text"),
        ([{"role": "user", "content": [{"type": "image"}]}, ROLES[1]], "not only text"),
        (["a", "b"], "without role and content"),
        ([None], "without role and content"),
    ],
)
def test_rows_that_are_no_conversation_say_why(cell, reason):
    """Each is left out with a reason of its own."""
    with pytest.raises(Unusable, match=reason):
        turns(cell)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["role", "content", "from", "value", "type", "text"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@settings(max_examples=400)
@given(ANY, st.none() | ANY)
def test_any_cell_is_turns_or_a_reason(cell, prompt):
    """Whatever JSON a row holds, it is text, turns that end with a response, or left out."""
    try:
        found = turns(cell, prompt)
    except Unusable:
        return
    assert not found or (len(found) > 1 and found[-1][0] == "assistant" and found[-1][1].strip())
    assert all(isinstance(part, str) for turn in found for part in turn)


TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "<{{ m['role'] }}>{{ m['content'] }}</>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


@pytest.fixture
def model(tmp_path):
    """A tiny Llama whose tokenizer begins each text, and whose template does so too."""
    folder = save_llama(tmp_path / "llama")
    words = AutoTokenizer.from_pretrained(folder)
    words.bos_token = "<eos>"
    words.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<eos> $A", special_tokens=[("<eos>", 0)]
    )
    words.chat_template = TEMPLATE
    words.save_pretrained(folder)
    return load_language_model(folder, 64, Compute("cpu", is_bf16=False, n_threads=1))


def test_a_conversation_begins_once(model):
    """Token ids are those of the template, with one beginning, in scoring and in counting; a plain
    text gets its beginning from the tokenizer."""
    text, n_prompt = rendered(TURNS, model.tokenizer)
    own = [{"role": role, "content": content} for role, content in TURNS]
    wanted = model.tokenizer.apply_chat_template(own, return_dict=True)["input_ids"]
    reader = Reader(model, Task.SFT, None)
    (document,) = reader._read(list(documents_of(TURNS)), None)
    (example,) = model.examples([document])
    assert example.token_ids == wanted == model.tokenize([text])[0]
    assert wanted.count(0) == 1
    (plain,) = model.tokenize(["It rained."])
    assert plain[0] == 0
    assert plain.count(0) == 1
    response = model.tokenizer("Yes, it will.</>", add_special_tokens=False)["input_ids"]
    assert example.token_ids[example.first_target :] == response
    assert text[n_prompt:] == "Yes, it will.</>"


def documents_of(messages):
    from assay.core.data.document_rows import Document

    yield Document("\n\n".join(c for _, c in messages), None, "x", messages, ("x", 1))


def test_texts_that_begin_and_others_keep_their_places(model):
    """Of a mixed batch each text has its own ids, in order."""
    batch = ["rain", "<eos>snow", "cloud", "<eos>"]
    assert model.tokenize(batch) == [model.tokenize([text])[0] for text in batch]


def test_odd_rows_end_no_run(tmp_path, model):
    """Of a file with one good row the others are counted by reason and row, also those that only
    the chat template refuses."""
    rows = [
        [{"role": "system", "content": "Be brief."}, *ROLES],
        [],
        [ROLES[0], {"role": "assistant", "content": None}],
        ROLES,
    ]
    path = tmp_path / "chats.jsonl"
    path.write_text("\n".join(json.dumps({"text": row}) for row in rows))
    reader = Reader(model, Task.SFT, None)
    ((document,),) = reader.scored(DataRef(str(path)), 0)
    assert document.text == rendered(TURNS, model.tokenizer)[0]
    lines = " ".join(reader.skipped.lines())
    assert len(reader.skipped) == 3
    assert "System role not supported" in lines
    assert all(f"row {row} of 'chats.jsonl'" in lines for row in (1, 2, 3))


def test_a_file_without_any_conversation_says_why(tmp_path, model):
    """Where nothing is left the error holds the reasons, here that all are refused."""
    path = tmp_path / "chats.json"
    system = [{"role": "system", "content": "Be brief."}, *ROLES]
    path.write_text(json.dumps([{"text": system}] * 8))
    with pytest.raises(InputError, match=r"8 rows were left out.*System role.*and 3 more"):
        list(Reader(model, Task.SFT, None).scored(DataRef(str(path)), 0))


def test_parquet_keeps_turns(tmp_path):
    """Turns in nested Parquet, with nulls where other rows have keys, read as from JSON."""
    path = tmp_path / "chats.parquet"
    pd.DataFrame({"conversations": [SHAREGPT, SHAREGPT]}).to_parquet(path)
    skipped = SkippedRows()
    found = list(read_documents(DataRef(str(path), "conversations"), 0, skipped))
    assert [document.messages for document in found] == [TURNS, TURNS]
    assert not len(skipped)
