"""``python -m torchweights``: the command line."""

import sys

from torchweights.cli import main

sys.exit(main())
