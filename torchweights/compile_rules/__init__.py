"""What ``compile`` and ``fit`` make of the losses and weights of several outputs, era by era: one table.

A row says how losses, loss weights, sample weights and class weights find their outputs, what penalties count, and which
numbers are printed for a batch and an epoch. Recorded in ``parity_tests/compiled``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torchweights import releases as release_names
from torchweights.compile_rules import logs, loss_weights, losses, weights
from torchweights.compile_rules.logs import Epochs
from torchweights.compile_rules.outputs import Outputs as Outputs
from torchweights.semantics import Semantics


@dataclass(frozen=True)
class CompileRules:
    """One row: how arguments find outputs, what penalties count ("sum" or "mean over samples"), what is printed.

    ``split_weighed`` says whether class weights act on what ``validation_split`` sets aside.
    """

    name: str
    losses: Callable[..., losses.Bound]
    loss_weights: Callable[..., loss_weights.Weights]
    sample_weights: Callable[..., list[Any]]
    class_weights: Callable[..., weights.ByOutput]
    activity: str
    adds_up_tensors: bool
    logs: Callable[..., dict[str, Any]]
    epochs: Epochs
    split_weighed: bool = False
    releases: str = ""


# fmt: off
_samples = Epochs("samples", "samples", "samples", "samples")
_tf2 = Epochs("samples", "samples", "samples", "samples", "batches")
_steps = Epochs("samples", "samples", "batches", "batches")
_outputs_by_batch = Epochs("samples", "batches", "batches", "batches")
_static = Epochs("samples", "batches", "samples", "batches")
_by_batch = Epochs("batches", "batches", "batches", "batches")
_l, _w, _s = losses, loss_weights, weights
_TABLE = (
    #             row             losses                     loss weights          sample weights                    class weights                     activity             sums   prints                  epochs             split
    CompileRules("torchweights", _l.strictly,               _w.strictly,          _s.strictly_one_each,             _s.by_output,                     "mean over samples", False, logs.each_output,       _samples),
    CompileRules("torch",        _l.strictly,               _w.strictly,          _s.strictly_one_each,             _s.by_output,                     "mean over samples", False, logs.each_output,       _samples),
    CompileRules("keras2.2.4",   _l.one_each_but_no_tuple,  _w.one_each,          _s.one_each_names_unchecked,      _s.by_output_or_ignored,          "sum",               False, logs.each_output,       _samples,          True,  "keras2.0.9 keras2.1.6 keras2.2.0-5"),
    CompileRules("tf1.12",       _l.one_each_but_no_tuple,  _w.one_each,          _s.one_each_names_unchecked,      _s.by_output_or_ignored,          "sum",               False, logs.each_output,       _steps,            True,  "tf1.12-13"),
    CompileRules("keras2.3.1",   _l.one_each,               _w.one_each,          _s.one_each_names_unchecked,      _s.by_output_or_ignored,          "sum",               False, logs.each_output,       _outputs_by_batch, True,  "keras2.3.0-1"),
    CompileRules("tf1.14",       _l.one_each,               _w.one_each,          _s.one_each_until_one_lacks,      _s.by_output_until_one_lacks,     "mean over samples", False, logs.each_output,       _outputs_by_batch, True,  "tf1.14"),
    CompileRules("tf1.15",       _l.one_each,               _w.one_each,          _s.one_each,                      _s.by_output,                     "mean over samples", False, logs.each_output,       _outputs_by_batch, True,  "tf1.15"),
    CompileRules("tf2.1",        _l.one_each_and_none_last, _w.one_each,          _s.one_each,                      _s.by_output,                     "mean over samples", False, logs.each_output,       _static,           True,  "tf2.0-1"),
    CompileRules("tf_keras2.21", _l.in_order,               _w.in_order,          _s.shared_or_in_order,            _s.of_one_output,                 "mean over samples", False, logs.each_output,       _tf2,              False, "tf2.2-15 tf_keras2.15-21"),
    CompileRules("keras3.0",     _l.one_each_and_none_shifts, _w.like_the_losses,    _s.shared_or_like_targets,        _s.of_one_output_names_ignored,   "sum",               False,  logs.none,              _by_batch,         False, "keras3.0-1 keras3.0-torch"),
    CompileRules("keras3.4",     _l.one_each_and_none_shifts, _w.like_the_losses,    _s.shared_or_like_targets,        _s.of_one_output_names_ignored,   "sum", True,  logs.none,              _static,           False, "keras3.2-4"),
    CompileRules("keras3.6",     _l.by_sorted_name_and_none_stops, _w.by_sorted_name, _s.shared_or_like_targets,        _s.of_one_output_names_ignored,   "sum", True,  logs.each_weighed_loss, _static,           False, "keras3.5-6"),
    CompileRules("keras3.13",    _l.any_number_each,        _w.one_for_each_loss, _s.shared_or_like_targets,        _s.of_one_output_names_ignored,   "sum", True,  logs.each_loss,         _static,           False, "keras3.7-13"),
    CompileRules("keras3.15",    _l.any_number_each,        _w.one_for_each_loss, _s.shared_or_like_targets,        _s.of_one_output_names_ignored,   "mean over samples", True,  logs.each_loss,         _static,           False, "keras3.14-15"),
    CompileRules("keras3.6-torch", _l.by_sorted_name_and_none_stops, _w.by_sorted_name, _s.shared_or_like_targets,        _s.of_one_output_names_ignored,   "sum", True,  logs.each_weighed_loss, _samples,          False, "keras3.6-torch"),
    CompileRules("keras3.12-torch", _l.any_number_each,     _w.one_for_each_loss, _s.shared_or_like_targets,        _s.of_one_output_names_ignored,   "sum", True,  logs.each_loss,         _samples,          False, "keras3.12-torch"),
    CompileRules("keras3.15-torch", _l.any_number_each,     _w.one_for_each_loss, _s.shared_or_like_targets,        _s.of_one_output_names_ignored,   "mean over samples", True,  logs.each_loss,         _samples,          False, "keras3.15-torch"),
)
# fmt: on
#: every row by name
COMPILE_RULES = {row.name: row for row in _TABLE}
_ROW_OF = {release: row.name for row in _TABLE for release in release_names.expand(row.releases)}


def compile_rules_for(semantics: str | Semantics) -> CompileRules:
    """The rules of a release; ``semantics`` as ``semantics_for`` takes it. A name says more than a ``Semantics``: rows of one
    arithmetic may differ in their rules.

    >>> compile_rules_for("keras==3.6.0").name
    'keras3.6'
    """
    name = semantics.name.partition(":")[0] if isinstance(semantics, Semantics) else semantics
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a neighbour's row semantics_for() warns
        return COMPILE_RULES[release_names.row_of(name, _ROW_OF, COMPILE_RULES)]
