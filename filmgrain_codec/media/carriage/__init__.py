"""How a grain profile travels inside a file."""
