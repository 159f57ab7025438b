"""One real training, recorded in two releases of Keras and repeated in PyTorch: `torchweights demo`."""

from torchweights.demo.command import run

__all__ = ["run"]
