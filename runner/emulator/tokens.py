"""Every secret of one start: bearer tokens, blob signatures, the admin token, and their checks."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from typing import Any, cast

TOKEN_SECONDS = 24 * 3600
_HEADER = {"alg": "HS256", "typ": "JWT"}


class Tokens:
    """Issues and checks; everything is drawn anew at each start, so nothing outlives the process."""

    def __init__(self, tenant: str) -> None:
        self._tenant = tenant
        self._key = secrets.token_bytes(32)
        self.identity_header = secrets.token_urlsafe(32)
        self.admin = secrets.token_urlsafe(32)

    def issue(self, audience: str) -> tuple[str, int]:
        """Return a JWT for `audience` and the second at which it expires."""
        expires = int(time.time()) + TOKEN_SECONDS
        claims = {
            "aud": audience,
            "iss": "https://emulator.localhost/",
            "tid": self._tenant,
            "oid": "00000000-0000-4000-8000-0000000000e1",
            "name": "emulator",
            "exp": expires,
        }
        signed = f"{_encode(_HEADER)}.{_encode(claims)}"
        return f"{signed}.{_base64(self._mac(signed))}", expires

    def claims(self, token: str) -> dict[str, Any] | None:
        """Return the claims of a token that was issued here and has not expired, else None."""
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(_base64(self._mac(signed)).encode(), signature.encode()):
            return None
        claims = cast("dict[str, Any]", json.loads(_decode(signed.partition(".")[2])))
        return claims if claims["exp"] > time.time() else None

    def sign(self, *parts: str) -> str:
        """Return the signature that gives access to what `parts` name; a client sends it as `sig`."""
        return hmac.new(self._key, "\0".join(parts).encode(), hashlib.sha256).hexdigest()

    def signed(self, signature: str, *parts: str) -> bool:
        """Say whether `signature` was made by `sign` for the same parts."""
        return same(signature, self.sign(*parts))

    def _mac(self, text: str) -> bytes:
        return hmac.new(self._key, text.encode(), hashlib.sha256).digest()


def same(left: str, right: str) -> bool:
    """Compare two secrets in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _encode(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value).encode())


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
