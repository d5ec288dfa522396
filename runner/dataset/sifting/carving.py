"""Which training rows are set aside to validate or to test with: each by itself, by its opening prompt."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b

_BYTES = 8
_ALL = 2 ** (8 * _BYTES)


@dataclass(frozen=True, slots=True)
class Carving:
    """Lays each prompt somewhere between 0 and 1, by the seed; a role has all that lie below its bound.

    Where a prompt lies hangs on nothing else: neither other rows nor their order move it, and the rows that
    open alike stay together. So a share is met about, not exactly.
    """

    seed: int
    rest: str
    bounds: tuple[tuple[int, str], ...] = ()

    @classmethod
    def of(cls, rest: str, shares: Mapping[str, Decimal], seed: int) -> "Carving":
        """Carve shares, in percent, for each role; what is left is for `rest`."""
        bounds, below = [], Decimal(0)
        for role, percent in shares.items():
            below += percent
            bounds.append((int(below * _ALL / 100), role))
        return cls(seed, rest, tuple(bounds))

    def role(self, prompt: bytes) -> str:
        """Give the role that the rows with this prompt's digest are for."""
        if not self.bounds:
            return self.rest
        place = blake2b(prompt, digest_size=_BYTES, key=str(self.seed).encode()).digest()
        at = int.from_bytes(place, "big")
        return next((role for bound, role in self.bounds if at < bound), self.rest)
