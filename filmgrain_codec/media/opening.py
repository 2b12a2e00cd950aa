"""Encoders are opened without a word, and threads keep their place in the machine's schedule.

SVT-AV1, opened by root, makes the thread that opens it real-time, and with it every thread and process
started from there on. One of those that waits by spinning, as linear algebra does, then keeps the thread
it waits for from ever running: the job hangs, and the machine with it. It also writes a banner.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_TASKS = Path("/proc/self/task")


@contextmanager
def quietly() -> Iterator[None]:
    """Inside, an encoder is opened; after it, its threads and ours are scheduled as ours was before. What
    SVT_LOG says where it is set stays as it is.

    Where the system cannot tell (it is not Linux), nothing is done.
    """
    os.environ.setdefault("SVT_LOG", "1")
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
