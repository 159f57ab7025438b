"""The recorded trainings: what real Keras lost at every step, where its weights ended, and what made the recording."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from torchweights.demo import plan

FOLDER = Path(__file__).parent / "recordings"
ROWS = ("keras2.2.4", "keras3.15")
OPTIMIZERS = ("sgd", "adam")
DTYPES = ("float32", "float64")


class Recording(NamedTuple):
    """One release's four trainings, by (optimizer, dtype)."""

    row: str
    losses: dict[tuple[str, str], NDArray[np.float64]]
    weights: dict[tuple[str, str], NDArray[np.float64]]  # those that `plan.kept_weights` names
    made_by: dict[str, str]
    date: str

    @property
    def release(self) -> str:
        """Return the release as people name it."""
        return f"Keras {self.made_by['keras']}"


def load(row: str, folder: Path = FOLDER) -> Recording:
    """Read the recording of a row, and refuse one that followed another plan than this demo's."""
    about = json.loads((folder / f"{row}.json").read_text(encoding="utf-8"))
    if about["plan"] != plan.digest():
        raise ValueError(
            f"the recording {row} in {folder} followed the plan {about['plan'][:12]}, this demo follows "
            f"{plan.digest()[:12]}; record again: python -m parity_tests.training.record {row}"
        )
    with np.load(folder / f"{row}.npz", allow_pickle=False) as archive:
        arrays = {name: archive[name].astype(np.float64) for name in archive.files}
    trainings = [(optimizer, dtype) for optimizer in OPTIMIZERS for dtype in DTYPES]
    return Recording(
        row=row,
        losses={(o, d): arrays[f"{o}_{d}_losses"] for o, d in trainings},
        weights={(o, d): arrays[f"{o}_{d}_weights"] for o, d in trainings},
        made_by=about["made_by"],
        date=about["date"],
    )
