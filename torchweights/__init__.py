"""Keras's loss weights in PyTorch: class weights, sample weights and masks, exact for every era of Keras.

>>> import torch, torchweights as tw
>>> criterion = tw.SparseCategoricalCrossentropy(from_logits=True, class_weight={0: 1.0, 1: 5.0})
>>> criterion(torch.zeros(2, 2), torch.tensor([0, 1]))
tensor(2.0794)
"""

from importlib.metadata import version as _version

from torchweights import functional as functional
from torchweights import tf1 as tf1
from torchweights.class_counts import ClassCounts as ClassCounts
from torchweights.class_counts import count_classes as count_classes
from torchweights.class_weight import class_weight_to_sample_weights as class_weight_to_sample_weights
from torchweights.class_weight_builders import balanced as balanced
from torchweights.class_weight_builders import capped as capped
from torchweights.class_weight_builders import effective_number as effective_number
from torchweights.class_weight_builders import inverse_square_root as inverse_square_root
from torchweights.class_weight_builders import median_frequency as median_frequency
from torchweights.class_weight_builders import positive_weight as positive_weight
from torchweights.compiled import CompiledLoss as CompiledLoss
from torchweights.cost_matrices import business_costs as business_costs
from torchweights.cost_matrices import costs_from_class_weight as costs_from_class_weight
from torchweights.cost_matrices import ordinal_costs as ordinal_costs
from torchweights.counts import Counts as Counts
from torchweights.counts import Denominator as Denominator
from torchweights.distributed import global_denominator as global_denominator
from torchweights.distributed import global_sums as global_sums
from torchweights.epochs import EpochLoss as EpochLoss
from torchweights.explain import Explanation as Explanation
from torchweights.explain import explain as explain
from torchweights.explanation.shares import class_shares as class_shares
from torchweights.fusion import fuse as fuse
from torchweights.losses import CTC as CTC
from torchweights.losses import BinaryCrossentropy as BinaryCrossentropy
from torchweights.losses import BinaryCrossentropyDice as BinaryCrossentropyDice
from torchweights.losses import BinaryFocalCrossentropy as BinaryFocalCrossentropy
from torchweights.losses import CategoricalCrossentropy as CategoricalCrossentropy
from torchweights.losses import CategoricalFocalCrossentropy as CategoricalFocalCrossentropy
from torchweights.losses import CategoricalGeneralizedCrossEntropy as CategoricalGeneralizedCrossEntropy
from torchweights.losses import CategoricalHinge as CategoricalHinge
from torchweights.losses import Circle as Circle
from torchweights.losses import ClassDice as ClassDice
from torchweights.losses import ClassTversky as ClassTversky
from torchweights.losses import CosineSimilarity as CosineSimilarity
from torchweights.losses import Dice as Dice
from torchweights.losses import ExpectedCost as ExpectedCost
from torchweights.losses import Hinge as Hinge
from torchweights.losses import Huber as Huber
from torchweights.losses import KLDivergence as KLDivergence
from torchweights.losses import LogCosh as LogCosh
from torchweights.losses import MeanAbsoluteError as MeanAbsoluteError
from torchweights.losses import MeanAbsolutePercentageError as MeanAbsolutePercentageError
from torchweights.losses import MeanSquaredError as MeanSquaredError
from torchweights.losses import MeanSquaredLogarithmicError as MeanSquaredLogarithmicError
from torchweights.losses import Poisson as Poisson
from torchweights.losses import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
from torchweights.losses import SquaredHinge as SquaredHinge
from torchweights.losses import Tversky as Tversky
from torchweights.losses import WeightedCategoricalCrossentropy as WeightedCategoricalCrossentropy
from torchweights.losses import WeightedLoss as WeightedLoss
from torchweights.losses import WeightedMeanAbsoluteError as WeightedMeanAbsoluteError
from torchweights.losses import WeightedMeanSquaredError as WeightedMeanSquaredError
from torchweights.losses import WeightedRootMeanSquaredError as WeightedRootMeanSquaredError
from torchweights.losses import from_function as from_function
from torchweights.masking import blank_pixels as blank_pixels
from torchweights.masking import labelled_pixels as labelled_pixels
from torchweights.masking import mask_pixels as mask_pixels
from torchweights.masking import positive_count as positive_count
from torchweights.messages import KerasTrapWarning as KerasTrapWarning
from torchweights.names import get as get
from torchweights.partial_sums import PartialSums as PartialSums
from torchweights.penalties import activity_l1 as activity_l1
from torchweights.penalties import activity_l2 as activity_l2
from torchweights.penalties import l1 as l1
from torchweights.penalties import l2 as l2
from torchweights.reduction import reduce_weighted_values as reduce_weighted_values
from torchweights.semantics import SEMANTICS as SEMANTICS
from torchweights.semantics import Semantics as Semantics
from torchweights.semantics import semantics_for as semantics_for
from torchweights.totals import Parts as Parts

__version__ = _version("torchweights")
