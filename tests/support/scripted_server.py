"""An HTTP server that speaks the dialect of OpenAI's, with the faults it is told to have."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Scripted:
    """A real HTTP server that speaks the dialect, with the faults it is told to have."""

    def __init__(self, **faults):
        self.faults, self.requests, self.n_refusals, self.said = faults, [], 0, {}
        self.lock, self.n_in_flight, self.most_in_flight = threading.Lock(), 0, 0
        handler = type("Handler", (_Handler,), {"script": self})
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def has(self, fault):
        return self.faults.get(fault, 0)

    def choice(self, body, index, path):
        is_greedy = body.get("top_k") == 1 and not self.has("drops_top_k")
        seed = 0 if self.has("drops_seed") or is_greedy else body["seed"] + index
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


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.reply(200, {"data": [{"id": "scripted", "created": time.time()}]})

    def do_POST(self):
        script = self.script
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
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
            elif script.has("status"):
                return self.reply(script.has("status"), {"error": "no"})
            elif script.has("no_completions") and not self.path.endswith("chat/completions"):
                return self.reply(404, {"error": "no such path"})
            n = 1 if script.has("drops_n") else body.get("n", 1)
            choices = [script.choice(body, index, self.path) for index in range(n)]
            usage = {"prompt_tokens": 7, "completion_tokens": 5 * n}
            return self.reply(200, {"choices": choices, "usage": usage})
        finally:
            with script.lock:
                script.n_in_flight -= 1

    def reply(self, status, content, headers=()):
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(data)
        except BrokenPipeError:
            self.close_connection = True
