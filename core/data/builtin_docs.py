"""English text that every installation has: the documentation strings of installed packages.

Read with ``ast`` from the sources, so nothing is imported and nothing runs. Four fields make a
classification task; the standard library is text of another domain (ARCHITECTURE §8).
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
import sys
import sysconfig
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from assay.core.specs.hashing import content_key, text_hash

FIELDS = {
    "deep learning": ("torch", "transformers", "sentence_transformers"),
    "science": ("scipy", "sympy", "statsmodels", "networkx", "numpy"),
    "data": ("pandas", "pyarrow", "duckdb", "narwhals", "datasets", "fsspec"),
    "web": (
        "streamlit",
        "starlette",
        "uvicorn",
        "urllib3",
        "requests",
        "websockets",
        "anyio",
        "h11",
        "jinja2",
        "pydantic",
        "altair",
        "plotly",
        "huggingface_hub",
        "click",
    ),
}
STANDARD_LIBRARY = "standard library"
_STDLIB = "stdlib"
# Test suites and vendored copies contain repetitions or no prose.
_SKIPPED_FOLDERS = {
    "tests",
    "test",
    "testing",
    "_vendor",
    "idlelib",
    "lib2to3",
    "site-packages",
    "turtledemo",
    "encodings",
    "__pycache__",
    "models",
    "externals",
}
_BYTES_A_PACKAGE = 6_000_000
_CHARACTERS = range(80, 601)
_VERSION = 2
# Paragraphs that begin or end with the same words come from one template with other names.
_TEMPLATE_WORDS = 10


@dataclass(frozen=True)
class Paragraph:
    """One paragraph of prose, the field it belongs to and the package it comes from."""

    text: str
    field: str
    package: str


def documentation_paragraphs(bytes_a_package: int = _BYTES_A_PACKAGE) -> Iterator[Paragraph]:
    """Paragraphs of the four fields, no text twice; packages that are not installed are skipped.

    ``bytes_a_package``: how much of each package's source is read; parsing it takes the time.
    """
    site = Path(sysconfig.get_path("purelib"))
    folders = [(site / name, field, name) for field, names in FIELDS.items() for name in names]
    yield from _distinct(folders, bytes_a_package)


def standard_library_paragraphs(n_bytes: int = _BYTES_A_PACKAGE) -> Iterator[Paragraph]:
    """Paragraphs of Python's own library, no text twice, from ``n_bytes`` of its source files."""
    folder = Path(sysconfig.get_path("stdlib"))
    yield from _distinct([(folder, STANDARD_LIBRARY, _STDLIB)], n_bytes)


def package_names(is_stdlib: bool) -> tuple[str, ...]:
    """The packages that the paragraphs come from."""
    return (_STDLIB,) if is_stdlib else tuple(name for names in FIELDS.values() for name in names)


def labels(is_stdlib: bool) -> tuple[str, ...]:
    """The fields that the paragraphs belong to."""
    return (STANDARD_LIBRARY,) if is_stdlib else tuple(FIELDS)


def documentation_digest() -> str:
    """SHA-256 (hex) that changes with the installed versions of the packages."""
    versions = {}
    for name in sorted(name for names in FIELDS.values() for name in names):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = ""
    return content_key("docs", _VERSION, versions, sys.version)


def _distinct(folders: list[tuple[Path, str, str]], bytes_a_package: int) -> Iterator[Paragraph]:
    seen: set[str] = set()
    for folder, field, package in folders:
        for file in _sources(folder, bytes_a_package):
            for text in _paragraphs(file):
                words = text.lower().split()
                start, end = words[:_TEMPLATE_WORDS], words[-_TEMPLATE_WORDS:]
                keys = {text_hash(" ".join(start)), text_hash(" ".join(end))}
                if not keys & seen:
                    yield Paragraph(text, field, package)
                seen |= keys


def _sources(folder: Path, n_most_bytes: int) -> Iterator[Path]:
    """Python files in an order that mixes sub-packages, up to a total number of bytes."""
    files = []
    for place, inner, names in os.walk(folder):
        # Not entered, rather than left out afterwards: most files stand in them.
        inner[:] = [name for name in inner if name not in _SKIPPED_FOLDERS]
        files += [os.path.join(place, name) for name in names if name.endswith(".py")]
    start = len(str(folder)) + 1

    def mixed(file: str) -> str:
        return hashlib.sha256(file[start:].replace(os.sep, "/").encode()).hexdigest()

    n_bytes = 0
    for file in sorted(files, key=mixed):
        n_bytes += os.path.getsize(file)
        if n_bytes > n_most_bytes:
            return
        yield Path(file)


def _paragraphs(file: Path) -> Iterator[str]:
    source = file.read_bytes()
    if b'"""' not in source:
        return
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    for node in _statements(tree):
        if isinstance(node, _DOCUMENTED) and (text := ast.get_docstring(node)):
            for part in re.split(r"\n\s*\n", text):
                if prose := _prose(part):
                    yield prose


_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
# Where a statement contains others, in the order of its fields.
_BLOCKS = ("body", "handlers", "orelse", "finalbody", "cases")


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """The module and its statements in the order of ``ast.walk``.

    ``ast.walk`` also visits every expression, which takes most of its time.
    """
    waiting: deque[ast.AST] = deque([tree])
    while waiting:
        node = waiting.popleft()
        yield node
        for block in _BLOCKS:
            waiting.extend(getattr(node, block, ()))


_MARKUP = re.compile(r":\w+:`~?([^`]*)`|``([^`]*)``|`([^`]*)`_?|\*\*([^*]+)\*\*")
_NOT_PROSE = re.compile(
    r">>>|\.\. |::|-{3}|={3}|~{3}|\{|\}|\\|<[a-z/]|\bnp\.|https?:|^\s*[-*+#|]|^\s*:\w|:param|"
    r"@|\[\[|&\w+;|copyright|licen[cs]e|"
    r"\A(args|arguments|attributes|examples?|notes?|parameters|raises|returns?|warnings?|yields):",
    re.IGNORECASE | re.MULTILINE,
)


def _prose(part: str) -> str | None:
    """A paragraph without markup and line breaks, or None if it is not plain prose."""
    if _NOT_PROSE.search(part):
        return None
    text = _MARKUP.sub(
        lambda match: next(group for group in match.groups() if group is not None), part
    )
    text = " ".join(text.split())
    words = text.split(" ")
    alphabetic = sum(word.strip(".,;:()'\"").isalpha() for word in words)
    is_prose = (
        len(text) in _CHARACTERS
        and text[0].isupper()
        and text[-1] in ".!?"
        and alphabetic >= 0.75 * len(words)
    )
    return text if is_prose else None
