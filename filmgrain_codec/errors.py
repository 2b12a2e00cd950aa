"""One exception tree; each class carries the exit code the command line returns.

Messages are one sentence: what happened, where, and what to do about it.
"""

from __future__ import annotations


class FgcodecError(Exception):
    """Base of everything this package raises on purpose; exit code 1 (internal)."""

    exit_code = 1


class UsageError(FgcodecError):
    """An option or argument that cannot be honoured."""

    exit_code = 2


class InputError(FgcodecError):
    """A source that cannot be read or holds nothing we can use."""

    exit_code = 3


class OutputError(FgcodecError):
    """A target that may not or cannot be written (exists, same as input, no space)."""

    exit_code = 4


class EncoderError(FgcodecError):
    """An encoder that is missing or failed."""

    exit_code = 5


class VerifyError(FgcodecError):
    """A finished file that does not hold what its source held, or a truncated source."""

    exit_code = 6


class ProfileError(FgcodecError):
    """A grain profile that is missing, malformed, oversized, stale or from the future."""

    exit_code = 7


class ModelError(FgcodecError):
    """A model that is missing, unknown or does not match its recorded sha256."""

    exit_code = 7


class Interrupted(FgcodecError):
    """The user pressed Ctrl-C; no final file was left."""

    exit_code = 130
