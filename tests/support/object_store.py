"""A small server that speaks S3 for the files of a folder: one folder below it a bucket."""

from __future__ import annotations

import io
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

KEY_ID, SECRET = "AKIATESTONLY", "a/secret+of:tests@only"
# A bucket that nobody may read, and a key whose object claims to be larger than any disk.
PRIVATE, ENDLESS = "private", "endless.csv"


class ObjectStore:
    """``seen``: method and path of every request."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.seen, self.parts = folder, [], {}
        handler = type("Handler", (_Handler,), {"store": self})
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    @property
    def variables(self):
        """The environment in which clients find it."""
        return {
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@contextmanager
def object_store(folder):
    """A store that serves until the end of the block."""
    made = ObjectStore(folder)
    try:
        yield made
    finally:
        made.http.shutdown()
        made.http.server_close()


def _joined(stream):
    """The contents of chunks, each with its hexadecimal size before it, up to an empty one."""
    parts = []
    while size := int(stream.readline().split(b";")[0], 16):
        parts.append(stream.read(size))
        stream.readline()
    return b"".join(parts)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self._answer(has_body=False)

    def do_GET(self):
        self._answer(has_body=True)

    def do_PUT(self):
        # The client sends chunks of HTTP that hold chunks of S3, with a checksum behind them.
        content = _joined(io.BytesIO(_joined(self.rfile)))
        self.rfile.readline()
        file = self._file()
        if not self._is_allowed(file):
            self._refuse(403, "AccessDenied", True)
            return
        if part := self._asked("partNumber"):
            self.store.parts[int(part)] = content
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        self._say(200, b"", {"ETag": '"written"'}, True)

    def do_POST(self):
        """The first and the last request of a large file, which is sent in parts."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        file, parts = self._file(), self.store.parts
        if self._asked("uploadId"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"".join(parts[number] for number in sorted(parts)))
            said = "<CompleteMultipartUploadResult/>"
        else:
            parts.clear()
            said = "<InitiateMultipartUploadResult><UploadId>1</UploadId>"
            said += "</InitiateMultipartUploadResult>"
        self._say(200, said.encode(), {"Content-Type": "application/xml"}, True)

    def _asked(self, name):
        return parse_qs(urlsplit(self.path).query).get(name, [""])[0]

    def _answer(self, has_body):
        file = self._file()
        if not self._is_allowed(file):
            self._refuse(403, "AccessDenied", has_body)
        elif file.name == ENDLESS:
            self._say(200, b"", {"Content-Length": str(1 << 60)}, has_body)
        elif not file.is_file():
            self._refuse(404, "NoSuchKey", has_body)
        else:
            self._send(file.read_bytes(), has_body)

    def _send(self, content, has_body):
        wanted = self.headers.get("Range")
        about = {"ETag": '"here"', "Last-Modified": "Sun, 29 Nov 2026 12:00:00 GMT"}
        if wanted:
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            end = min(int(last) if last else len(content), len(content) - 1)
            about["Content-Range"] = f"bytes {first}-{end}/{len(content)}"
            self._say(206, content[int(first) : end + 1], about, has_body)
        else:
            self._say(200, content, about, has_body)

    def _file(self):
        path = unquote(urlsplit(self.path).path).lstrip("/")
        self.store.seen.append((self.command, path))
        return self.store.folder / path

    def _is_allowed(self, file):
        is_signed = KEY_ID in self.headers.get("Authorization", "")
        return is_signed and file.relative_to(self.store.folder).parts[:1] != (PRIVATE,)

    def _refuse(self, status, code, has_body):
        said = f"<Error><Code>{code}</Code><Message>refused</Message></Error>".encode()
        self._say(status, said, {"Content-Type": "application/xml"}, has_body)

    def _say(self, status, content, headers, has_body):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if has_body:
            self.wfile.write(content)
