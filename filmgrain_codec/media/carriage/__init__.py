"""How a grain profile travels inside a file: in-band records, BlockAdditional, container tags.

See docs/carriage.md for what is stored where, what survives which tool, and which source wins.
"""

from filmgrain_codec.media.carriage.carried import Carried, Place, Run
from filmgrain_codec.media.carriage.find import TAG, find, tags
from filmgrain_codec.media.carriage.fingerprint import difference, fingerprint
from filmgrain_codec.media.carriage.packet import attach, codec_name, extract, extract_packet

__all__ = [
    "TAG",
    "Carried",
    "Place",
    "Run",
    "attach",
    "codec_name",
    "difference",
    "extract",
    "extract_packet",
    "find",
    "fingerprint",
    "tags",
]
