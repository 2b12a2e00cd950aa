"""The grain synthesizers that ours are measured against, all behind one small interface."""

from __future__ import annotations
