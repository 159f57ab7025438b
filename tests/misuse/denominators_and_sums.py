"""Denominators and partial sums: of the wrong kind, of another criterion, where nothing is divided."""

from __future__ import annotations

import operator

import torch

import torchweights as tw
from tests.misuse.case import EYE, LABELS, ONES, THIRDS, ZEROS, call, misuses

M, S = tw.MeanSquaredError, tw.SparseCategoricalCrossentropy
COUNTED, SUMS = M().denominator(ONES), M().partial_sums(ONES, ONES)
GLOBAL = tw.global_denominator([COUNTED], averaged_by=("lightning", 2))
GLOBAL_SUMS = tw.global_sums([SUMS], averaged_by=("lightning", 2))
CLASSES = S(from_logits=True, class_weight=[1.0, 1.0, 1.0])
COSTS = tw.WeightedCategoricalCrossentropy(torch.ones(3, 3), indexing="true_pred", from_logits=True, reduction="mean_with_sample_weight")  # fmt: skip

CASES = misuses({
    # ------------------------------------------------------------------------------------------ denominator= of a call
    "a vector as denominator": (call(M(), ONES, ONES, denominator=ONES), ValueError, "denominator", "one number", "Add up what it counts: .sum()"),
    "text as denominator": (call(M(), ONES, ONES, denominator="3"), TypeError, "denominator", "Write criterion.denominator(y_true)", "what denominator() returns"),
    "a list of denominators": (call(M(), ONES, ONES, denominator=[COUNTED]), TypeError, "denominator", "sum(denominators), or tw.global_denominator(denominators)", "received list"),
    "denominators of several outputs": (call(M(), ONES, ONES, denominator={"a": COUNTED}), TypeError, "denominator", "a dict goes to the CompiledLoss that made it"),
    "a negative denominator": (call(M(), ONES, ZEROS, denominator=-3.0), ValueError, "denominator", "a positive number"),
    "a denominator that is not finite": (call(M(), ONES, ZEROS, denominator=float("nan")), ValueError, "denominator", "Count what is divided by: criterion.denominator(y_true)", "received nan"),
    "a complex denominator": (call(M(), ONES, ZEROS, denominator=torch.ones((), dtype=torch.complex64)), TypeError, "denominator", "Give a count as float64"),
    "a denominator of another row": (call(M(), ONES, ONES, denominator=M(semantics="keras2.2.4").denominator(ONES)), ValueError, "denominator", "Make it with this criterion's own denominator()", "semantics='keras2.2.4'"),
    "a denominator where nothing is divided": (call(M(reduction="none"), ONES, ONES, denominator=2.0), ValueError, "denominator", "reduction='sum_over_batch_size'", "received one with reduction='none'"),
    "a denominator of embeddings": (call(tw.Circle(), ZEROS, LABELS, denominator=2.0), ValueError, "denominator", "Use reduction='sum' and divide", "received one for Circle"),
    "a denominator of one dice": (call(tw.Dice(), THIRDS, EYE, denominator=3.0), ValueError, "denominator", "axis=(1, 2, ..)", "received one with axis=None"),
    "a denominator of scores over a batch": (call(tw.ClassDice(activation="softmax", over="batch"), ZEROS, LABELS, denominator=2.0), ValueError, "denominator", "Use partial_sums() and from_sums()", "with over='batch', one scalar over the batch"),
    "a denominator of errors over a batch": (call(tw.WeightedMeanSquaredError([1.0, 2.0, 3.0], over="batch"), ONES, ONES, denominator=2.0), ValueError, "denominator", "with 0 where an element is left out"),
    "a denominator of tf.losses that add up": (call(tw.tf1.Criterion("huber_loss", reduction="sum"), ONES, ONES, denominator=2.0), ValueError, "denominator", "reduction='sum_by_nonzero_weights'"),
    # ------------------------------------------------------------------------------------------ denominator()
    "counts where nothing is divided": (call(M(reduction="none").denominator, ONES), ValueError, "denominator()", "Build the criterion with another", "received reduction='none'"),
    "counts without the number of classes": (call(CLASSES.denominator, LABELS), ValueError, "y_pred_shape", "criterion.denominator(y_true, y_pred_shape=logits.shape)", "labels do not tell the number of classes"),
    "counts without the number of steps": (call(tw.CTC().denominator, torch.tensor([[1, 2]])), ValueError, "y_pred_shape", "y_pred_shape=logits.shape", "how many steps there are"),
    "predictions as their shape": (call(M().denominator, ONES, y_pred_shape=ONES), TypeError, "y_pred_shape", "Write y_pred.shape", "received a tensor of shape (2, 3)"),
    "a size as shape": (call(M().denominator, ONES, y_pred_shape=2), TypeError, "y_pred_shape", "Write y_pred.shape", "received int 2"),
    "a negative size": (call(M().denominator, ONES, y_pred_shape=(-1, 3)), ValueError, "y_pred_shape", "sizes, 0 or more", "received (-1, 3)"),
    "one target without its batch": (call(M().denominator, torch.tensor(1.0)), ValueError, "y_true", "Write y_true.reshape(1)", "received a tensor of rank 0"),
    "counts of labels that a whole batch decides": (call(tw.Hinge().denominator, ONES), ValueError, "denominator()", "semantics='keras2.2.4', which takes them as they are", "decomposable is False"),
    "counts of costs": (call(COSTS.denominator, LABELS, y_pred_shape=(2, 3)), ValueError, "denominator()", "Use reduction='sum' and divide, or the default row"),
    "counts of scores over a batch": (call(tw.ClassDice(activation="softmax", over="batch").denominator, LABELS), ValueError, "denominator()", "Use over='image', or partial_sums() and from_sums()"),
    "counts of errors over a batch": (call(tw.WeightedMeanSquaredError([1.0, 1.0, 1.0], over="batch").denominator, ONES), ValueError, "denominator()", "Use over='sample', or partial_sums()"),
    "counts of one dice": (call(tw.Dice().denominator, EYE), ValueError, "denominator()", "axis=(1, 2, ..), or use partial_sums()"),
    "counts of a dice in every value": (call(tw.BinaryCrossentropyDice(from_logits=True).denominator, EYE), ValueError, "denominator()", "Use partial_sums() and from_sums()", "the dice of the whole batch in each"),
    "counts of embeddings": (call(tw.Circle().denominator, LABELS), ValueError, "denominator()", "Gather the embeddings of all ranks"),
    "counts of a function": (call(tw.from_function(torch.sub).denominator, ONES), ValueError, "denominator()", "pass that number as denominator=", "a function of the user's"),
    "counts of weights that are no sum": (call(M(semantics="keras3.15", reduction="mean_with_sample_weight", axis=()).denominator, ONES, torch.ones(1, 3)), ValueError, "sample_weight", "Pass one weight per sample, torch.ones(batch) if all are alike"),
    # ------------------------------------------------------------------------------------------ added up
    "denominators of two reductions": (call(operator.add, COUNTED, M(reduction="sum").denominator(ONES)), ValueError, "denominators", "Make both with the same criterion", "received 'torchweights' with reduction='sum'"),
    "a batch added to a whole step": (call(operator.add, COUNTED, GLOBAL), ValueError, "denominators", "Give it all batches of the step at once"),
    "no denominators": (call(tw.global_denominator, []), ValueError, "denominators", "of y_true[:0]", "received an empty list"),
    "text among denominators": (call(tw.global_denominator, ["3"]), TypeError, "denominators", "[criterion.denominator(y_true) for each micro-batch]", "received str '3'"),
    "a vector among denominators": (call(tw.global_denominator, [ONES]), TypeError, "denominators", "Add up what it counts: .sum()", "received Tensor"),
    "sums among denominators": (call(tw.global_denominator, [SUMS]), TypeError, "denominators", "Partial sums go to tw.global_sums", "received PartialSums"),
    "an iterator of denominators": (call(tw.global_denominator, iter([COUNTED])), TypeError, "denominators", "Write list(..)", "received list_iterator"),
    "a denominator and a number": (call(tw.global_denominator, [COUNTED, 3.0]), TypeError, "denominators", "Make all with the same criterion", "beside 3.0"),
    "a step counted twice": (call(tw.global_denominator, GLOBAL), ValueError, "denominators", "Call it once in a step"),
    "other outputs in another batch": (call(tw.global_denominator, [{"a": COUNTED}, {"b": COUNTED}]), ValueError, "denominators", "Make all with the same criterion", "received ['a'] and ['b']"),
    "an unknown trainer": (call(tw.global_denominator, [COUNTED], averaged_by="dp"), ValueError, "averaged_by", "one of 'ddp', 'fsdp', 'sum'", "received 'dp'"),
    "a trainer with no batches": (call(tw.global_denominator, [COUNTED], averaged_by=("lightning", 0)), ValueError, "averaged_by", "Count the batches between two steps"),
    "a group before there are ranks": (call(tw.global_denominator, [COUNTED], group="world"), ValueError, "group", "torch.distributed.init_process_group()"),
    # ------------------------------------------------------------------------------------------ partial sums
    "sums where nothing is divided": (call(M(reduction="none").partial_sums, ONES, ONES), ValueError, "partial_sums()", "Build the criterion with another"),
    "sums of embeddings": (call(tw.Circle().partial_sums, ZEROS, LABELS), ValueError, "partial_sums()", "Gather the embeddings of all ranks", "where each meets every other"),
    "sums of a function of one number": (call(tw.from_function(lambda y_true, y_pred: (y_true - y_pred).mean()).partial_sums, ONES, ONES), ValueError, "partial_sums()", "Leave out the last mean"),
    "weights of features where there are none": (call(M().partial_sums, ONES, ONES, feature_weight=ONES), TypeError, "feature_weight", "Leave it out", "received it with MeanSquaredError"),
    "a loss as sums": (call(M().from_sums, torch.tensor(1.0)), TypeError, "sums", "criterion(y_pred, y_true) for a loss of one batch", "received Tensor"),
    "a denominator as the whole": (call(M().from_sums, SUMS, COUNTED), TypeError, "whole", "what criterion.partial_sums() returns", "received Denominator"),
    "sums of another criterion": (call(M().from_sums, S(from_logits=True).partial_sums(ZEROS, LABELS)), ValueError, "partial sums", "Make them with partial_sums() of the same criterion"),
    "a batch added to sums of a whole step": (call(operator.add, SUMS, GLOBAL_SUMS), ValueError, "partial sums", "Give it all batches of the step at once"),
    "no sums": (call(tw.global_sums, []), ValueError, "sums", "of y_true[:0]", "received an empty list"),
})  # fmt: skip

AGAIN = misuses({
    "a flag as denominator": (call(M(), ONES, ONES, denominator=True), TypeError, "denominator", "Write criterion.denominator(y_true)"),
    "a list to count a denominator of": (call(M().denominator, [1.0, 2.0]), TypeError, "y_true", "torch.as_tensor(y_true)"),
    "one-hot targets to count as labels": (call(S(from_logits=True).denominator, EYE), TypeError, "y_true", "Use CategoricalCrossentropy"),
    "denominators of two rows": (call(tw.global_denominator, [COUNTED, M(semantics="keras2.2.4").denominator(ONES)]), ValueError, "denominators", "Make both with the same criterion"),
    "a list of sums as sums": (call(M().from_sums, [SUMS]), TypeError, "sums", "Add up a list of them with sum(..)"),
    "denominators as sums": (call(tw.global_sums, [COUNTED]), TypeError, "sums", "what criterion.partial_sums() returns"),
    "sums and a number": (call(tw.global_sums, [SUMS, 3.0]), TypeError, "sums", "what criterion.partial_sums() returns"),
})  # fmt: skip
