"""What was made last, kept for who asks next: shared by threads, made once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any
from weakref import ref


class Kept[K: Hashable, V]:
    """The ``size`` values used last, by key. Thread-safe: who comes while one is made waits for it."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[K, Future[V]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K, make: Callable[[], V]) -> V:
        """The value of ``key``, made if it is not there; what ``make`` raises reaches all who wait."""
        future, mine = self._claim(key)
        if mine:
            self._fill(key, future, make)
        return future.result()

    def _claim(self, key: K) -> tuple[Future[V], bool]:
        with self._lock:
            future = self._kept.get(key)
            if future is not None:
                self._kept.move_to_end(key)
                return future, False
            future = self._kept[key] = Future()
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
            return future, True

    def _fill(self, key: K, future: Future[V], make: Callable[[], V]) -> None:
        try:
            future.set_result(make())
        except BaseException as error:
            with self._lock:
                if self._kept.get(key) is future:
                    del self._kept[key]
            future.set_exception(error)


class Same:
    """A key for what belongs to one very object, such as a plane, which it does not keep alive."""

    def __init__(self, of: Any) -> None:
        self._ref, self._hash = ref(of), hash(id(of))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Same):
            return NotImplemented
        here = self._ref()
        return self is other or (here is not None and here is other._ref())
