"""Objects of JSON files, one per line or in one array, each limited in size."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import IO, Any

from assay.core.data.files import MAX_CHARACTERS
from assay.core.errors import InputError
from assay.core.specs.plain import JsonObject

_CHUNK = 1 << 16
_SPACES = frozenset(" \t\r\n")


def bounded_lines(text: IO[str], name: str) -> Iterator[str]:
    """Lines with their ends; InputError for one that is longer than any document may be."""
    number = 0
    while line := text.readline(MAX_CHARACTERS + 1):
        number += 1
        if len(line) > MAX_CHARACTERS:
            raise _too_long(name, f"line {number:,}")
        yield line


def json_lines(text: IO[str], name: str) -> Iterator[JsonObject]:
    """One object per line; blank lines are skipped."""
    return _objects_of_lines(bounded_lines(text, name), name)


def json_values(text: IO[str], name: str) -> Iterator[JsonObject]:
    """The objects of a ``.json`` file: an array of them, or one per line as in JSON Lines."""
    n_lines = 0
    while (mark := text.read(1)) and mark in _SPACES:
        n_lines += mark == "\n"
    if mark == "[":
        return _array(_chunks(text), name)
    lines = bounded_lines(text, name)
    first = mark + next(lines, "")
    return _objects_of_lines(chain([first], lines), name, n_lines + 1)


def _objects_of_lines(
    lines: Iterable[str], name: str, first_number: int = 1
) -> Iterator[JsonObject]:
    for number, line in enumerate(lines, start=first_number):
        if line.strip():
            yield _object(_parsed(line, name, f"line {number:,}"), name, f"line {number:,}")


def _parsed(line: str, name: str, where: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _not_an_object(_reason(error), name, where) from error


def _chunks(text: IO[str]) -> Iterator[str]:
    while chunk := text.read(_CHUNK):
        yield chunk


def _array(chunks: Iterator[str], name: str) -> Iterator[JsonObject]:
    """The objects of one array, from after its bracket, read a chunk at a time.

    If an object does not end in what was read, twice as much is read before the next try, so the
    work is proportional to the size of the file.
    """
    decoder = json.JSONDecoder()
    buffer = _Buffer(chunks)
    number = 0
    mark = buffer.next()
    while mark != "]":
        number += 1
        where = f"element {number:,}"
        yield _object(buffer.value(decoder, name, where), name, where)
        mark = buffer.next()
        if mark not in (",", "]"):
            got = f"{mark!r} instead of a comma" if mark else "the end of the file"
            raise _not_an_object(got, name, f"what follows {where}")
        if mark == ",":
            buffer.skip(1)
            buffer.next()
    buffer.skip(1)
    if buffer.next():
        raise _not_an_object("more text after its end", name, "the array")


class _Buffer:
    """The part of a text that was read and not yet used."""

    def __init__(self, chunks: Iterator[str]) -> None:
        self._chunks, self._text, self._at = chunks, "", 0

    def next(self) -> str:
        """The next character that is not whitespace; empty at the end."""
        while True:
            while self._text[self._at : self._at + 1] in _SPACES:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more(1):
                return ""

    def skip(self, n: int) -> None:
        """Skip ``n`` characters of what was read."""
        self._at += n

    def value(self, decoder: json.JSONDecoder, name: str, where: str) -> Any:
        while True:
            try:
                found, self._at = decoder.raw_decode(self._text, self._at)
                return found
            except RecursionError as error:
                raise _not_an_object(_reason(error), name, where) from error
            except ValueError as error:
                n_read = len(self._text) - self._at
                # An error after the middle of what was read may only mean that the text is cut
                # there.
                is_wrong = isinstance(error, json.JSONDecodeError) and self._is_wrong(error)
                if is_wrong or not isinstance(error, json.JSONDecodeError):
                    raise _not_an_object(_reason(error), name, where) from error
                if n_read > MAX_CHARACTERS:
                    raise _too_long(name, where) from error
                if not self._more(max(n_read, _CHUNK)):
                    raise _not_an_object(_reason(error), name, where) from error

    def _is_wrong(self, error: json.JSONDecodeError) -> bool:
        """Whether reading more text cannot fix the error.

        It cannot if the error is well before the end of what was read, and is not about an
        unterminated string.
        """
        return error.pos + 16 < len(self._text) and not error.msg.startswith("Unterminated")

    def _more(self, n: int) -> bool:
        parts = [self._text[self._at :]]
        n_new = 0
        for chunk in self._chunks:
            parts.append(chunk)
            n_new += len(chunk)
            if n_new >= n:
                break
        self._text, self._at = "".join(parts), 0
        return n_new > 0


def _object(value: Any, name: str, where: str) -> JsonObject:
    if not isinstance(value, dict):
        raise _not_an_object(type(value).__name__, name, where)
    return value


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return error.msg
    return "endless nesting" if isinstance(error, RecursionError) else "a number without end"


def _not_an_object(got: str, name: str, where: str) -> InputError:
    return InputError(
        f"JSON objects in {name!r}, one per line or in one array",
        f"{got} in {where}",
        "fix the file",
    )


def _too_long(name: str, where: str) -> InputError:
    return InputError(
        f"rows of at most {MAX_CHARACTERS:,} characters in {name!r}",
        f"a longer one in {where}",
        "split it into documents",
    )
