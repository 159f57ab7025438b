"""Options of criteria: a name that is none, a wrong kind, a wrong value, or no effect."""

from __future__ import annotations

import torch

import torchweights as tw
from tests.misuse.case import call, misuses

B, C, M, S = tw.BinaryCrossentropy, tw.CategoricalCrossentropy, tw.MeanSquaredError, tw.SparseCategoricalCrossentropy
ROW_LIST = "torchweights, torch, keras2.0.9"
NAN = float("nan")
MATRIX = [[0.0, 1.0], [5.0, 0.0]]

CASES = misuses({
    # ------------------------------------------------------------------------------------------ names of options
    "nn.CrossEntropyLoss's weight": (call(S, from_logits=True, weight=[1.0, 5.0]), TypeError, "weight", "Write class_weight=[1.0, 5.0]", "an option that SparseCategoricalCrossentropy has"),
    "nn.CrossEntropyLoss's ignore_index": (call(S, from_logits=True, ignore_index=255), TypeError, "ignore_index", "Write ignore_class=255"),
    "nn.BCEWithLogitsLoss's pos_weight": (call(B, from_logits=True, pos_weight=2.0), TypeError, "pos_weight", "class_weight={0: 1.0, 1: ..}"),
    "torch's dim": (call(tw.CosineSimilarity, dim=1), TypeError, "dim", "Write axis=1"),
    "torch's size_average": (call(M, size_average=True), TypeError, "size_average", "reduction='mean' for True"),
    "Keras's name of a loss": (call(M, name="loss"), TypeError, "name", "Leave it out: no number depends on it"),
    "sample weights for every call": (call(M, sample_weight=torch.ones(2)), TypeError, "sample_weight", "Give it with the call: criterion(y_pred, y_true, sample_weight=..)"),
    "a name of an option misspelt": (call(C, from_logits=True, label_smothing=0.1), TypeError, "label_smothing", "Write label_smoothing=.."),
    "a name of nothing": (call(M, colour=1), TypeError, "colour", "It takes axis, reduction, class_weight", "received colour=1"),
    "an option without its name": (call(S, True), TypeError, "options", "Write SparseCategoricalCrossentropy(from_logits=..)", "received True without one"),
    "activation forgotten": (call(tw.ClassDice), TypeError, "activation", "activation='none' for probabilities", "received nothing"),
    "indexing forgotten": (call(tw.ExpectedCost, MATRIX, from_logits=True), TypeError, "indexing", "indexing='true_pred' where rows are true classes"),
    # ------------------------------------------------------------------------------------------ what all share
    "an unknown reduction": (call(M, reduction="summ"), ValueError, "reduction", "Did you mean 'sum'?", "reduction expected one of sum_over_batch_size, mean", "received 'summ'"),
    "an unknown era": (call(M, semantics="keras2.2.44"), ValueError, "semantics", "Did you mean 'keras2.2.4'?", "semantics expected one of", ROW_LIST, "received 'keras2.2.44'"),
    "an era of another kind": (call(M, semantics=2), TypeError, "semantics", "Write semantics='keras3.15'", "semantics expected a row's name or a Semantics", "received int"),
    "text as rest_in_eval": (call(S, from_logits=True, rest_in_eval="no"), TypeError, "rest_in_eval", "True, False or None"),
    "text as validate": (call(S, from_logits=True, validate="no"), TypeError, "validate", "True, False or None"),
    "text as axis": (call(M, axis="last"), TypeError, "axis", "an int, or a tuple of them"),
    "an axis that has no effect": (call(M, semantics="torch", axis=(1, 2)), ValueError, "axis", "left out"),
    "several axes of vectors": (call(tw.CosineSimilarity, axis=(1, 2)), TypeError, "axis", "an int, the axis of the vectors"),
    "several axes of classes": (call(tw.KLDivergence, axis=(1, 2)), TypeError, "axis", "an int, the axis of the classes"),
    "several axes of labels": (call(B, from_logits=True, axis=(1, 2)), TypeError, "axis", "an int, or () for a value per element"),
    # ------------------------------------------------------------------------------------------ cross-entropies
    "from_logits forgotten": (call(S), TypeError, "from_logits", "from_logits=False if", "SparseCategoricalCrossentropy expected from_logits, received nothing", "from_logits=True if y_pred are logits"),
    "from_logits of another kind": (call(B, from_logits="yes"), ValueError, "from_logits", "True, False or 'rescued'", "from_logits expected True, False or 'rescued'", "received 'yes'"),
    "label_smoothing above 1": (call(C, from_logits=True, label_smoothing=2), ValueError, "label_smoothing", "a number from 0 to 1", "label_smoothing expected a number from 0 to 1", "received 2"),
    "text as label_smoothing": (call(B, from_logits=True, label_smoothing="0.1"), TypeError, "label_smoothing", "Write float(label_smoothing)"),
    "epsilon above a half": (call(B, from_logits=False, epsilon=0.7), ValueError, "epsilon", "between 0 and 0.5", "epsilon expected a number between 0 and 0.5", "received 0.7"),
    "text as epsilon": (call(B, from_logits=False, epsilon="1e-7"), TypeError, "epsilon", "Write float(epsilon)"),
    "an epsilon that has no effect": (call(S, from_logits=True, epsilon=1e-3), ValueError, "epsilon", "left out"),
    "ignore_class of another kind": (call(S, from_logits=True, ignore_class=2.0), TypeError, "ignore_class", "a label (an int) or None", "ignore_class expected a label (an int) or None", "received float 2.0"),
    "an unknown place of class weights": (call(S, from_logits=True, class_weight_on="class"), ValueError, "class_weight_on", "one of label, every_class"),
    "a place of class weights without weights": (call(S, from_logits=True, class_weight_on="every_class"), ValueError, "class_weight_on", "Give class_weight=.., or leave it out"),
    "a place of class weights that an era lacks": (call(S, semantics="keras3.15", class_weight={0: 1.0}, class_weight_on="every_class"), ValueError, "class_weight_on", "Use semantics='torchweights' or 'torch'"),
    # ------------------------------------------------------------------------------------------ focal losses, and q
    "gamma below 0": (call(tw.BinaryFocalCrossentropy, from_logits=True, gamma=-1), ValueError, "gamma", "a number, 0 or more"),
    "text as gamma": (call(tw.BinaryFocalCrossentropy, from_logits=True, gamma="2"), TypeError, "gamma", "a number, or a list of one for each class"),
    "alpha that makes the other label negative": (call(tw.BinaryFocalCrossentropy, from_logits=True, alpha=2.0, apply_class_balancing=True), ValueError, "alpha", "a number from 0 to 1, as label 0 weighs 1 - alpha"),
    "alpha that has no effect": (call(tw.BinaryFocalCrossentropy, from_logits=True, alpha=0.75), ValueError, "alpha", "Write apply_class_balancing=True, or leave alpha out"),
    "text as apply_class_balancing": (call(tw.BinaryFocalCrossentropy, from_logits=True, apply_class_balancing="yes"), TypeError, "apply_class_balancing", "True or False"),
    "alpha that is not finite": (call(tw.CategoricalFocalCrossentropy, from_logits=True, alpha=[1.0, NAN]), ValueError, "alpha", "finite weights"),
    "no alpha": (call(tw.CategoricalFocalCrossentropy, from_logits=True, alpha=None), TypeError, "alpha", "a list of one for each class"),
    "q of 1": (call(tw.CategoricalGeneralizedCrossEntropy, q=1.0), ValueError, "q", "between 0 and 1, both excluded"),
    "text as q": (call(tw.CategoricalGeneralizedCrossEntropy, q="a half"), TypeError, "q", "Write float(q)"),
    # ------------------------------------------------------------------------------------------ regression
    "delta of 0": (call(tw.Huber, delta=0), ValueError, "delta", "a number above 0"),
    "text as delta": (call(tw.Huber, delta="1"), TypeError, "delta", "Write float(delta)"),
    "class weights of a regression": (call(M, class_weight={0: 1.0}), TypeError, "class_weight", "Give the weights as sample_weight", "regression has no classes"),
    "text as weights of features": (call(tw.WeightedMeanSquaredError, "ab"), TypeError, "feature_weight", "Write [1.0, ..]"),
    "one number as weights of features": (call(tw.WeightedMeanSquaredError, 2.0), ValueError, "feature_weight", "one real weight per feature"),
    "weights of features that are not finite": (call(tw.WeightedMeanSquaredError, [1.0, NAN]), ValueError, "feature_weight", "finite weights"),
    "an unknown span of features": (call(tw.WeightedMeanSquaredError, [1.0], over="all"), ValueError, "over", "one of sample, batch, batch_scaled"),
    "an unknown root": (call(tw.WeightedRootMeanSquaredError, [1.0], root="sqrt"), ValueError, "root", "one of of_mean, of_sum"),
    # ------------------------------------------------------------------------------------------ overlap, and circle
    "alpha below 0": (call(tw.Tversky, alpha=-1.0), ValueError, "alpha", "a number, 0 or more"),
    "text as beta": (call(tw.Tversky, beta="1"), TypeError, "beta", "Write float(beta)"),
    "beta that is not finite": (call(tw.ClassTversky, activation="none", beta=NAN), ValueError, "beta", "a number, 0 or more"),
    "smooth below 0": (call(tw.ClassDice, activation="none", smooth=-1), ValueError, "smooth", "a number, 0 or more"),
    "text as smooth": (call(tw.BinaryCrossentropyDice, from_logits=True, smooth="1"), TypeError, "smooth", "Write float(smooth)"),
    "an unknown activation": (call(tw.ClassDice, activation="relu"), ValueError, "activation", "one of softmax, sigmoid, none"),
    "an unknown span of images": (call(tw.ClassDice, activation="none", over="pixel"), ValueError, "over", "one of image, batch, everything"),
    "an unknown word for absent classes": (call(tw.ClassDice, activation="none", absent="drop"), ValueError, "absent", "one of count, skip"),
    "absent classes where there are none": (call(tw.ClassDice, activation="none", over="everything", absent="skip"), ValueError, "absent", "Use over='image' or over='batch'"),
    "an unknown normalisation": (call(tw.ClassDice, activation="none", normalisation="mean"), ValueError, "normalisation", "one of weights, classes, none"),
    "a normalisation that has no effect": (call(tw.ClassDice, activation="none", over="everything", normalisation="classes"), ValueError, "normalisation", "Use over='image' or over='batch'"),
    "an unknown form of BCE-Dice": (call(tw.BinaryCrossentropyDice, from_logits=True, form="usually"), ValueError, "form", "Did you mean 'usual'?"),
    "an unknown reading of class weights": (call(tw.BinaryCrossentropyDice, from_logits=True, class_weight_read="items"), ValueError, "class_weight_read", "one of values, keys"),
    "keys of a list": (call(tw.BinaryCrossentropyDice, from_logits=True, class_weight_read="keys", class_weight=[1.0, 2.0]), TypeError, "class_weight", "or leave class_weight_read out"),
    "a scale of 0": (call(tw.Circle, gamma=0), ValueError, "gamma", "a number above 0"),
    "text as scale": (call(tw.Circle, gamma="80"), TypeError, "gamma", "Write float(gamma)"),
    "a margin that is not finite": (call(tw.Circle, margin=NAN), ValueError, "margin", "a finite number"),
    "text as margin": (call(tw.Circle, margin="wide"), TypeError, "margin", "Write float(margin)"),
    "text as remove_diagonal": (call(tw.Circle, remove_diagonal="no"), TypeError, "remove_diagonal", "True or False"),
    # ------------------------------------------------------------------------------------------ cost matrices
    "a cost matrix that is not square": (call(tw.ExpectedCost, [[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]], indexing="true_pred", from_logits=True), ValueError, "cost_matrix", "For one weight per class use class_weight", "received shape (2, 3)"),
    "a cost matrix that is none": (call(tw.ExpectedCost, {(0, 1): 2.0}, indexing="true_pred", from_logits=True), TypeError, "cost_matrix", "see tw.business_costs"),
    "an infinite cost": (call(tw.ExpectedCost, [[0.0, float("inf")], [1.0, 0.0]], indexing="true_pred", from_logits=True), ValueError, "cost_matrix", "a large cost", "received inf at [0, 1]"),
    "an unknown indexing": (call(tw.ExpectedCost, MATRIX, indexing="row", from_logits=True), ValueError, "indexing", "one of true_pred, pred_true"),
    "an unknown form of costs": (call(tw.ExpectedCost, MATRIX, indexing="true_pred", form="ln", from_logits=True), ValueError, "form", "one of cost, log"),
    "costs of a rescue": (call(tw.ExpectedCost, MATRIX, indexing="true_pred", from_logits="rescued"), ValueError, "from_logits", "pass the logits with True"),
    "an epsilon where nothing is clipped": (call(tw.ExpectedCost, MATRIX, indexing="true_pred", from_logits=False, epsilon=1e-3), ValueError, "epsilon", "left out with form='cost'"),
    # ------------------------------------------------------------------------------------------ functions as losses
    "a name as function": (call(tw.from_function, "mse"), TypeError, "fn", "Write tw.get('mse')"),
    "a class as function": (call(tw.from_function, torch.nn.MSELoss), TypeError, "fn", "Build it: MSELoss(..)"),
    "a criterion as function": (call(tw.from_function, M()), TypeError, "fn", "Use it as it is"),
    "a function of one argument": (call(tw.from_function, lambda values: values), TypeError, "fn", "Wrap it: lambda y_true, y_pred: ..", "received one that takes (values)"),
    "a loss of torch.nn in Keras's order": (call(tw.from_function, torch.nn.CrossEntropyLoss()), ValueError, "order", "tw.from_function(nn.CrossEntropyLoss(reduction='none'), order='torch')"),
    "an unknown order": (call(tw.from_function, torch.sub, order="tf"), ValueError, "order", "one of keras, torch"),
    "the configuration of a function": (call(tw.from_function(torch.sub).get_config), TypeError, "get_config()", "Build the criterion again with tw.from_function"),
    # ------------------------------------------------------------------------------------------ configurations
    "a list as configuration": (call(M.from_config, [1]), TypeError, "config", "MeanSquaredError.from_config(criterion.get_config())"),
    "class weights that no configuration has": (call(S.from_config, {"from_logits": True, "class_weight": {"0": 1.0}}), TypeError, "class_weight", "take the config of that", "as get_config() writes it"),
})  # fmt: skip

AGAIN = misuses({
    "a reduction of another kind": (call(M, reduction=3), ValueError, "reduction", "none", "reduction expected one of", "received 3"),
    "a flag as axis": (call(M, axis=True), TypeError, "axis", "an int, or a tuple of them"),
    "a configuration of another class": (call(M.from_config, {"colour": 1}), TypeError, "colour", "It takes axis"),
})  # fmt: skip
