"""A real OpenID Connect provider on this computer: discovery, its own keys, codes and RS256 tokens over HTTP.

It is `oidc-provider-mock`, made stricter (it insists on PKCE) and, where a test wants that, made to lie.
"""

import base64
import hashlib
import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import flask
import httpx
import oidc_provider_mock
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from werkzeug.serving import BaseWSGIServer, make_server

Claims = dict[str, Any]


@dataclass
class Provider:
    """A running provider, and what it does wrong."""

    issuer: str = ""
    client_id: str = ""
    client_secret: str = ""
    lie: Callable[[Claims], object] | None = None
    """Changes the claims of every token before it is signed."""
    sign: Callable[[Claims, RSAKey], str] | None = None
    """Signs tokens instead of the provider's key with RS256."""
    is_away: bool = False
    """Whether it answers everything with an error of its own."""
    claims_issuer: str = ""
    """What it calls itself in its discovery, where that is not its address."""
    filler: bytes = b""
    """What it answers with its keys instead of them."""
    asked: list[str] = field(default_factory=list)
    """The paths of every request."""
    _challenges: dict[str, str] = field(default_factory=dict)

    def knows(self, subject: str, **claims: object) -> None:
        """Let the provider know a person."""
        httpx.put(f"{self.issuer}/users/{subject}", json=claims).raise_for_status()

    def consent(self, address: str, subject: str) -> str:
        """Sign in at the provider as a person who was sent to `address`; returns where it sends them back."""
        answer = httpx.post(address, data={"sub": subject}, follow_redirects=False)
        assert answer.status_code == 302, answer.text
        return str(answer.headers["location"])

    def deny(self, address: str) -> str:
        """Refuse at the provider; returns where it sends the person back."""
        answer = httpx.post(address, data={"action": "deny"}, follow_redirects=False)
        return str(answer.headers["location"])

    def _before(self) -> flask.Response | None:
        self.asked.append(flask.request.path)
        if self.is_away:
            return flask.Response("away", status=503)
        if flask.request.path == "/oauth2/token":
            verifier = flask.request.form.get("code_verifier", "")
            digest = hashlib.sha256(verifier.encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
            if self._challenges.get(flask.request.form.get("code", "")) != challenge:
                return flask.Response('{"error": "invalid_grant"}', status=400, content_type="application/json")
        return None

    def _after(self, response: flask.Response) -> flask.Response:
        if flask.request.path == "/oauth2/authorize" and response.status_code == 302:
            query = parse_qs(urlsplit(response.headers["location"]).query)
            if "code" in query:
                assert flask.request.args["code_challenge_method"] == "S256"
                self._challenges[query["code"][0]] = flask.request.args["code_challenge"]
        if flask.request.path == "/oauth2/token" and response.status_code == 200:
            response.set_data(flask.json.dumps(self._lied(response.get_json())))
        if self.filler and flask.request.path == "/jwks":
            response.set_data(self.filler)
        if self.claims_issuer and flask.request.path.endswith("openid-configuration"):
            response.set_data(flask.json.dumps({**response.get_json(), "issuer": self.claims_issuer}))
        return response

    def _lied(self, token: Claims) -> Claims:
        if self.lie is None and self.sign is None:
            return token
        own = RSAKey.import_key(flask.g.oidc_provider_mock_storage.jwk.as_dict(is_private=True))
        claims = dict(jwt.decode(token["id_token"], own, algorithms=["RS256"]).claims)
        if self.lie is not None:
            self.lie(claims)
        sign = self.sign or (lambda content, key: jwt.encode({"alg": "RS256", "kid": key.kid}, content, key))
        return {**token, "id_token": sign(claims, own)}


@contextmanager
def running_provider() -> Iterator[Provider]:
    """Run a provider on a free port of this computer for the time of the block."""
    provider = Provider()
    app = oidc_provider_mock.app(require_nonce=True, require_client_registration=True)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app.before_request(provider._before)
    app.after_request(provider._after)
    server: BaseWSGIServer = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    client = {
        "redirect_uris": ["http://mes.test/sign-in/callback"],
        "token_endpoint_auth_method": "client_secret_basic",
    }
    answer = httpx.post(f"{provider.issuer}/oauth2/clients", json=client)
    answer.raise_for_status()
    provider.client_id, provider.client_secret = answer.json()["client_id"], answer.json()["client_secret"]
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


def unsigned(claims: Claims, _: RSAKey) -> str:
    """Return a token that nobody signed (`alg: none`)."""
    parts = [
        base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b'{"alg":"none"}', json.dumps(claims).encode())
    ]
    return f"{parts[0]}.{parts[1]}."


def signed_by_another(claims: Claims, _: RSAKey) -> str:
    """Return a token that somebody else signed."""
    return jwt.encode({"alg": "RS256"}, claims, RSAKey.generate_key(2048))


def signed_with_its_public_key(claims: Claims, own: RSAKey) -> str:
    """Return a token that is signed with the provider's public key as if that were a shared secret."""
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(json.dumps(own.as_dict(private=False))))
