"""Tier 1: what grain means: profile, measurement, synthesis, wire format."""
