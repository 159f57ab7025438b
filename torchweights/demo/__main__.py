"""`python -m torchweights.demo`."""

import sys

from torchweights.demo.command import run

if __name__ == "__main__":
    sys.exit(run())
