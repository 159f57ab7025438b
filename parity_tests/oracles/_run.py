"""What every oracle shares: ask the release case by case and append each answer to a file of JSON lines.

Python 3.6 and numpy 1.16 are enough for it. An answer is a value with its gradient, or a refusal (error type and first
line), or the reason why the release has not got what the case asks for. Answers that the file already holds are not
asked again, so a run can be stopped and started.
"""

from __future__ import absolute_import, division, print_function

import argparse
import base64
import hashlib
import json
import os
import platform
import re
import sys
import traceback

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


class NotOffered(Exception):
    """The release has not got what the case asks for; the message is short and the same for all such cases."""


def load_cases(folder):
    """The module ``cases`` out of the package folder, without importing the package."""
    sys.path.insert(0, folder)
    import cases

    return cases


def pack(array):
    """An array as plain text: dtype, shape, base64 of its little-endian bytes."""
    array = np.asarray(array)
    data = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False))
    return [array.dtype.name, list(array.shape), base64.b64encode(data.tobytes()).decode("ascii")]


def first_line(error):
    """The line of a message that says what is wrong, without the names and numbers that TensorFlow gives its ops."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    text = lines[0]
    if text == "in user code:":  # a traceback follows, then the message of the error inside
        raised = type(error).__name__ + ": "
        text = next((line[len(raised) :] for line in lines if line.startswith(raised)), lines[-1])
    elif text == "Graph execution error:":  # the name of the node follows, a traceback, the message, the node again
        text = [line for line in lines if not line.startswith("[[")][-1]
    text = re.sub(r"for '[^']*'", "for an op", text)
    text = re.sub(r"\{\{[^}]*\}\} ?| \[Op:\w*\].*", "", text)
    text = re.sub(r"Dataset:[0-9]+", "Dataset", text)
    return re.sub(r"_[0-9]+\b", "", text)[:200]


def answer(ask, case, dtype):
    """The answer of the release: value and gradient, how it refused, or why it cannot be asked.

    Both are cast to the float type that was asked for: Keras 3 on torch gives a float64 mean as float32.
    """
    try:
        value, gradient = ask(case, dtype)
    except (NameError, ImportError):
        raise  # a mistake of the oracle, not an answer
    except NotOffered as reason:
        return {"absent": str(reason)}
    except Exception as error:  # noqa: BLE001  whatever the release raises is its answer
        if os.environ.get("ORACLE_TRACE"):
            traceback.print_exc()
        return {"refusal": [type(error).__name__, first_line(error)]}
    value, gradient = [None if given is None else pack(np.asarray(given, dtype)) for given in (value, gradient)]
    return {"value": value, "gradient": gradient}


def weighing_dtype(cases, prepare, items):
    """By door, and by reduction where it is not the default, the float type in which float64 values meet their weights.

    Measured with a weight that float32 cannot hold.
    """
    y_true, y_pred = np.asarray([[1.0], [0.0]]), np.asarray([[2.0], [0.0]])
    weight = np.asarray([1.0 + 2.0**-40, 1.0])
    ask = prepare("float64")
    found = {"loss/unweighted": unweighted_dtype(cases, ask)}
    for door, reduction in sorted(set((item["door"], item["reduction"]) for item in items)):
        item = cases.case("probe", door, "mean_squared_error", y_true, y_pred, weight=weight, reduction=reduction)
        try:
            value = np.asarray(ask(item, "float64")[0], "float64")
        except (NameError, ImportError):
            raise  # a mistake of the oracle, not an answer
        except NotOffered:
            continue
        except Exception as error:  # noqa: BLE001
            kept = "refused: " + first_line(error)
        else:
            kept = "float32" if (value == value.astype("float32")).all() else "float64"
        found[door if reduction == "sum_over_batch_size" else door + "/" + reduction] = kept
    return found


def unweighted_dtype(cases, ask):
    """The float type in which a float64 loss is computed that is neither weighed nor reduced."""
    y_pred = np.asarray([[1.0 + 2.0**-40]])
    item = cases.case("probe", "loss", "mean_squared_error", np.zeros((1, 1)), y_pred, reduction="none")
    value = np.asarray(ask(item, "float64")[0], "float64")
    return "float32" if (value == value.astype("float32")).all() else "float64"


def sources(script):
    """SHA-256 of an oracle and of the files beside it that it imports: answers of another oracle are not its own."""
    found, todo = set(), [os.path.abspath(script)]
    while todo:
        path = todo.pop()
        if path in found or not os.path.exists(path):
            continue
        found.add(path)
        with open(path, "rb") as file:
            text = file.read().decode("utf-8")
        names = re.findall(r"^ *(?:import|from) (\w+)", text, re.MULTILINE)
        todo += [os.path.join(HERE, name + ".py") for name in names]
    state = hashlib.sha256()
    for path in sorted(found):
        with open(path, "rb") as file:
            state.update(file.read())
    return state.hexdigest()


def arguments():
    """What the recorder tells an oracle."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", required=True, help="the release to ask")
    parser.add_argument("--cases", required=True, help="folder that holds cases.py")
    parser.add_argument("--out", required=True, help="file of JSON lines to append to")
    parser.add_argument("--pins", default="", help="digest of what is installed here")
    parser.add_argument("--only", help="run only cases whose id contains this text")
    return parser.parse_args()


def main(options, prepare, releases, notes, losses=None, probe=None):
    """Run every case of the engine.

    ``prepare(dtype)`` sets the release to a float type and returns ``ask(case, dtype) -> (value, gradient)``.
    ``losses`` is the module of losses of a Keras, which is listed and probed; ``probe`` stands in for its probe.
    """
    cases = load_cases(options.cases)
    items = cases.cases_for(options.engine)
    header = {"engine": options.engine, "digest": cases.digest(items), "releases": releases, "notes": notes,
              "oracle": sources(sys.argv[0]), "pins": options.pins, "weighing_dtype": {},
              "python": platform.python_version(), "numpy": np.__version__, "machine": platform.machine()}  # fmt: skip
    if losses is not None:
        import catalogue

        header.update(catalogue.of(losses))
        probe = probe or weighing_dtype
    if probe is not None:
        header["weighing_dtype"] = probe(cases, prepare, items)
    done = answers_in(options.out, header)
    with open(options.out, "w" if done is None else "a") as out:
        if done is None:
            out.write(json.dumps({"header": header}, sort_keys=True) + "\n")
        todo = [(dtype, item) for dtype in ("float64", "float32") for item in items
                if dtype in item["dtypes"] and (options.only is None or options.only in item["id"])]  # fmt: skip
        ask_all(prepare, todo, done or (), out)


def ask_all(prepare, todo, done, out):
    """Ask what is not done yet and write each answer as it comes."""
    current, ask = None, None
    for number, (dtype, item) in enumerate(todo):
        if (item["id"], dtype) not in done:
            if dtype != current:
                current, ask = dtype, prepare(dtype)
            line = answer(ask, item, dtype)
            line.update(id=item["id"], dtype=dtype)
            out.write(json.dumps(line, sort_keys=True) + "\n")
            out.flush()
        if number % 20 == 0 or number + 1 == len(todo):
            print("PROGRESS %d %d" % (number + 1, len(todo)), flush=True)


def answers_in(path, header):
    """(id, dtype) of the answers that a file holds; None when it is absent or was made otherwise.

    A last line that a stopped run left unfinished is cut off.
    """
    if not os.path.exists(path):
        return None
    with open(path, "rb+") as file:
        lines = file.read().splitlines(True)
        if lines and not lines[-1].endswith(b"\n"):
            file.truncate(sum(len(line) for line in lines[:-1]))
            del lines[-1]
    if not lines or json.loads(lines[0].decode("ascii"))["header"] != json.loads(json.dumps(header)):
        return None
    held = [json.loads(line.decode("ascii")) for line in lines[1:]]
    return set((line["id"], line["dtype"]) for line in held)
