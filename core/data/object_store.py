"""Files in an object store (``s3://BUCKET/KEY``): fetched whole, then read like any local file;
results are written to a local file and then sent.

Keys come from where the AWS SDK looks for them: the environment, profiles, the machine's role. They
never stand in an address, because addresses are recorded.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from atexit import register
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from assay.core.errors import InputError
from assay.core.specs.addresses import OBJECT_STORE, has_password
from assay.core.temporary import TemporaryFolder

_CHUNK = 1 << 22
# Left free on the disk that fetched files lie on.
_SPARE_BYTES = 1 << 30
_CONNECT_S, _REQUEST_S = 10, 60
_LONGEST_NAME = 200
_CODE = re.compile(r"AWS Error ([A-Z_]+)")
_fetching = Lock()


def is_remote(location: str) -> bool:
    """Whether a location is an address in an object store."""
    return location.lower().startswith(OBJECT_STORE)


def fetched(location: str) -> Path:
    """A local copy with the object's name, the same one in all of a process; deleted at its end.

    InputError for an address that is none, for an object that is missing or may not be read, and
    for one that does not fit the disk.
    """
    with _fetching:
        return _copy(location)


def here(name: str) -> Path:
    """A file on this machine: that of the name, or a copy if the name is an address."""
    return fetched(name) if is_remote(name) else Path(name)


def check_readable(location: str) -> None:
    """InputError if an object cannot be fetched; reads none of it."""
    with _opened(location):
        pass


def check_new(location: str) -> None:
    """InputError if there is an object of that address, or it cannot be known."""
    try:
        with _raw(location):
            pass
    except FileNotFoundError:
        return
    except OSError as error:
        raise _refused(location, str(error)) from error
    raise InputError("a new object", f"{location!r}, which is there", "give --overwrite")


def send(folder: Path, location: str) -> None:
    """Put the files of a folder beside an address, each under its own name."""
    bucket, key = _bucket_and_key(location)
    top = f"{bucket}/{key}".rpartition("/")[0]
    try:
        for file in sorted(folder.iterdir()):
            with (
                file.open("rb") as content,
                _store(bucket, allow_delayed_open=True).open_output_stream(
                    f"{top}/{file.name}"
                ) as stream,
            ):
                shutil.copyfileobj(content, stream, _CHUNK)
    except OSError as error:
        raise _refused(location, str(error)) from error


def name_of(location: str) -> str:
    """The last part of an address; InputError for one that is none."""
    return _bucket_and_key(location)[1].rpartition("/")[2]


@cache
def _copy(location: str) -> Path:
    # Objects of one name in two folders are two files.
    folder = _place() / hashlib.sha256(location.encode()).hexdigest()[:16]
    file = folder / name_of(location)
    with _opened(location) as stream:
        size = stream.size()
        free = shutil.disk_usage(_place()).free - _SPARE_BYTES
        if size > free:
            raise InputError(
                f"an object of at most {max(0, free) / 1e9:,.1f} GB, which fits the disk",
                f"{location!r} with {size / 1e9:,.1f} GB",
                "let the variable TMPDIR name a folder on a larger disk",
            )
        folder.mkdir(exist_ok=True)
        with file.open("wb") as kept:
            while chunk := stream.read(_CHUNK):
                kept.write(chunk)
        if file.stat().st_size != size:
            raise InputError(
                f"all {size:,} bytes of {location!r}", f"{file.stat().st_size:,}", "try again"
            )
    return file


@contextmanager
def _opened(location: str) -> Iterator[Any]:
    """The object's bytes, with any error of the store in one sentence."""
    try:
        with _raw(location) as stream:
            yield stream
    except FileNotFoundError as error:
        raise _missing(location) from error
    except OSError as error:
        raise _refused(location, str(error)) from error


@contextmanager
def _raw(location: str) -> Iterator[Any]:
    bucket, key = _bucket_and_key(location)
    with _store(bucket).open_input_file(f"{bucket}/{key}") as stream:
        yield stream


def _store(bucket: str, **options: Any) -> Any:
    try:
        from pyarrow.fs import S3FileSystem, resolve_s3_region
    except ImportError as error:  # some builds of pyarrow have no S3
        raise InputError(
            "a pyarrow that reads S3", "one without", "reinstall pyarrow with pip"
        ) from error
    asked = os.environ
    endpoint = asked.get("AWS_ENDPOINT_URL_S3") or asked.get("AWS_ENDPOINT_URL")
    region = asked.get("AWS_REGION") or asked.get("AWS_DEFAULT_REGION")
    if not region and not endpoint:
        region = resolve_s3_region(bucket)
    return S3FileSystem(
        endpoint_override=endpoint,
        region=region,
        connect_timeout=_CONNECT_S,
        request_timeout=_REQUEST_S,
        **options,
    )


def _bucket_and_key(location: str) -> tuple[str, str]:
    if has_password(location):
        raise InputError(
            "an address without keys, since addresses are recorded",
            "one with a user name or key before an @",
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use a profile",
        )
    bucket, _, key = location[len(OBJECT_STORE) :].partition("/")
    name = key.rpartition("/")[2]
    is_clean = location.isprintable() and len(name.encode()) <= _LONGEST_NAME
    if not bucket or not is_clean or name in ("", ".", ".."):
        raise InputError(
            "the address of one object, as in s3://BUCKET/FOLDER/FILE.parquet",
            repr(location[:_LONGEST_NAME]),
            "correct it",
        )
    return bucket, key


def _missing(location: str) -> InputError:
    return InputError("an existing object", repr(location), "check bucket and key")


def _refused(location: str, said: str) -> InputError:
    """The store's code alone: what else it says may name keys."""
    found = _CODE.search(said)
    code = found.group(1) if found else "no connection"
    if code in ("NO_SUCH_BUCKET", "NO_SUCH_KEY", "RESOURCE_NOT_FOUND") or "not found" in said:
        return _missing(location)
    if code == "ACCESS_DENIED":
        return InputError(
            "an object that may be read with the keys of this machine",
            f"{location!r}, which the store refuses (access denied)",
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; some stores also "
            "refuse what does not exist",
        )
    return InputError(
        "an object store that answers",
        f"an error for {location!r} ({code.lower().replace('_', ' ')})",
        "check the network, AWS_REGION, and AWS_ENDPOINT_URL for a store that is not Amazon's",
    )


@cache
def _place() -> Path:
    place = TemporaryFolder("fetched")
    register(place.cleanup)
    return Path(place.name)
