"""OpenCV, loaded late."""

from __future__ import annotations

from functools import cache
from threading import Lock
from typing import Any

from filmgrain_codec.errors import ModelError

_lock = Lock()


@cache
def opencv() -> Any:
    """OpenCV on one thread: its flow depends on the number of threads, and frames run in parallel here.

    Raises ``ModelError`` if it is not installed.
    """
    try:
        with _lock:  # OpenCV takes itself out of sys.modules and in again while it loads
            import cv2
    except ImportError as error:
        raise ModelError(
            "Grain removal follows motion with OpenCV, which is not installed: "
            "pip install 'filmgrain-codec[cpu]' or opencv-python-headless."
        ) from error
    cv2.setNumThreads(1)
    return cv2
