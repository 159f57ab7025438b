"""Losses that compute their gradient together with their value, into one buffer: what large batches on a CPU take by themselves.

``crossentropies`` and ``elements`` hold the derivatives, piece by piece, and ``weighing`` the weights of elements; ``pieces``
cuts, so that each thread finds in its own cache what it left there; ``function`` tells autograd. What a value weighs in the
loss comes from ``reduction``, as everywhere.
"""

from torchweights.closed_form import crossentropies, elements, one_hot, sums, weighing
from torchweights.closed_form.function import Check, ClosedForm, Given, closed_loss, steps_aside
from torchweights.closed_form.fusing import Compiled, Expected
from torchweights.closed_form.pieces import Piece
from torchweights.closed_form.sums import closed_sums

__all__ = [
    "Check",
    "ClosedForm",
    "Compiled",
    "Expected",
    "Given",
    "Piece",
    "closed_loss",
    "closed_sums",
    "crossentropies",
    "elements",
    "one_hot",
    "steps_aside",
    "sums",
    "weighing",
]
