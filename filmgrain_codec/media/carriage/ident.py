"""How our records are told apart from everybody else's in-band data: a UUID in front of the bytes.

The same prefix is used in all carriers, so that a reader needs one test only.
"""

from __future__ import annotations

import uuid

from filmgrain_codec.errors import ProfileError
from filmgrain_codec.grain.wire import MAX_BINARY

RECORD_UUID = uuid.UUID("3042d5c2-5dc3-40d8-8341-8511dc6d612a").bytes
"""Random (version 4), drawn once for this project. It never changes; versions live inside the record."""
RECORD_CAP = MAX_BINARY
"""Largest record in bytes that is written or looked at."""


def wrap(record: bytes) -> bytes:
    """UUID + record; raises ProfileError for an empty or oversized record."""
    if not 0 < len(record) <= RECORD_CAP:
        raise ProfileError(
            f"A grain record of {len(record)} bytes cannot be carried; it must hold 1 to {RECORD_CAP} bytes."
        )
    return RECORD_UUID + bytes(record)


def unwrap(payload: bytes) -> bytes | None:
    """The record behind our UUID, or None for foreign, empty or oversized payloads."""
    size = len(payload) - len(RECORD_UUID)
    if not 0 < size <= RECORD_CAP or payload[: len(RECORD_UUID)] != RECORD_UUID:
        return None
    return bytes(payload[len(RECORD_UUID) :])
