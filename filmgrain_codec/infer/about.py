"""What the installed ONNX Runtime is and can use, for diagnosis."""

from __future__ import annotations

from filmgrain_codec.errors import ModelError
from filmgrain_codec.infer import session


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
