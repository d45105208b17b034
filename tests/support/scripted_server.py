"""An HTTP server that speaks the dialect of OpenAI's, with the faults it is told to have."""

from __future__ import annotations

import json
import random
import sqlite3
import threading
import time
import zlib
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from assay.cache.store import Store
from assay.core.decompress.backends.base import Scoring, Traits

HONEST = Traits(True, True, True, True, True, True, Scoring.ECHO, True)
TEA = {"error": {"message": "out of cups of tea", "type": "server_error"}}


def decompress(assay, address, *more):
    """A run as small as one can be; ``more`` options win over these."""
    small = ("--samples", 6, "--expansion", 3, "--depth", 1, "--examples", 1)
    fixed = ("--prompting", "lines", "--precision", "fp32", "--json")
    return assay("decompress", "--model", address, *small, *fixed, *more)


def kept():
    """Journalled texts, and sealed files, of the default store."""
    store, texts = Store.default(), []
    for path in store.journals.glob("*.sqlite"):
        with closing(sqlite3.connect(path)) as journal:
            texts += [text for (text,) in journal.execute("SELECT text FROM calls")]
    return texts, list(store.decompressions.glob("*.duckdb"))


class Scripted:
    """A real HTTP server that speaks the dialect, with the faults it is told to have."""

    def __init__(self, **faults):
        self.faults, self.requests, self.n_refusals, self.said = faults, [], 0, {}
        self.seen = []  # path and headers of every request
        self.is_over = threading.Event()
        self.lock, self.n_in_flight, self.most_in_flight = threading.Lock(), 0, 0
        handler = type("Handler", (_Handler,), {"script": self})
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def close(self):
        self.is_over.set()
        self.http.shutdown()
        self.http.server_close()

    def has(self, fault):
        return self.faults.get(fault, 0)

    def fault_of(self, path, body):
        """The (status, content, headers) that a fault answers a question with; None without one.

        ``answers`` is such a triple for every question, of those in ``asked_for`` where given;
        ``fails`` is (how many in a row, of how many, triple).
        """
        prompt = json.dumps([body.get("prompt"), body.get("messages")])
        if self.has("answers") and self.has("asked_for") in (0, *_kinds(prompt)):
            return self.faults["answers"]
        if self.has("fails") and _kinds(prompt):
            n_failing, of, triple = self.faults["fails"]
            # By the question and not by the turn: asked again, the same one fails again.
            if zlib.crc32(f"{prompt} {body.get('seed')}".encode()) % of < n_failing:
                return triple
        refused = [name for name in self.faults.get("refuses", ()) if name in body]
        if refused:
            return 400, self.faults["refuses"][refused[0]], {}
        return None

    def choice(self, body, index, path):
        is_greedy = body.get("top_k") == 1 and not self.has("drops_top_k")
        drawn = body["seed"] + index if "seed" in body else random.randrange(10**6)
        seed = 0 if self.has("drops_seed") or is_greedy else drawn
        text = f" word{seed}, thing{seed % 3}"
        if self.has("repeats"):  # as ScalarLM: what was answered to these words before
            words = json.dumps([body.get("prompt"), body.get("messages")])
            if self.has("repeats") == "last words":
                words = words[-20:]
            text = self.said.setdefault(words, f" word{len(self.said)}, thing")
        if "response_format" in body and not self.has("drops_schema"):
            text = '{"code": "qx-71-vrrn"}'
        tokens = text.split(" ")[1:]
        logprobs = None
        if body.get("logprobs") and not self.has("drops_logprobs"):
            logprobs = {"tokens": tokens, "token_logprobs": [-0.5] * len(tokens)}
            if body.get("echo"):
                prompt = body["prompt"]
                pieces = [prompt[at : at + 3] for at in range(0, len(prompt), 3)]
                logprobs["tokens"] = [*pieces, " more"]
                logprobs["token_logprobs"] = [None, *[-0.25] * (len(pieces) - 1), -9.0]
        said = {"message": {"content": text}} if "chat" in path else {"text": text}
        return {"index": index, "finish_reason": "stop", "logprobs": logprobs, **said}


def refusing(*names, is_named=True):
    """The fault ``refuses`` of a server that knows no such parameters, and says which, or not."""
    said = "Unsupported parameter: '{}' is not supported with this model." if is_named else "no"
    return {name: {"error": {"message": said.format(name)}} for name in names}


def _kinds(prompt):
    """What a question of a run is about; nothing where it is a probe."""
    found = {"lists": "Subtopics:" in prompt or "List " in prompt, "examples": "Task:" in prompt}
    return [kind for kind, is_one in found.items() if is_one][-1:]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        script = self.script
        script.seen.append((self.path, dict(self.headers)))
        if script.has("models"):
            return self.reply(*script.faults["models"])
        if "base" in script.faults and not self.path.startswith(script.faults["base"] + "/models"):
            return self.reply(404, {"error": "no such path"})
        return self.reply(200, {"data": [{"id": "scripted", "created": time.time()}]})

    def do_POST(self):
        script = self.script
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        script.seen.append((self.path, dict(self.headers)))
        with script.lock:
            script.requests.append((self.path, body, time.monotonic()))
            script.n_in_flight += 1
            script.most_in_flight = max(script.most_in_flight, script.n_in_flight)
            is_refused = script.n_refusals < script.has("refusals")
            script.n_refusals += is_refused
        try:
            time.sleep(script.has("delay_s"))
            if is_refused and script.has("hangs_s"):
                time.sleep(script.has("hangs_s"))
            elif is_refused:
                return self.reply(429, {"error": "busy"}, {"Retry-After": "1"})
            elif "base" in script.faults and not self.path.startswith(script.faults["base"] + "/c"):
                return self.reply(404, {"error": "no such path"})
            elif fault := script.fault_of(self.path, body):
                return self.reply(*fault)
            elif script.has("streams"):
                return self.stream(script.faults["streams"])
            elif script.has("status"):
                return self.reply(script.has("status"), {"error": "no"})
            elif script.has("no_completions") and not self.path.endswith("chat/completions"):
                return self.reply(404, {"error": "no such path"})
            n = 1 if script.has("drops_n") else body.get("n", 1)
            choices = [script.choice(body, index, self.path) for index in range(n)]
            usage = {"prompt_tokens": 7, "completion_tokens": 5 * n}
            said = {} if script.has("drops_usage") else {"usage": usage}
            return self.reply(200, {"choices": choices, **said})
        finally:
            with script.lock:
                script.n_in_flight -= 1

    def reply(self, status, content, headers=()):
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(data)
        except BrokenPipeError:
            self.close_connection = True

    def stream(self, kind):
        """A reply without end: "bytes" as fast as they are read, or one at a time in the "body" or
        in the "headers"."""
        self.close_connection = True
        try:
            if kind == "headers":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            else:
                self.send_response(200)
                self.end_headers()
            while not self.script.is_over.is_set():
                self.wfile.write(b"[" * (2**16 if kind == "bytes" else 1))
                if kind != "bytes":
                    time.sleep(0.05)
        except OSError:
            pass
