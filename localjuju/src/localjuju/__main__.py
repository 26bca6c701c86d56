"""``python -m localjuju``: the program ``localjuju``."""

import sys

from localjuju.cli import main

sys.exit(main())
