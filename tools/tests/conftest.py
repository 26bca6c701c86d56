"""What is collected where."""

import os

# Packing needs a machine that looks like Ubuntu 24.04: `make pack-here` says with what.
collect_ignore = [] if "PACK_PYTHON" in os.environ else ["test_packed_copies.py"]
