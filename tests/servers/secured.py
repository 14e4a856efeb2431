"""An API behind OAuth 2, OpenID Connect discovery and digest, by libraries that others wrote: Authlib, Flask-HTTPAuth.

It issues real tokens and refuses what they would refuse; the log shows what arrived.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Self

os.environ.setdefault("AUTHLIB_INSECURE_TRANSPORT", "1")  # loopback without TLS; read when Authlib is imported

from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector
from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin, grants
from authlib.oauth2.rfc6750 import BearerTokenValidator
from flask import Flask, Response, jsonify, request
from flask_httpauth import HTTPDigestAuth
from werkzeug.serving import make_server

CLIENT = ("the-client", "s3cret of the client")
USER = ("ann", "correct horse battery")


class Client(ClientMixin):  # type: ignore[misc]  # the library is not typed
    """The one client that is known."""

    def get_client_id(self) -> str:
        return CLIENT[0]

    def get_default_redirect_uri(self) -> str:
        return ""

    def get_allowed_scope(self, scope: str) -> str:
        return " ".join(word for word in (scope or "").split() if word in ("read", "write"))

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == CLIENT[1]

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in ("client_credentials", "password")


@dataclass
class IssuedToken(TokenMixin):  # type: ignore[misc]  # the library is not typed
    """A token that was issued."""

    access_token: str
    scope: str
    expires_at: float
    revoked: bool = False

    def check_client(self, client: Any) -> bool:
        return True

    def get_scope(self) -> str:
        return self.scope

    def get_expires_in(self) -> int:
        return int(self.expires_at - time.time())

    def is_expired(self) -> bool:
        return time.time() > self.expires_at

    def is_revoked(self) -> bool:
        return self.revoked


class Password(grants.ResourceOwnerPasswordCredentialsGrant):  # type: ignore[misc]  # the library is not typed
    """RFC 6749, section 4.3, for the one user."""

    def authenticate_user(self, username: str, password: str) -> str | None:
        return username if (username, password) == USER else None


@dataclass
class SecuredApi:
    """The server, on loopback, as a context manager.

    Attributes:
        lifetime: of tokens, in seconds.
        busy: how many orders are refused as too many, before the first is taken.
        log: method and path of what arrived, in order.
        changes: what asked for a change, in order: method, path, the body, the status of the answer and its body.
        tokens: what was issued.
    """

    lifetime: int = 3600
    busy: int = 0
    log: list[str] = field(default_factory=list)
    changes: list[tuple[str, str, bytes, int, bytes]] = field(default_factory=list)
    tokens: dict[str, IssuedToken] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._server = make_server("127.0.0.1", 0, self._application(), threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self._server.port}"

    def revoke(self) -> None:
        """Refuse every token issued so far."""
        for token in self.tokens.values():
            token.revoked = True

    def _application(self) -> Flask:
        app = Flask(__name__)
        app.secret_key = "of the tests"
        app.config["OAUTH2_TOKEN_EXPIRES_IN"] = {"client_credentials": self.lifetime, "password": self.lifetime}
        client = Client()

        def save_token(token: dict[str, Any], _request: Any) -> None:
            expires = time.time() + token["expires_in"]
            self.tokens[token["access_token"]] = IssuedToken(token["access_token"], token.get("scope", ""), expires)

        def query_client(client_id: str) -> Client | None:
            return client if client_id == CLIENT[0] else None

        server = AuthorizationServer(app, query_client=query_client, save_token=save_token)
        server.register_grant(grants.ClientCredentialsGrant)
        server.register_grant(Password)
        tokens = self.tokens

        class Validator(BearerTokenValidator):  # type: ignore[misc]  # the library is not typed
            def authenticate_token(self, token_string: str) -> IssuedToken | None:
                return tokens.get(token_string)

        protect = ResourceProtector()
        protect.register_token_validator(Validator())
        digest = HTTPDigestAuth(algorithm="MD5", qop="auth")
        digest.get_password(lambda name: USER[1] if name == USER[0] else None)
        # The library keeps its nonces in a cookie's session; a client without cookies needs them kept here.
        digest.generate_nonce(lambda: "0a4f113b")
        digest.verify_nonce(lambda nonce: nonce == "0a4f113b")
        digest.generate_opaque(lambda: "5ccc069c")
        digest.verify_opaque(lambda opaque: opaque == "5ccc069c")

        @app.before_request
        def log() -> None:
            self.log.append(f"{request.method} {request.path}")

        @app.post("/token")
        def token() -> Response:
            response: Response = server.create_token_response()
            return response

        @app.get("/.well-known/openid-configuration")
        def configuration() -> Response:
            return jsonify(issuer=self.url, token_endpoint=f"{self.url}/token")

        @app.after_request
        def keep(response: Response) -> Response:
            if request.method != "GET" and request.path != "/token":
                change = (request.method, request.path, request.get_data(), response.status_code, response.get_data())
                self.changes.append(change)
            return response

        @app.post("/orders")
        @protect("read")
        def order() -> tuple[Response, int]:
            seen = len(self.changes)
            return (jsonify(error="busy"), 503) if seen < self.busy else (jsonify(id=f"order-{seen}"), 201)

        @app.post("/orders/<name>/shipments")
        @protect("read")
        def ship(name: str) -> tuple[Response, int]:
            return jsonify(shipped=name), 201

        @app.get("/items")
        @protect("read")
        def items() -> Response:
            return jsonify(items=[1])

        @app.get("/digest")
        @digest.login_required
        def guarded() -> Response:
            return jsonify(user=digest.current_user())

        return app
