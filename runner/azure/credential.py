"""A credential that can be told to fetch new tokens: those it has given out may end before they say so.

azure-identity and each of the SDK's clients keep a token until the time it carries; a service that refuses it
earlier (a revocation, a clock that is off) would be shown the same one again.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import RLock
from typing import Any

from azure.core.credentials import AccessToken, AccessTokenInfo, TokenCredential, TokenRequestOptions

from runner.redact import register

# A token is not handed out in its last minutes; azure-core's clients ask anew as early.
_LAST_SECONDS = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """What a token was asked for with: two requests that are equal here share a token."""

    scopes: tuple[str, ...]
    tenant_id: str | None
    claims: str | None
    enable_cae: bool


class RenewableCredential:
    """Hands out the tokens of a credential, one for each scope, and remembers which it gave.

    `make` gives a credential with no token of its own in memory; it is called again for each renewal. All of
    it may be called from several threads at once.
    """

    def __init__(self, make: Callable[[], TokenCredential]) -> None:
        self._make = make
        self._inner = make()
        self._held: dict[_Asked, AccessTokenInfo] = {}
        self._given: dict[str, _Asked] = {}
        self._lock = RLock()

    @classmethod
    def around(cls, credential: TokenCredential) -> "RenewableCredential":
        """Wrap a credential; of one that keeps tokens itself a renewal may bring the old one again."""
        return credential if isinstance(credential, cls) else cls(lambda: credential)

    def get_token(
        self,
        *scopes: str,
        claims: str | None = None,
        tenant_id: str | None = None,
        enable_cae: bool = False,
        **_: Any,  # noqa: ANN401 - as azure-core has it
    ) -> AccessToken:
        """Give a token as azure-core's older clients ask for it."""
        asked = _Asked(scopes=scopes, tenant_id=tenant_id, claims=claims, enable_cae=enable_cae)
        token = self._token(asked)
        return AccessToken(token.token, token.expires_on)

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        """Give a token as azure-core's clients ask for it."""
        given = options or {}
        return self._token(
            _Asked(
                scopes=scopes,
                tenant_id=given.get("tenant_id"),
                claims=given.get("claims"),
                enable_cae=given.get("enable_cae", False),
            )
        )

    def current(self, token: str) -> str:
        """Give the token that took the place of one that was given out; any other comes back as it is."""
        with self._lock:
            asked = self._given.get(token)
            held = self._held.get(asked) if asked else None
            return held.token if held else token

    def renewed(self, refused: str) -> str | None:
        """Fetch a new token in place of one that was refused; None if it was not given out here.

        Two threads that were refused the same token fetch one new token between them.
        """
        with self._lock:
            asked = self._given.get(refused)
            if asked is None:
                return None
            held = self._held.get(asked)
            if held and held.token != refused:
                return held.token
            self._inner = self._make()
            return self._fetched(asked).token

    def _token(self, asked: _Asked) -> AccessTokenInfo:
        with self._lock:
            held = self._held.get(asked)
            # Claims are a service's word that the token it was shown will not do.
            if held and not asked.claims and held.expires_on - time.time() > _LAST_SECONDS:
                return held
            return self._fetched(asked)

    def _fetched(self, asked: _Asked) -> AccessTokenInfo:
        token = self._of_the_inner(asked)
        self._held[asked] = token
        self._given[register(token.token)] = asked
        return token

    def _of_the_inner(self, asked: _Asked) -> AccessTokenInfo:
        options: TokenRequestOptions = {"enable_cae": asked.enable_cae}
        if asked.claims:
            options["claims"] = asked.claims
        if asked.tenant_id:
            options["tenant_id"] = asked.tenant_id
        get_token_info = getattr(self._inner, "get_token_info", None)
        if get_token_info:
            token: AccessTokenInfo = get_token_info(*asked.scopes, options=options)
            return token
        older = self._inner.get_token(*asked.scopes, **options)
        return AccessTokenInfo(older.token, older.expires_on)
