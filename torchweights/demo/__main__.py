"""`python -m torchweights.demo`."""

import sys

from torchweights.demo.command import run

sys.exit(run())
