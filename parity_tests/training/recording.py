"""What a recorder writes: the losses of each training, a thinned copy of the last weights, and what made them.

Runs inside the old releases: numpy only, Python 3.6 and up.
"""

import datetime
import hashlib
import io
import json
import os
import platform
import sys
import zipfile

import numpy as np
import plan

TRAININGS = [(optimizer, dtype) for optimizer in ("sgd", "adam") for dtype in ("float32", "float64")]


def record_all(row, train, made_by):
    """Run the four trainings of one release and write them to the folder named on the command line.

    `train(optimizer, dtype, report)` does one training, calls `report(step)` after each step, and returns the loss of
    every step and the list of final weight arrays. `made_by` names the releases.
    """
    folder = sys.argv[1]
    arrays, digests = {}, {}
    for optimizer, dtype in TRAININGS:
        name = f"{optimizer}_{dtype}"
        losses, weights = train(optimizer, dtype, lambda step, name=name: _report(row, name, step))
        final = np.concatenate([np.asarray(array, dtype=dtype).ravel() for array in weights])
        arrays[name + "_losses"] = np.asarray(losses, dtype=dtype)
        arrays[name + "_weights"] = final[plan.kept_weights(final.size)]
        digests[name] = hashlib.sha256(final.tobytes()).hexdigest()
    _write_arrays(os.path.join(folder, row + ".npz"), arrays)
    _write_json(os.path.join(folder, row + ".json"), _description(row, made_by, digests))


def _report(row, name, step):
    if step % 10 == 0:
        print(f"{row} {name}: step {step} of {plan.STEPS}")
        sys.stdout.flush()


def _description(row, made_by, digests):
    versions = dict(made_by, python=platform.python_version(), numpy=np.__version__)
    return {
        "row": row,
        "made_by": versions,
        "machine": platform.machine(),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
        "plan": plan.digest(),
        "steps": plan.STEPS,
        "final_weights_sha256": digests,
    }


def _write_json(path, content):
    with open(path, "w") as file:
        json.dump(content, file, indent=2, sort_keys=True)
        file.write("\n")


def _write_arrays(path, arrays):
    """Write an .npz that is the same to the last byte whenever the arrays are: no clock in it, no pickle."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(arrays):
            content = io.BytesIO()
            np.lib.format.write_array(content, arrays[name], version=(1, 0), allow_pickle=False)
            entry = zipfile.ZipInfo(name + ".npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content.getvalue())
