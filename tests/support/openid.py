"""A small OpenID provider on this machine, and a visitor who signs in through it."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import threading
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwk, jwt
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

CLIENT, SECRET = "assay", "a-client-secret"
COOKIE_SECRET = "a-secret-of-these-tests-alone-and-long"
_HOUR = 3600


class Provider:
    """Signs everybody in at once, as the account that ``claims`` describe.

    ``signs``: the key of its tokens, by default the one that it publishes.
    """

    def __init__(self) -> None:
        self.key = jwk.RSAKey.generate_key(2048, {"kid": "published"})
        handler = type("Handler", (_Handler,), {"provider": self})
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}"
        self.seen: list[str] = []
        self.codes: dict[str, dict[str, str]] = {}
        self.again()
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def again(self):
        """Honest, and of the first account, as in the beginning."""
        self.claims = {"email": "ada@example.org", "email_verified": True, "name": "Ada"}
        self.signs, self.refuses = self.key, None

    def secrets(self, address, more=""):
        """What a dashboard at an address has in its secrets to use this provider."""
        return (
            f'[auth]\nredirect_uri = "{address}/oauth2callback"\n'
            f'cookie_secret = "{COOKIE_SECRET}"\n'
            f'client_id = "{CLIENT}"\nclient_secret = "{SECRET}"\n'
            f'server_metadata_url = "{self.address}/.well-known/openid-configuration"\n{more}'
        )

    def token(self, nonce):
        """An identity token, signed now."""
        now = int(time.time())
        about = {"iss": self.address, "aud": CLIENT, "sub": "1", "iat": now, "exp": now + _HOUR}
        header = {"alg": "RS256", "kid": "published"}
        return jwt.encode(header, {**about, "nonce": nonce, **self.claims}, self.signs)


@contextmanager
def provider():
    """One until the end of the block."""
    made = Provider()
    try:
        yield made
    finally:
        made.http.shutdown()
        made.http.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        at = urlsplit(self.path)
        asked = {name: values[-1] for name, values in parse_qs(at.query).items()}
        self.provider.seen.append(at.path)
        match at.path:
            case "/.well-known/openid-configuration":
                self._say_json(self._about())
            case "/jwks":
                self._say_json({"keys": [self.provider.key.as_dict(private=False)]})
            case "/authorize":
                self._authorize(asked)
            case "/logout":
                self._redirect(asked["post_logout_redirect_uri"])
            case _:
                self._say_json({"error": "not_found"}, 404)

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        asked = {name: one[-1] for name, one in parse_qs(self.rfile.read(length).decode()).items()}
        self.provider.seen.append(urlsplit(self.path).path)
        given = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        begun = self.provider.codes.pop(asked.get("code"), None)
        if self.headers.get("Authorization") != f"Basic {given}":
            self._say_json({"error": "invalid_client"}, 401)
        elif begun is None or not _proves(asked.get("code_verifier", ""), begun["code_challenge"]):
            self._say_json({"error": "invalid_grant"}, 400)
        else:
            token = self.provider.token(begun["nonce"])
            self._say_json({"access_token": "at", "token_type": "Bearer", "id_token": token})

    def _about(self):
        own = self.provider.address
        return {
            "issuer": own,
            "authorization_endpoint": f"{own}/authorize",
            "token_endpoint": f"{own}/token",
            "jwks_uri": f"{own}/jwks",
            "end_session_endpoint": f"{own}/logout",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }

    def _authorize(self, asked):
        answer = {"state": asked["state"]}
        if self.provider.refuses:
            answer |= {"error": "access_denied", "error_description": self.provider.refuses}
        else:
            code = hashlib.sha256(asked["state"].encode()).hexdigest()
            self.provider.codes[code] = asked
            answer["code"] = code
        self._redirect(f"{asked['redirect_uri']}?{urlencode(answer)}")

    def _redirect(self, address):
        self.send_response(302)
        self.send_header("Location", address)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _say_json(self, content, status=200):
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def free_port():
    """A port that nothing listens at; redirects of a provider must be known beforehand."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _proves(verifier, challenge):
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=") == challenge


@dataclass
class Guest:
    """One browser's cookies; ``origin``: the address at which it opens the dashboard."""

    origin: str
    jar: CookieJar = field(default_factory=CookieJar)

    def __post_init__(self):
        keep = urllib.request.HTTPCookieProcessor(self.jar)
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), keep)
        self.get("/_stcore/health")

    def get(self, path, sent=None, headers=()):
        """Status and body, after all redirects; ``sent``: a file to put there."""
        method = "PUT" if sent else "GET"
        asked = urllib.request.Request(self.origin + path, sent, dict(headers), method=method)
        try:
            with self._opener.open(asked, timeout=30) as answer:
                return answer.status, answer.read()
        except HTTPError as error:
            return error.code, error.read()

    @contextmanager
    def tab(self, page="", query=""):
        """An open page with the cookies of now."""
        cookies = {one.name: one.value for one in self.jar}
        with connect(
            self.origin.replace("http", "ws") + "/_stcore/stream",
            subprotocols=["streamlit", cookies.get("_streamlit_xsrf", "none")],
            additional_headers={"Cookie": "; ".join(f"{k}={v}" for k, v in cookies.items())},
            origin=self.origin,
            max_size=None,
        ) as socket:
            yield OpenPage(socket, self.origin, page, query)

    def shown(self, page="", query=""):
        """What a page shows, as one text."""
        with self.tab(page, query) as opened:
            return opened.again().text

    def sign_in(self, button="Sign in"):
        """Press the button and follow where it leads, to the provider and back."""
        with self.tab() as opened:
            return self.get(opened.again().press(button).redirect)

    def sign_out(self):
        with self.tab("audits") as opened:
            return self.get(opened.again().press("Sign out").redirect)


class OpenPage:
    """A tab; ``text``: what its last run showed; ``redirect``: where that led; ``export``: the
    first table's, to be made."""

    def __init__(self, socket, origin, page, query):
        self._socket, self._origin, self._page, self._query = socket, origin, page, query
        self.text, self.redirect, self.export = "", "", ""
        self._session, self._buttons = "", {}

    def again(self, pressed=None):
        """Run the page, as a press of a button or a reload of its parts does."""
        message = BackMsg()
        message.rerun_script.page_name = self._page
        message.rerun_script.query_string = self._query
        message.rerun_script.context_info.url = f"{self._origin}/{self._page}"
        if pressed:
            message.rerun_script.widget_states.widgets.add(id=pressed, trigger_value=True)
        self._socket.send(message.SerializeToString())
        return self._read()

    def press(self, label):
        return self.again(self._buttons[label])

    def shows(self, words):
        """Wait for a run that nobody here asked for and that shows these words."""
        while words not in self.text:
            self._read()
        return self

    def upload(self, guest):
        """The status of sending a file to this page's address for uploads."""
        self.again()
        path = f"/_stcore/upload_file/{self._session}/a-file"
        (token,) = [one.value for one in guest.jar if one.name == "_streamlit_xsrf"]
        border = "border"
        part = 'Content-Disposition: form-data; name="file"; filename="a.csv"'
        body = f"--{border}\r\n{part}\r\n\r\ntext\r\n--{border}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={border}", "X-Xsrftoken": token}
        return guest.get(path, body, kind)[0]

    def exported(self):
        """The address of a table's export, made as a click would make it."""
        message = BackMsg()
        message.backend_operation_request.request_id = "1"
        message.backend_operation_request.session_id = self._session
        message.backend_operation_request.deferred_file.file_id = self.export
        self._socket.send(message.SerializeToString())
        while True:
            forward = ForwardMsg()
            forward.ParseFromString(self._socket.recv(timeout=30))
            if forward.HasField("backend_operation_response"):
                return forward.backend_operation_response.deferred_file.url

    def _read(self):
        seen, self.redirect = [], ""
        while True:
            forward = ForwardMsg()
            forward.ParseFromString(self._socket.recv(timeout=30))
            if forward.HasField("new_session"):
                self._session = forward.new_session.initialize.session_id
            if forward.HasField("auth_redirect"):
                self.redirect = forward.auth_redirect.url
            if forward.HasField("delta"):
                seen.append(forward.delta)
            if forward.WhichOneof("type") == "script_finished":
                break
        self.text = "\n".join(map(str, seen))
        found = [one.new_element.button for one in seen if one.new_element.HasField("button")]
        self._buttons = {button.label: button.id for button in found}
        files = [one.new_element.download_button.deferred_file_id for one in seen]
        self.export = next(filter(None, files), "")
        return self
