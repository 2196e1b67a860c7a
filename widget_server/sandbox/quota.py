"""Quotas as gateways count them: a bucket that holds a burst and fills again at a steady rate."""

import math
from collections.abc import Callable


class Quota:
    """One bucket per caller; a rate of 0 means no quota."""

    def __init__(self, *, burst: float, per_s: float, clock: Callable[[], float]) -> None:
        self._burst = burst
        self._per_s = per_s
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, caller: str) -> tuple[int, int]:
        """(calls left, 0) when this one is granted, else (0, whole seconds to wait)."""
        if not self._per_s:
            return int(self._burst), 0
        now = self._clock()
        left, since = self._left.get(caller, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._per_s)
        if left < 1:
            self._left[caller] = (left, now)
            return 0, max(1, math.ceil((1 - left) / self._per_s))
        self._left[caller] = (left - 1, now)
        return int(left - 1), 0
