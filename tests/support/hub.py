"""A small server that speaks as much of the Hugging Face hub as its clients ask, with the faults
that it is told to have. It serves folders; large files lie at another address, as on the hub."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "hf_this_token_is_a_secret"
# Files that the hub keeps elsewhere and leads to by redirects.
_LARGE = (".safetensors", ".parquet", ".bin")
_CHUNK = 1 << 16


@dataclass
class Repository:
    """A folder, and how the hub behaves when asked for it."""

    folder: Path
    revision: str
    needs_token: bool = False
    faults: dict[str, object] = field(default_factory=dict)

    def files(self):
        """Every file of the folder, by its name there."""
        found = (path for path in sorted(self.folder.rglob("*")) if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path for path in found}


@dataclass(frozen=True)
class Seen:
    """One request; ``n_bytes``: of the answer's body, as far as the client took it."""

    method: str
    path: str
    token: str | None
    server: str
    n_bytes: int


class Hub:
    """``models`` and ``datasets`` by OWNER/NAME; ``seen``: every request.

    ``faults`` of the hub itself: ``down`` (a status for everything), ``hangs`` (no answer to what
    contains this text), ``says`` (these bytes instead of anything else). Those of a repository:
    ``sizes`` that it states instead of the true ones, by names of files.
    """

    def __init__(self) -> None:
        self.models: dict[str, Repository] = {}
        self.datasets: dict[str, Repository] = {}
        self.faults: dict[str, object] = {}
        self.seen: list[Seen] = []
        self.is_over = threading.Event()
        self.servers = {}
        for name in ("hub", "storage"):
            handler = type("Handler", (_Handler,), {"hub": self, "name": name})
            self.servers[name] = ThreadingHTTPServer(("127.0.0.1", 0), handler)
            threading.Thread(target=self.servers[name].serve_forever, daemon=True).start()

    def address(self, name="hub"):
        return f"http://127.0.0.1:{self.servers[name].server_port}"

    def variables(self, home):
        """The environment in which clients find it, and keep what they fetched below ``home``."""
        return {
            "HF_ENDPOINT": self.address(),
            "HF_HOME": str(home),
            "HF_HUB_OFFLINE": "0",
            "HF_DATASETS_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_TOKEN": "",  # not the one of whoever runs the tests
            "NO_PROXY": "127.0.0.1",
        }

    def fetched(self, ending=""):
        """Bytes of the files whose names end so."""
        return sum(one.n_bytes for one in self.seen if one.path.endswith(ending))

    def add(self, name, folder, kind="models", **more):
        """Serve a folder as OWNER/NAME, at a commit of its own."""
        commit = hashlib.sha1(f"{kind} {name}".encode()).hexdigest()
        getattr(self, kind)[name] = Repository(folder, commit, **more)

    def close(self):
        self.is_over.set()
        for server in self.servers.values():
            server.shutdown()
            server.server_close()


@contextmanager
def served():
    """A hub until the end of the block."""
    made = Hub()
    try:
        yield made
    finally:
        made.close()


def told(hub, home, code, *arguments, **variables):
    """What a fresh process says as JSON: clients read their environment once."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, **hub.variables(home), **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout), done.stderr


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self._answer()

    def do_GET(self):
        self._answer()

    def do_POST(self):
        self.asked = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer()

    def _answer(self):
        faults, path = self.hub.faults, unquote(urlsplit(self.path).path)
        if (hangs := faults.get("hangs")) is not None and hangs in path:
            self.hub.is_over.wait(60)
            self.close_connection = True
        elif status := faults.get("down"):
            self._say(status, b"gone fishing")
        elif (says := faults.get("says")) is not None:
            self._say(200, says)
        elif self.name == "storage":
            self._send_file(path.strip("/"))
        elif path.startswith("/api/"):
            kind, owner, name, *rest = [*path.removeprefix("/api/").split("/"), "", ""]
            self._of(kind, f"{owner}/{name}", self._of_api, [part for part in rest if part])
        else:
            kind, inside = "models", path.strip("/")
            if inside.startswith("datasets/"):
                kind, inside = "datasets", inside.removeprefix("datasets/")
            owner, name, *rest = inside.split("/")
            self._of(kind, f"{owner}/{name}", self._resolve, rest)

    def _of(self, kind, name, answer, rest):
        """Leads to one repository's answer, if there is one and the client may have it."""
        found = getattr(self.hub, kind, {}).get(name)
        if found is None:
            self._refuse(401, "RepoNotFound", "Repository not found")
        elif found.needs_token and self._token() != TOKEN:
            # As the hub: everybody sees that a gated repository is there, and what its files are.
            if answer == self._of_api:
                self._of_api(found, kind, name, rest)
            else:
                status = 403 if self._token() else 401
                self._refuse(status, "GatedRepo", f"Access to {name} is restricted")
        else:
            answer(found, kind, name, rest)

    def _of_api(self, repository, kind, name, rest):
        at = rest[1] if rest[:1] in (["revision"], ["tree"], ["paths-info"]) else "main"
        if at not in ("main", repository.revision):
            self._refuse(404, "RevisionNotFound", "Invalid rev id")
            return
        files = repository.files()
        if rest[:1] in ([], ["revision"]):
            about = {
                "id": name,
                "modelId": name,
                "sha": repository.revision,
                "gated": "manual" if repository.needs_token else False,
                "private": False,
                "siblings": [self._sibling(repository, file) for file in files],
            }
            self._say_json(about)
        elif rest[0] == "tree":
            self._say_json(self._tree(repository, "/".join(rest[2:])))
        elif rest[0] == "paths-info":
            wanted = parse_qs(self.asked.decode()).get("paths", [])
            listed = {entry["path"]: entry for entry in self._tree(repository, "", is_deep=True)}
            self._say_json([listed[path] for path in wanted if path in listed])
        else:
            self._refuse(404, "EntryNotFound", "no such path")

    def _sibling(self, repository, name):
        entry = self._entry(repository, name)
        return {"rfilename": name, "size": entry["size"], "blobId": entry["oid"]}

    def _tree(self, repository, below, is_deep=None):
        query = parse_qs(urlsplit(self.path).query)
        deep = (
            query.get("recursive", ["false"])[0].lower() == "true" if is_deep is None else is_deep
        )
        top = f"{below}/" if below else ""
        entries, folders = [], []
        for name in repository.files():
            if not name.startswith(top):
                continue
            parents = name.removeprefix(top).split("/")[:-1]
            folders += [top + "/".join(parents[: n + 1]) for n in range(len(parents))]
            if deep or not parents:
                entries.append(self._entry(repository, name))
        if not deep:
            folders = [folder for folder in folders if "/" not in folder.removeprefix(top)]
        return [
            *({"type": "directory", "path": path, "oid": "0", "size": 0} for path in {*folders}),
            *entries,
        ]

    def _entry(self, repository, name):
        content = repository.files()[name].read_bytes()
        size = repository.faults.get("sizes", {}).get(name, len(content))
        entry = {"type": "file", "path": name, "size": size, "oid": _etag(name, content)}
        if name.endswith(_LARGE):
            entry["lfs"] = {"oid": _etag(name, content), "size": size, "pointerSize": 130}
        return entry

    def _resolve(self, repository, kind, name, rest):
        if rest[:1] != ["resolve"] or len(rest) < 3:
            self._refuse(404, "EntryNotFound", "no such page")
            return
        revision, file = rest[1], "/".join(rest[2:])
        if revision not in ("main", repository.revision):
            self._refuse(404, "RevisionNotFound", "Invalid rev id")
            return
        if file not in repository.files():
            self._refuse(404, "EntryNotFound", "Entry not found", repository.revision)
            return
        content = repository.files()[file].read_bytes()
        size = repository.faults.get("sizes", {}).get(file, len(content))
        about = {"X-Repo-Commit": repository.revision, "Accept-Ranges": "bytes"}
        if file.endswith(_LARGE):
            about |= {
                "X-Linked-Etag": f'"{_etag(file, content)}"',
                "X-Linked-Size": str(size),
                "Location": f"{self.hub.address('storage')}/{kind}/{name}/{file}",
            }
            self._say(302, b"", about)
        else:
            self._send(content, {**about, "ETag": f'"{_etag(file, content)}"'}, size)

    def _send_file(self, path):
        kind, owner, name, *file = path.split("/")
        repository = getattr(self.hub, kind)[f"{owner}/{name}"]
        content = repository.files()["/".join(file)].read_bytes()
        self._send(content, {"Accept-Ranges": "bytes"}, len(content))

    def _send(self, content, headers, size):
        """``size``: what is said of a file that may have another."""
        wanted = self.headers.get("Range")
        if wanted and self.command == "GET":
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            end = min(int(last) if last else len(content), len(content) - 1)
            headers["Content-Range"] = f"bytes {first}-{end}/{len(content)}"
            self._say(206, content[int(first) : end + 1], headers)
        else:
            is_head = self.command == "HEAD"
            self._say(
                200, content, {**headers, "Content-Length": str(size)} if is_head else headers
            )

    def _token(self):
        return self.headers.get("Authorization", "").removeprefix("Bearer ") or None

    def _refuse(self, status, code, sentence, revision=None):
        about = {"X-Error-Code": code, "X-Error-Message": sentence}
        if revision:
            about["X-Repo-Commit"] = revision
        self._say(status, json.dumps({"error": sentence}).encode(), about)

    def _say_json(self, content):
        self._say(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def _say(self, status, content, headers=()):
        sent = b"" if self.command == "HEAD" else content
        path = unquote(urlsplit(self.path).path)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **dict(headers)}.items():
            self.send_header(name, value)
        self.end_headers()
        n_sent = 0
        try:
            for start in range(0, len(sent), _CHUNK):
                n_sent += self.wfile.write(sent[start : start + _CHUNK])
        except OSError:
            self.close_connection = True
        self.hub.seen.append(Seen(self.command, path, self._token(), self.name, n_sent))


def _etag(name, content):
    return (
        hashlib.sha256(content).hexdigest()
        if name.endswith(_LARGE)
        else hashlib.sha1(content).hexdigest()
    )
