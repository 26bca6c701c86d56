"""Choose the test files to collect."""

import os

# Packing needs Ubuntu 24.04. Only `make pack-here` runs these tests.
collect_ignore = [] if "PACK_PYTHON" in os.environ else ["test_packed_copies.py"]
