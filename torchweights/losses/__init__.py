"""Criteria, by family."""

from torchweights.losses.base import WeightedLoss as WeightedLoss
from torchweights.losses.batch import CTC as CTC
from torchweights.losses.batch import Circle as Circle
from torchweights.losses.categorical import CategoricalCrossentropy as CategoricalCrossentropy
from torchweights.losses.categorical import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
from torchweights.losses.crossentropy import BinaryCrossentropy as BinaryCrossentropy
from torchweights.losses.distribution import CategoricalGeneralizedCrossEntropy as CategoricalGeneralizedCrossEntropy
from torchweights.losses.distribution import KLDivergence as KLDivergence
from torchweights.losses.focal import BinaryFocalCrossentropy as BinaryFocalCrossentropy
from torchweights.losses.focal import CategoricalFocalCrossentropy as CategoricalFocalCrossentropy
from torchweights.losses.hinge import CategoricalHinge as CategoricalHinge
from torchweights.losses.hinge import Hinge as Hinge
from torchweights.losses.hinge import SquaredHinge as SquaredHinge
from torchweights.losses.regression import CosineSimilarity as CosineSimilarity
from torchweights.losses.regression import Huber as Huber
from torchweights.losses.regression import LogCosh as LogCosh
from torchweights.losses.regression import MeanAbsoluteError as MeanAbsoluteError
from torchweights.losses.regression import MeanAbsolutePercentageError as MeanAbsolutePercentageError
from torchweights.losses.regression import MeanSquaredError as MeanSquaredError
from torchweights.losses.regression import MeanSquaredLogarithmicError as MeanSquaredLogarithmicError
from torchweights.losses.regression import Poisson as Poisson
from torchweights.losses.segmentation import Dice as Dice
from torchweights.losses.segmentation import Tversky as Tversky
