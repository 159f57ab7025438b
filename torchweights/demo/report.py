"""What the demo prints: the data, a table per training, and what the figures mean."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from torchweights.demo import plan
from torchweights.demo.comparison import Comparison, Results, overlaps, pixels_seen_otherwise
from torchweights.demo.recordings import DTYPES, OPTIMIZERS, ROWS, Recording

SHOWN_STEPS = (1, 10, 25, 50, 100)
NAMES = {"sgd": "SGD", "adam": "Adam"}
LABEL_WIDTH = 34


def introduction(recordings: dict[str, Recording], steps: int) -> Iterator[str]:
    """Say what is trained on what, and what recorded it."""
    labels = plan.training_tiles().labels
    shares = {name: float((labels == label).mean()) for name, label in _CLASSES.items()}
    weights = sum(kernel.size + bias.size for kernel, bias in plan.initial_weights())
    yield "Nuclei in a microscope image: " + ", ".join(f"{share:.1%} {name}" for name, share in shares.items())
    yield (
        f"Weights: background {plan.CLASS_WEIGHT[plan.BACKGROUND]:g}, nucleus {plan.CLASS_WEIGHT[plan.NUCLEUS]:g}, void 0 (where two nuclei meet)"
    )
    yield (
        f"Training: {weights:,} parameters, {steps} steps of {plan.BATCH} out of {len(labels)} tiles of {plan.TILE} x "
        f"{plan.TILE}, everywhere the same start and order"
    )
    for recording in recordings.values():
        by = recording.made_by
        yield (
            f"Recorded: {recording.release} on TensorFlow {by['tensorflow']}, Python {by['python']}, {recording.date}"
        )


_CLASSES = {"background": plan.BACKGROUND, "nucleus": plan.NUCLEUS, "void": plan.VOID}


def tables(results: Results, steps: int) -> Iterator[str]:
    """Yield the lines of one table per optimizer and precision."""
    shown = [step for step in SHOWN_STEPS if step <= steps]
    for optimizer in OPTIMIZERS:
        for dtype in DTYPES:
            yield ""
            head = "".join(f"{f'step {step}':>12}" for step in shown)
            yield f"{f'{NAMES[optimizer]}, {dtype}':<{LABEL_WIDTH}}{head}{'worst':>12}"
            for row in ROWS:
                yield from _comparison_lines(results.of(row, optimizer, dtype), shown)
            if dtype == "float32":
                plain = results.plain[optimizer].losses
                yield _line("F.cross_entropy(weight=) lost", [f"{plain[step - 1]:.7f}" for step in shown])


def _comparison_lines(comparison: Comparison, shown: list[int]) -> Iterator[str]:
    digits = 7 if comparison.dtype == "float32" else 9
    at = np.array(shown) - 1
    worst = comparison.difference.max()
    yield _line(f"{comparison.release} lost", [f"{loss:.{digits}f}" for loss in comparison.keras[at]])
    ours = comparison.replayed.losses[at]
    yield _line(f'PyTorch, semantics="{comparison.row}"', [f"{loss:.{digits}f}" for loss in ours])
    yield _line("  relative difference", [f"{d:.1e}" for d in [*comparison.difference[at], worst]])


def _line(label: str, cells: list[str]) -> str:
    return f"{label:<{LABEL_WIDTH}}" + "".join(f"{cell:>12}" for cell in cells)


def reading(results: Results) -> str:
    """Say in plain words what the figures mean."""
    old, new = (results.recordings[row] for row in ROWS)
    keras_first = results.of(ROWS[-1], "sgd", "float32").keras[0]
    plain_first = results.plain["sgd"].losses[0]
    found = overlaps(results, "sgd")
    return (
        f"How to read this. Both replays follow their release through every step: in float64 the losses differ by at "
        f"most {results.worst('float64'):.1e} of their value, in float32 by {results.worst('float32'):.1e}; rounding "
        f"alone moves Keras's own float32 losses by {_rounding_in_keras(results):.1e}. The two releases were given the "
        f"same weights and do not agree with each other: {old.release} divides by the number of pixels whose weight is "
        f"not zero, {new.release} by the number of all pixels, and that sets them apart by up to "
        f"{_largest(results.between_releases):.1%}. F.cross_entropy(weight=, ignore_index=) divides by the sum of the "
        f"weights: at the very first step, before anything was learnt, it says {plain_first:.3f} where {new.release} "
        f"says {keras_first:.3f}. Under SGD this acts as a learning rate {keras_first / plain_first:.2f} times smaller"
        f": after {len(results.plain['sgd'].losses)} steps the network classifies "
        f"{pixels_seen_otherwise(results, 'sgd'):.1%} of the pixels it never saw differently (overlap with the true "
        f"nuclei {found[1]:.2f} instead of {found[0]:.2f}). Neither is wrong; but a learning rate tuned in Keras is "
        f"only right with Keras's denominator."
    )


def _largest(by_optimizer: Callable[[str], NDArray[np.float64]]) -> float:
    return float(max(by_optimizer(optimizer).max() for optimizer in OPTIMIZERS))


def _rounding_in_keras(results: Results) -> float:
    """Return how far Keras's float32 losses are from its own float64 losses, at worst."""
    pairs = [[results.of(row, o, dtype).keras for dtype in DTYPES] for row in ROWS for o in OPTIMIZERS]
    return float(max((np.abs(single - double) / double).max() for single, double in pairs))
