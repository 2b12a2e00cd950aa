"""What `python -m benchmarks deflicker` works with: flicker, clips, guards, methods and figures."""
