"""Opens untrusted files so that none can block the reader or fill the machine."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from assay.core.errors import InputError

# Characters of one row, and of one document. The longest books have six million.
MAX_CHARACTERS = 1 << 24
# Text is compressed five- to twentyfold; a much higher ratio is an attack.
MAX_RATIO = 200
# Below this unpacked size, any ratio is harmless.
_HARMLESS_BYTES = 1 << 26
# Parquet is read from its end, so a compressed file must be unpacked in memory.
_MAX_PACKED_PARQUET_BYTES = 1 << 30
_CHUNK = 1 << 20

COMPRESSIONS = {"": None, ".gz": "gzip", ".zst": "zstd"}
_KINDS = {
    stat.S_ISFIFO: "a pipe",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
    stat.S_ISSOCK: "a socket",
    stat.S_ISDIR: "a folder",
}


def open_regular(path: Path) -> io.BufferedReader:
    """Open a regular file for reading; InputError for a pipe or a device, which may never end."""
    # Without O_NONBLOCK, opening a pipe without a writer would block forever.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    kind = next((word for is_kind, word in _KINDS.items() if is_kind(mode)), "something else")
    raise InputError(
        "a regular file",
        f"{path.name!r}, which is {kind}",
        "write the data to a file and give that",
    )


@contextmanager
def unpacked(path: Path, is_whole: bool) -> Iterator[IO[bytes]]:
    """A file's bytes, decompressed if its name ends in .gz or .zst.

    ``is_whole``: as a stream that can be read from its end, so a compressed file must fit into
    memory. InputError for a file that unpacks to far more than its size.
    """
    compression = COMPRESSIONS.get(path.suffix.lower())
    with open_regular(path) as raw:
        if compression is None:
            yield raw
            return
        # Arrow's stream reports a truncated file; zstandard's own just ends there.
        with pa.CompressedInputStream(raw, compression) as inner:
            stream = io.BufferedReader(_Unpacked(inner, raw, path.name), _CHUNK)
            yield _whole(stream, path.name) if is_whole else stream


def digest(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with reading(path), open_regular(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turns libraries' errors about damaged bytes into one sentence."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise InputError(
            f"text in UTF-8 in {path.name!r}",
            f"the byte {error.object[error.start]:#x}",
            "convert the file to UTF-8",
        ) from error
    except PermissionError as error:
        raise InputError(
            "a readable file", f"no permission for {path.name!r}", "change its permissions"
        ) from error
    except (pa.ArrowException, OSError, EOFError, ValueError, OverflowError) as error:
        # The message may quote bytes of the damaged file that no terminal should get.
        first_line = next(iter(str(error).splitlines()), type(error).__name__)
        reason = "".join(filter(str.isprintable, first_line)).rstrip(" :.")
        raise InputError(
            f"an undamaged {path.suffix[1:]} file",
            f"{path.name!r} ({reason[:200]})",
            "download it or create it again",
        ) from error


class _Unpacked(io.RawIOBase):
    """A decompressed stream that stops once it has returned far more bytes than it read."""

    def __init__(self, inner: Any, raw: IO[bytes], name: str) -> None:
        self._inner, self._raw, self._name = inner, raw, name
        self._n_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._inner.read(len(buffer))
        buffer[: len(data)] = data
        self._n_bytes += len(data)
        if self._n_bytes > max(_HARMLESS_BYTES, MAX_RATIO * self._raw.tell()):
            raise InputError(
                f"a compressed file that expands to at most {MAX_RATIO} times its size",
                f"{self._name!r}, which expands to more",
                "unpack it yourself if you trust it, and give the unpacked file",
            )
        return len(data)


def _whole(stream: IO[bytes], name: str) -> IO[bytes]:
    kept = io.BytesIO()
    while chunk := stream.read(_CHUNK):
        if kept.tell() + len(chunk) > _MAX_PACKED_PARQUET_BYTES:
            raise InputError(
                "a compressed Parquet file of at most 1 GB unpacked",
                f"{name!r}, which is larger",
                "unpack it and give the unpacked file",
            )
        kept.write(chunk)
    kept.seek(0)
    return kept
