"""Instruction data: what a model was asked, which is read, and its response, which is scored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.core.errors import InputError
from assay.core.specs.data import DataRef

Messages = tuple[tuple[str, str], ...]


def conversation(row: Mapping[str, Any], ref: DataRef, number: int) -> Messages:
    """A row's turns as (role, content); empty for a row of plain text.

    Turns are a list of {role, content} in the text column, or a prompt column and the text that
    responds to it. InputError for a list of anything else.
    """
    value = row.get(ref.text_column)
    if ref.prompt_column:
        prompt = row.get(ref.prompt_column)
        return (("user", str(prompt)), ("assistant", value)) if prompt and value else ()
    if not isinstance(value, list):
        return ()
    try:
        turns = tuple((str(turn["role"]), turn["content"]) for turn in value)
    except (TypeError, KeyError) as error:
        raise _not_turns(ref, number) from error
    if not all(isinstance(content, str) for _, content in turns):
        raise _not_turns(ref, number)
    return turns


def rendered(messages: Messages, tokenizer: Any) -> tuple[str, int]:
    """A conversation as its model reads it, and how many characters precede the last response.

    By the tokenizer's chat template; without one, turns are parted by a blank line.
    """
    turns = [{"role": role, "content": content} for role, content in messages]
    if not tokenizer.chat_template:
        prompt = "".join(f"{content}\n\n" for _, content in messages[:-1])
        return prompt + messages[-1][1], len(prompt)
    whole = tokenizer.apply_chat_template(turns, tokenize=False)
    prompt = tokenizer.apply_chat_template(turns[:-1], tokenize=False, add_generation_prompt=True)
    return whole, _shared_length(whole, prompt)


def response_start(text: str, template: str) -> int | None:
    """Where the response begins in a text that marks it with ``template``; None without a mark."""
    position = text.rfind(template)
    return None if position < 0 else position + len(template)


def _shared_length(first: str, second: str) -> int:
    pairs = enumerate(zip(first, second, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(first), len(second)))


def _not_turns(ref: DataRef, number: int) -> InputError:
    return InputError(
        f"text, or turns with role and content, in column {ref.text_column!r}",
        f"another kind of list in row {number:,}",
        "name the text column",
    )
