"""Codec repair beside its peers: cases, methods, figures."""
