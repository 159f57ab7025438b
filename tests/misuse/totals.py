"""Total losses of several outputs, their weights and penalties, the loss of an epoch, explanations."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

import torchweights as tw
from tests.misuse.case import LABELS, ONES, ZEROS, call, misuses

C, M = tw.CompiledLoss, tw.MeanSquaredError
T = torch.tensor
TWO = {"a": "mse", "b": "mae"}
BOTH = {"a": ONES, "b": ONES}


def two(**options: Any) -> tw.CompiledLoss:
    return C(TWO, **options)


def watched(layer: nn.Module) -> nn.Module:
    """A layer whose activity is penalised."""
    tw.activity_l2(layer)
    return layer


def epoch_of(parts: Any) -> tw.EpochLoss:
    epoch = tw.EpochLoss()
    epoch.update(parts, 1)
    return epoch


def explained_and_gone() -> Any:
    return tw.explain(M(), ONES.clone(), ONES.clone()).same_under("keras3.15")


CASES = misuses({
    # ------------------------------------------------------------------------------------------ losses of outputs
    "an unknown name of a loss": (call(C, {"a": "mean_squared_eror"}), ValueError, "name", "Did you mean 'mean_squared_error'", "name expected one of mean_squared_error, mean_absolute_error", "received 'mean_squared_eror'"),
    "a number as loss": (call(C, {"a": 3}), TypeError, "loss", "Write tw.MeanSquaredError(), or 'mse'", "received 3"),
    "a class as loss": (call(C, {"a": M}), TypeError, "loss", "Build it: MeanSquaredError(..)"),
    "no losses": (call(C, {}), ValueError, "loss", "Write {'output': 'mse'}, or ['mse']"),
    "outputs without any loss": (call(C, [None, None]), ValueError, "loss", "one output with a loss, or penalties"),
    "losses of other outputs": (call(C, {"a": "mse"}, output_names=["b"]), ValueError, "loss", "names of outputs, b", "received 'a'"),
    "more losses than outputs": (call(C, ["mse", "mae"], output_names=["a"]), ValueError, "loss", "None for an output without a loss", "received 2"),
    "an output that no loss names": (call(C, {"a": "mse"}, output_names=["a", "b"]), ValueError, "loss", "Write None for an output without a loss", "received none for b"),
    "one name for two outputs": (call(C, ["mse", "mae"], output_names=["a", "a"]), ValueError, "output_names", "a name of its own for each output"),
    "numbers as names": (call(C, ["mse", "mae"], output_names=[1, 2]), TypeError, "output_names", "names, one for each output"),
    "a loss without a reduction": (call(C([M(reduction="none")]), [ONES], [ONES]), ValueError, "loss", "Give it a reduction other than 'none'"),
    # ------------------------------------------------------------------------------------------ class weights of outputs
    "class weights beside a criterion": (call(C, {"a": M()}, class_weight={"a": {0: 1.0}}), ValueError, "class_weight", "Write the criterion with class_weight="),
    "class weights of no output": (call(two, class_weight={"c": {0: 1.0}}), ValueError, "class_weight", "names of outputs, a, b", "received 'c'"),
    "one number as class weights": (call(two, class_weight=2.0), TypeError, "class_weight", "a dict by output, of a, b, or a list", "received 2.0"),
    "class weights of one output of two": (call(two, class_weight=[{0: 1.0}]), ValueError, "class_weight", "Write None for an output without"),
    # ------------------------------------------------------------------------------------------ loss weights
    "loss weights of no output": (call(two, loss_weights={"c": 1.0}), ValueError, "loss_weights", "names of outputs, a, b", "received 'c'"),
    "loss weights of one output of two": (call(two, loss_weights={"a": 1.0}), ValueError, "loss_weights", "Write 1.0", "received none for b"),
    "too few loss weights": (call(two, loss_weights=[1.0]), ValueError, "loss_weights", "2 numbers, one for each of a, b", "received 1"),
    "None among loss weights": (call(two, loss_weights=[None, 1.0]), ValueError, "loss_weights", "Write 1.0", "received None"),
    "text among loss weights": (call(two, loss_weights=["1", 1.0]), TypeError, "loss_weights", "0.0 for an output that must not count", "received '1'"),
    "learned loss weights of another shape": (call(C, ["mse", "mae"], nn.Parameter(torch.ones(2, 1))), ValueError, "loss_weights", "a number for each loss", "received shape (2, 1)"),
    "a schedule without a return": (call(two, loss_weights=lambda step: None), TypeError, "loss_weights", "lambda step: [1.0, 0.5 ** step]", "received None for step 0"),
    "a schedule that takes no step": (call(two, loss_weights=lambda: [1.0, 1.0]), TypeError, "loss_weights", "Wrap it: lambda step: .."),
    "a step of a schedule that is none": (call(two().step), ValueError, "step()", "loss_weights=lambda step: [1.0, 0.5 ** step]"),
    "text as step": (call(two(loss_weights=lambda step: [1.0, 1.0]).step, "last"), TypeError, "step", "Write int(step)"),
    "a step before the first": (call(two(loss_weights=lambda step: [1.0, 1.0]).step, -1), ValueError, "step", "0 or more"),
    # ------------------------------------------------------------------------------------------ penalties
    "a tensor as penalty": (call(C, "mse", penalties=[T(1.0)]), TypeError, "penalties", "Write lambda: tensor"),
    "a penalty without a list": (call(C, "mse", penalties=tw.l2(ONES)), TypeError, "penalties", "Write penalties=[..]"),
    "a factor as penalties": (call(C, "mse", penalties=0.01), TypeError, "penalties", "Write [tw.l2(model.parameters(), 0.01)]"),
    "a penalty that takes weights": (call(C, "mse", penalties=[lambda weights: weights.sum()]), TypeError, "penalties", "Wrap it: lambda: .."),
    "a penalty without a return": (call(C("mse", penalties=[lambda: None]), [ONES], [ONES]), TypeError, "penalties", "Compute with torch, and return it"),
    "a penalty of many numbers": (call(C([None], penalties=[lambda: ONES]), [ONES], [None]), ValueError, "penalties", "Write lambda: tensor.sum(), or .mean()"),
    "a factor below 0": (call(tw.l2, ONES, -1.0), ValueError, "factor", "a number, 0 or more"),
    "text as factor": (call(tw.l1, ONES, "0.1"), TypeError, "factor", "Write float(factor)"),
    "a module as parameters": (call(tw.l2, nn.Linear(2, 2)), TypeError, "parameters", "Write module.parameters()"),
    "a tensor as layer": (call(tw.activity_l1, ONES), TypeError, "layer", "For parameters there are tw.l1 and tw.l2"),
    "a layer of several outputs": (call(watched(nn.LSTM(2, 2)), torch.ones(1, 1, 2)), TypeError, "layer", "an nn.Identity() that its output goes through", "received tuple from LSTM"),
    "a layer that was not called": (call(tw.activity_l2(nn.Identity())), ValueError, "activity_l2(0.01)", "Call the model first", "received no call since the last one"),
    # ------------------------------------------------------------------------------------------ the call
    "one tensor of two outputs": (call(two(), ONES, ONES), ValueError, "y_pred", "output_names= as the model nests its outputs", "received a single one"),
    "one output of two": (call(two(), {"a": ONES}, BOTH), ValueError, "y_pred", "an entry for b", "received a"),
    "an output too many": (call(two(), {**BOTH, "c": ONES}, BOTH), ValueError, "y_pred", "names of outputs, a, b", "received 'c'"),
    "a list too short for the outputs": (call(two(), [ONES], [ONES, ONES]), ValueError, "y_pred", "2 entries, one for each of a, b", "received 1"),
    "outputs nested otherwise": (call(C("mse", output_names={"x": ["a", "b"], "y": "c"}), [ONES, ONES, ONES], [ONES, ONES, ONES]), ValueError, "y_pred", "what is nested as", "nested otherwise"),
    "no targets for an output": (call(two(), BOTH, {"a": ONES}), ValueError, "y_true", "an entry for b, which has a loss", "received none"),
    "targets of no output": (call(two(), BOTH, {**BOTH, "z": ONES}), ValueError, "y_true", "names of outputs, a, b", "received 'z'"),
    "one tensor of weights": (call(two(), BOTH, BOTH, ONES[:, 0]), ValueError, "sample_weight", "Give a list or a dict"),
    "weights of no output": (call(two(), BOTH, BOTH, {"z": ONES[:, 0]}), ValueError, "sample_weight", "names of outputs, a, b"),
    "one tensor as mask": (call(two(), BOTH, BOTH, mask=ONES[:, 0]), ValueError, "mask", "Give a list or a dict"),
    "one number as denominators": (call(two(), BOTH, BOTH, denominator=3.0), ValueError, "denominator", "Pass what denominator() returns", "received 1"),
    "one shape for two outputs": (call(two().denominator, BOTH, y_pred_shape=(2, 3)), ValueError, "y_pred_shape", "Give a list or a dict by name", "received a single one, (2, 3)"),
    "a shape too few": (call(two().denominator, BOTH, y_pred_shape=[(2, 3)]), ValueError, "y_pred_shape", "Give a list or a dict by name", "2 shapes, one for each of a, b"),
    "a shape of no output": (call(two().denominator, BOTH, y_pred_shape={"z": (2, 3)}), ValueError, "y_pred_shape", "names of outputs, a, b"),
    "sums of another total": (call(two().from_sums, C("mse").partial_sums([ONES], [ONES])), ValueError, "partial sums", "Make them with partial_sums() of the same criterion", "CompiledLoss of 1 losses"),
    # ------------------------------------------------------------------------------------------ epochs
    "an epoch of no batch": (call(tw.EpochLoss().compute), ValueError, "compute()", "Call update(parts, samples)"),
    "a batch of no samples": (call(tw.EpochLoss().update, {"loss": T(1.0)}, 0), ValueError, "samples", "Write len(y_true)"),
    "a loss as parts": (call(tw.EpochLoss().update, T(1.0), 3), TypeError, "parts", "Write {'loss': loss}"),
    "numbers as parts": (call(tw.EpochLoss().update, {"loss": 1.0}, 3), TypeError, "parts", "Leave .item() out", "received float 1.0 as 'loss'"),
    "unreduced losses as parts": (call(tw.EpochLoss().update, {"loss": ONES}, 3), ValueError, "parts", "Reduce it first", "received shape (2, 3)"),
    "a batch with other outputs": (call(epoch_of({"loss": T(1.0)}).update, {"loss": T(1.0), "a": T(1.0)}, 1), ValueError, "parts", "Call reset() before another epoch", "received loss, a"),
    "epochs of two rows": (call(tw.EpochLoss().merge, tw.EpochLoss("keras3.15")), ValueError, "others", "Build all alike", "received 'keras3.15'"),
    "a list of epochs": (call(tw.EpochLoss().merge, [tw.EpochLoss()]), TypeError, "others", "Write merge(*others) for a list"),
    "text as steps": (call(tw.EpochLoss, steps="yes"), TypeError, "steps", "True or False"),
    "a number as prefix": (call(epoch_of({"loss": T(1.0)}).compute, 3), TypeError, "prefix", "Write compute('val_')"),
    # ------------------------------------------------------------------------------------------ explanations
    "a function to explain": (call(tw.explain, torch.sub, ONES, ONES), TypeError, "criterion", "Wrap a function with tw.from_function"),
    "a class to explain": (call(tw.explain, M, ONES, ONES), TypeError, "criterion", "Build it: MeanSquaredError(..)"),
    "a name to explain": (call(tw.explain, "mse", ONES, ONES), TypeError, "criterion", "Write tw.get('mse')"),
    "inputs that are gone": (explained_and_gone, ValueError, "same_under()", "Keep them in variables until you have asked"),
})  # fmt: skip

AGAIN = misuses({
    "a name of nothing as loss": (call(C, []), ValueError, "loss", "Write {'output': 'mse'}"),
    "one loss weight for two outputs": (call(two, loss_weights=2.0), ValueError, "loss_weights", "2 numbers"),
    "a loss weight that is not finite": (call(two, loss_weights=[float("nan"), 1.0]), TypeError, "loss_weights", "finite numbers"),
    "loss weights of other outputs afterwards": (call(two().set_loss_weights, [1.0]), ValueError, "loss_weights", "2 numbers"),
    "text as penalties": (call(C, "mse", penalties="l2"), TypeError, "penalties", "a list of functions"),
    "no parameters": (call(tw.l2, []), TypeError, "parameters", "Write module.parameters()"),
    "named parameters": (call(tw.l2, list(nn.Linear(2, 2).named_parameters())), TypeError, "parameters", "Write module.parameters()"),
    "integers of an output": (call(two(), {"a": ONES, "b": LABELS}, BOTH), TypeError, "y_pred", "The order is criterion(y_pred, y_true)"),
    "targets of another shape for an output": (call(two(), BOTH, {"a": ONES, "b": ZEROS.T}), ValueError, "y_true", "nothing is broadcast"),
    "integers to explain": (call(tw.explain, M(), LABELS, ZEROS), TypeError, "y_pred", "The order is criterion(y_pred, y_true)"),
})  # fmt: skip
