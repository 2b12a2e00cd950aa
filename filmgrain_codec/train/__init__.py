"""Training of the shipped networks (torch)."""
