"""Checks of every request: the host, the method, the secret."""

from __future__ import annotations

import hmac
from http import HTTPStatus
from urllib.parse import urlencode

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assay.core.runtime.access_token import cookie
from assay.pages.server.accounts import is_signed_in

_PARAMETER = "token"
# Data files are uploaded to one address, which accepts them only from open sessions (Streamlit's
# own check, with its size limit); no other method is needed.
_METHODS = ("GET", "HEAD")
_UPLOADS, _UPLOADING = "/_stcore/upload_file/", ("PUT", "DELETE")
_HEADERS = {
    # No other page may frame this one, and text that wrongly became HTML can neither load nor send
    # anything.
    "Content-Security-Policy": "frame-ancestors 'none'; base-uri 'self'; object-src 'none'; "
    "form-action 'self'; img-src 'self' data: blob:; connect-src 'self' data: blob:",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """ASGI middleware.

    With a ``token``, every visitor must first open an address that contains it; after that, a
    cookie replaces it.
    """

    def __init__(self, app: ASGIApp, token: str | None, takes_uploads: bool = False) -> None:
        self._app, self._token, self._takes_uploads = app, token, takes_uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, with_headers)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refusal(scope, receive, with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        connection = HTTPConnection(scope)
        if scope["type"] == "http" and not self._is_allowed(scope["method"], scope["path"]):
            return PlainTextResponse(
                "This server only serves pages.", HTTPStatus.METHOD_NOT_ALLOWED
            )
        return self._without_token(connection, scope) or self._not_signed_in(connection, scope)

    def _not_signed_in(self, connection: HTTPConnection, scope: Scope) -> Response | None:
        """Streamlit takes files from every open page, that on which one signs in among them."""
        if scope["type"] != "http" or scope["method"] in _METHODS:
            return None
        if is_signed_in(connection.cookies):
            return None
        return PlainTextResponse("Sign in first.", HTTPStatus.UNAUTHORIZED)

    def _without_token(self, connection: HTTPConnection, scope: Scope) -> Response | None:
        if self._token is None:
            return None
        server = scope.get("server") or ("", 0)
        name, expected = cookie(self._token, server[1] or 0)
        if hmac.compare_digest(connection.cookies.get(name, "").encode(), expected.encode()):
            return None
        given = connection.query_params.get(_PARAMETER, "")
        if scope["type"] == "http" and hmac.compare_digest(given.encode(), self._token.encode()):
            return _admitted(connection, name, expected)
        return PlainTextResponse(
            "This dashboard requires a token: open the address that `assay dashboard` printed.",
            HTTPStatus.UNAUTHORIZED,
        )

    def _is_allowed(self, method: str, path: str) -> bool:
        if method in _METHODS:
            return True
        return self._takes_uploads and method in _UPLOADING and path.startswith(_UPLOADS)


def _admitted(connection: HTTPConnection, name: str, value: str) -> Response:
    """Redirects to the same page, without the secret in its address."""
    others = [one for one in connection.query_params.multi_items() if one[0] != _PARAMETER]
    address = "/" + connection.url.path.lstrip("/") + (f"?{urlencode(others)}" if others else "")
    answer = RedirectResponse(address, HTTPStatus.SEE_OTHER)
    answer.set_cookie(name, value, httponly=True, samesite="lax")
    return answer
