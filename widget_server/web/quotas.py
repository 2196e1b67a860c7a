"""Token buckets in memory: how much one visitor, or one partner's server, may still ask for.

An address is never kept: a bucket is known by a keyed hash of it, and the key lives as long as the process.
"""

import hashlib
import ipaddress
import secrets
from collections import OrderedDict
from collections.abc import Callable
from math import ceil
from typing import Final

MOST: Final = 100_000
"""Buckets kept at once, some 20 MB; the one that was used longest ago makes room."""


class Quotas:
    """Buckets of calls. Each holds the calls of one minute, and fills at the same pace."""

    def __init__(self, *, clock_s: Callable[[], float], most: int = MOST) -> None:
        self._clock_s = clock_s
        self._most = most
        self._salt = secrets.token_bytes(16)
        self._buckets: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def take(self, *who: str, per_minute: int) -> int:
        """Take one call of a minute's worth. 0 when there was one, else the whole seconds until there is."""
        name = hashlib.blake2b("\0".join(who).encode(), key=self._salt, digest_size=16).digest()
        now_s = self._clock_s()
        left, then_s = self._buckets.pop(name, (float(per_minute), now_s))
        left = min(float(per_minute), left + (now_s - then_s) * per_minute / 60)
        granted = left >= 1
        self._buckets[name] = (left - 1 if granted else left, now_s)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return 0 if granted else max(1, ceil((1 - left) * 60 / per_minute))

    def __len__(self) -> int:
        return len(self._buckets)


def network(address: str) -> str | None:
    """Who counts as one visitor: an IPv4 address, or a /64 of IPv6, of which one household has millions.

    None for this machine itself: the operator, or a proxy that does not say for whom it asks (X-Forwarded-For);
    limiting that one would limit everybody together.
    """
    if address == "127.0.0.1":
        return None
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address or None
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is None:
            return None if parsed.is_loopback else str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))
        parsed = parsed.ipv4_mapped
    return None if parsed.is_loopback else str(parsed)
