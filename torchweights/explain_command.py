"""``torchweights explain data.npz``: an explanation of arrays in a file."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from torchweights import names
from torchweights.explain import Explanation, explain

_ARRAYS = ("y_pred", "y_true", "sample_weight", "mask")


def run(arguments: Sequence[str]) -> int:
    """The command; 0 if the loss was explained, 2 with a message if it could not be."""
    parser = argparse.ArgumentParser(
        prog="torchweights explain",
        description="Say where a loss comes from: every stage, who pays, what stands out.",
        epilog="The file holds arrays y_pred and y_true, and sample_weight and mask where there are some: np.savez('data.npz', y_pred=.., y_true=..).",
    )
    parser.add_argument("data", type=Path, help="an .npz file")
    parser.add_argument(
        "--loss", required=True, help="its name, as Keras or this library calls it: categorical_crossentropy, mse, .."
    )
    parser.add_argument(
        "--semantics", default="torchweights", help="the row (default: torchweights); see `torchweights eras`"
    )
    parser.add_argument(
        "--from-logits", action=argparse.BooleanOptionalAction, default=None, help="whether y_pred are logits"
    )
    parser.add_argument("--axis", type=int, help="axis of the classes")
    parser.add_argument("--ignore-class", type=int, help="a label that does not count")
    parser.add_argument("--class-weight", metavar="0:1.0,1:5.0", help="weights by class")
    parser.add_argument("--reduction", help="as the criterion takes it")
    parser.add_argument("--same-under", metavar="ROW", nargs="+", help="the loss under other rows, beside it")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page too")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    options = parser.parse_args(arguments)
    try:
        given = _arrays(options.data)
        found = explain(_criterion(options), **given)
        beside = found.same_under(*options.same_under) if options.same_under else None
    except (OSError, ValueError, TypeError) as problem:
        print(f"torchweights explain: {problem}", file=sys.stderr)
        return 2
    _print(found, beside, options)
    return 0


def _print(found: Explanation, beside: Any, options: argparse.Namespace) -> None:
    if options.json:
        content = {**found.to_dict(), **({} if beside is None else {"same_under": beside.to_dict()})}
        print(json.dumps(content))
    else:
        print(found if beside is None else f"{found}\n\nUnder other rows\n{beside}")
    if options.html is not None:
        found.to_html(options.html)
        print(f"written to {options.html}", file=sys.stderr)


def _arrays(path: Path) -> dict[str, torch.Tensor]:
    # Pickled objects stay unread: a file of numbers has none.
    with np.load(path, allow_pickle=False) as file:
        unknown = [name for name in file.files if name not in _ARRAYS]
        lacking = [name for name in _ARRAYS[:2] if name not in file.files]
        if unknown or lacking:
            raise ValueError(
                f"{path} expected arrays y_pred and y_true (and sample_weight, mask); received {', '.join(file.files)}. Write np.savez({path.name!r}, "
                "y_pred=.., y_true=..)."
            )
        return {name: torch.from_numpy(file[name]) for name in file.files}


def _criterion(options: argparse.Namespace) -> Any:
    weights = None if options.class_weight is None else _class_weight(options.class_weight)
    given = {
        "from_logits": options.from_logits, "axis": options.axis, "ignore_class": options.ignore_class, "class_weight": weights,
        "reduction": options.reduction,
    }  # fmt: skip
    kept = {name: value for name, value in given.items() if value is not None}
    return names.get(options.loss, options.semantics, **kept)


def _class_weight(text: str) -> dict[int, float]:
    try:
        return {int(label): float(weight) for label, weight in (one.split(":") for one in text.split(","))}
    except ValueError:
        raise ValueError(f"--class-weight expected pairs label:weight, 0:1.0,1:5.0; received {text!r}.") from None
