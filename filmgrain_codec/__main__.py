"""``python -m filmgrain_codec`` is ``fgcodec``."""

from filmgrain_codec.cli.main import main

if __name__ == "__main__":
    main()
