"""Instruction data: the prompt, which is read, and the response, which is scored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from assay.core.data.chat_template import ChatRefused, as_chat
from assay.core.data.skipped import Unusable
from assay.core.specs.data import DataRef
from assay.core.specs.plain import JsonObject

Messages = tuple[tuple[str, str], ...]

_ASSISTANT = "assistant"
# The role names of ShareGPT and some tools, and those that chat templates know.
_ROLES = {"human": "user", "gpt": _ASSISTANT, "chatgpt": _ASSISTANT, "model": _ASSISTANT}
_KEYS = (("role", "content"), ("from", "value"))


def conversation(row: JsonObject, ref: DataRef) -> Messages:
    """A row's turns as (role, content), up to its last response; empty for a row of plain text.

    Turns are a list of {role, content} or ShareGPT's {from, value} in the text column; or a prompt
    column and the text that responds to it, each a text or a list of turns. Unusable for a row
    without a response, with nothing before it, or with turns that are not text.
    """
    value = row.get(ref.text_column)
    if ref.prompt_column:
        turns = [*_turns(row.get(ref.prompt_column), "user"), *_turns(value, _ASSISTANT)]
    elif isinstance(value, list | dict):
        turns = list(_turns(value, _ASSISTANT))
    else:
        return ()
    while turns and turns[-1][0] != _ASSISTANT:
        turns.pop()
    if not turns or not turns[-1][1].strip():
        raise Unusable("no response from the assistant")
    if len(turns) == 1:
        raise Unusable("nothing before the response")
    return tuple(turns)


def _turns(value: Any, role: str) -> Iterator[tuple[str, str]]:
    """The turns in one cell; a plain text is one turn of ``role``."""
    if value is None or value == "":
        return
    if isinstance(value, str):
        yield role, value
        return
    if isinstance(value, dict):
        value = _one_by_one(value)
    if not isinstance(value, list):
        raise Unusable(f"{type(value).__name__} instead of a list of turns")
    for turn in value:
        keys = next((keys for keys in _KEYS if isinstance(turn, dict) and keys[0] in turn), None)
        if keys is None:
            raise Unusable("turns without role and content")
        name = str(turn[keys[0]])
        yield _ROLES.get(name, name), _content(turn.get(keys[1]))


def _one_by_one(turns: JsonObject) -> list[Any]:
    """Turns in the form of ``datasets``: one list per field is turned into a list of turns."""
    columns = {name: own for name, own in turns.items() if isinstance(own, list)}
    lengths = {len(own) for own in columns.values()}
    is_columns = "role" in columns or "from" in columns
    if is_columns and len(lengths) == 1:
        return [
            dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)
        ]
    return [turns]


def _content(content: Any) -> str:
    """The text of a turn; parts [{type: text, text}] are joined."""
    if isinstance(content, list) and content:
        parts = [
            part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None
            for part in content
        ]
        if not all(isinstance(part, str) for part in parts):
            raise Unusable("a turn that is not only text")
        return "".join(str(part) for part in parts)
    if not isinstance(content, str):
        raise Unusable("a turn without text, such as a tool call")
    return content


def rendered(messages: Messages, tokenizer: Any) -> tuple[str, int]:
    """A conversation as its model reads it, and how many characters precede the last response.

    Uses the tokenizer's chat template; without one, turns are separated by a blank line. Unusable
    if the template rejects the conversation.
    """
    turns = [{"role": role, "content": content} for role, content in messages]
    if not tokenizer.chat_template:
        prompt = "".join(f"{content}\n\n" for _, content in messages[:-1])
        return prompt + messages[-1][1], len(prompt)
    try:
        whole = as_chat(tokenizer, turns)
        prompt = as_chat(tokenizer, turns[:-1], add_generation_prompt=True)
    except ChatRefused as error:
        said = " ".join("".join(filter(str.isprintable, str(error.__cause__))).split())[:80]
        raise Unusable(f"the chat template rejects them: {said}") from error
    return whole, _shared_length(whole, prompt)


def response_start(text: str, template: str) -> int | None:
    """Where the response begins in a text marked with ``template``; None without the mark."""
    position = text.rfind(template)
    return None if position < 0 else position + len(template)


def _shared_length(first: str, second: str) -> int:
    pairs = enumerate(zip(first, second, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(first), len(second)))
