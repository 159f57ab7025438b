"""What the recordings say of each release beside its cells: the names of its losses, and their arguments."""

from __future__ import annotations

from functools import cache
from typing import Any

from torchweights.parity import recordings

#: what stands in the module of the losses and is none
NO_LOSSES = {
    "Loss": "the base class",
    "LossFunctionWrapper": "wraps a function",
    "compute_weighted_loss": "weighs values",
    "is_categorical_crossentropy": "answers a question",
}
#: function or class of an older release -> what it is called since
SINCE = {
    "kullback_leibler_divergence": "kl_divergence",
    "logcosh": "log_cosh",
    "huber_loss": "huber",
    "cosine_proximity": "cosine_similarity",
    "CosineProximity": "CosineSimilarity",
}


@cache
def of(engine: str, part: str) -> dict[str, Any]:
    """``names`` or ``signatures`` of an engine; empty where it was not asked for any."""
    header = recordings.header_of(recordings.path_of(engine))
    if part in header or "like" not in header:
        return header.get(part, {})
    return of(header["like"], part)


#: the engines that were asked for names and signatures
ENGINES = [engine for engine in recordings.available() if of(engine, "signatures")]
