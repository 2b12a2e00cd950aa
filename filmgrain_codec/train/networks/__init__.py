"""Network definitions (torch)."""
