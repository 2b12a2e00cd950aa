"""VapourSynth face of the film-grain codec.

This package will offer every node of the frame graph as a VapourSynth function. In this
version it holds nothing but its version, so that scripts can test for it: the functions
come in a later release, and importing this package loads neither VapourSynth nor the codec.
"""

from __future__ import annotations

from filmgrain_codec import __version__ as __version__
