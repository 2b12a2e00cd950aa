"""Tier 2: files and streams; the only place that imports av."""
