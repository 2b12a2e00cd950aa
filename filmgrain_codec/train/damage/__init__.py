"""Dust, dirt, hair, scratches, gate dirt, weave and splices for clean clips, and what was damaged."""
