"""What the installed ONNX Runtime is and can use, for diagnosis."""

from __future__ import annotations

from filmgrain_codec.errors import ModelError
from filmgrain_codec.infer import backend, session
from filmgrain_codec.infer.names import AUTO


def runtime() -> dict[str, object]:
    """``version``, ``providers`` (all it offers) and ``used`` (those that the nets run on).

    Raises ``ModelError`` if no runtime is installed, or two that overwrite each other.
    """
    problem = session.conflict()
    if problem:
        raise ModelError(problem)
    library = session._runtime()
    return {
        "version": library.__version__,
        "providers": library.get_available_providers(),
        "used": list(session.PROVIDERS),
    }


def backends() -> dict[str, str]:
    """Every backend for grain removal: its version, or why it cannot be used; and what ``auto`` means.

    Raises ``UsageError`` or ``ModelError`` if the environment names one that does not work here.
    """
    names = {b.name: b.problem or b.version for b in backend.found()}
    return {**names, AUTO: backend.chosen()}
