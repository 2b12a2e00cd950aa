"""Threads keep their place in the machine's schedule, whatever an encoder asks for.

SVT-AV1, opened by root, makes the thread that opens it real-time, and with it every thread and process
started from there on. One of those that waits by spinning, as linear algebra does, then keeps the thread
it waits for from ever running: the job hangs, and the machine with it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_TASKS = Path("/proc/self/task")


@contextmanager
def kept() -> Iterator[None]:
    """Inside, an encoder is opened; after it, its threads and ours are scheduled as ours was before.

    Where the system cannot tell (it is not Linux), nothing is done.
    """
    if not hasattr(os, "sched_setscheduler") or not _TASKS.is_dir():
        yield
        return
    policy, param, known = os.sched_getscheduler(0), os.sched_getparam(0), _threads()
    try:
        yield
    finally:
        for thread in (0, *(_threads() - known)):
            with suppress(OSError):  # a thread that has ended, or rights that were given up
                os.sched_setscheduler(thread, policy, param)


def _threads() -> set[int]:
    return {int(task.name) for task in _TASKS.iterdir()}
