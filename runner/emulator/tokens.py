"""Every secret of one start: bearer tokens, blob signatures, the admin token, and their checks."""

import base64
import hashlib
import hmac
import json
import secrets
from datetime import UTC, datetime
from typing import Any, cast

from runner.emulator.clock import Clock
from runner.emulator.errors import ArmError

TOKEN_SECONDS = 24 * 3600
_HEADER = {"alg": "HS256", "typ": "JWT"}


class Tokens:
    """Issues and checks; everything is drawn anew at each start, so nothing outlives the process."""

    def __init__(self, tenant: str, clock: Clock) -> None:
        self._tenant = tenant
        self._clock = clock
        self._generation = 0
        self._key = secrets.token_bytes(32)
        self.identity_header = secrets.token_urlsafe(32)
        self.admin = secrets.token_urlsafe(32)

    def issue(self, audience: str) -> tuple[str, int]:
        """Return a JWT for `audience` and the second at which it expires."""
        expires = int(self._clock.time()) + TOKEN_SECONDS
        claims = {
            "aud": audience,
            "iss": "https://emulator.localhost/",
            "tid": self._tenant,
            "oid": "00000000-0000-4000-8000-0000000000e1",
            "name": "emulator",
            "exp": expires,
            "generation": self._generation,
        }
        signed = f"{_encode(_HEADER)}.{_encode(claims)}"
        return f"{signed}.{_base64(self._mac(signed))}", expires

    def claims(self, token: str) -> dict[str, Any] | None:
        """Return the claims of a token that was issued here and has not expired, else None."""
        claims = self._read(token)
        return claims if claims and not self._has_expired(claims) else None

    def expired(self, token: str) -> ArmError | None:
        """Return the 401 that Azure answers to a token of ours that was good once; None if it never was."""
        claims = self._read(token)
        if claims is None or not self._has_expired(claims):
            return None
        return _expired(claims["exp"], self._clock.time(), self._tenant)

    def expire_all(self) -> None:
        """Let every token issued until now have expired."""
        self._generation += 1

    def _has_expired(self, claims: dict[str, Any]) -> bool:
        return bool(claims["exp"] <= self._clock.time() or claims["generation"] < self._generation)

    def _read(self, token: str) -> dict[str, Any] | None:
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(_base64(self._mac(signed)).encode(), signature.encode()):
            return None
        return cast("dict[str, Any]", json.loads(_decode(signed.partition(".")[2])))

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


def _expired(expiry: float, now: float, tenant: str) -> ArmError:
    """Write ARM's 401 of a token that is too old: its code, its sentence and its challenge."""
    then, at = (
        f"{datetime.fromtimestamp(moment, UTC):%m/%d/%Y %I:%M:%S %p}" for moment in (min(expiry, now), now)
    )
    message = f"The access token expiry UTC time '{then}' is earlier than current UTC time '{at}'."
    error = ArmError(401, "ExpiredAuthenticationToken", message)
    home = f'authorization_uri="https://login.windows.net/{tenant}"'
    error.headers["WWW-Authenticate"] = f'Bearer {home}, error="invalid_token", error_description="{message}"'
    return error


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _encode(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value).encode())


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
