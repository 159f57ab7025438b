"""Criteria, by family."""

from torchweights.losses.base import WeightedLoss as WeightedLoss
from torchweights.losses.categorical import CategoricalCrossentropy as CategoricalCrossentropy
from torchweights.losses.categorical import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
from torchweights.losses.crossentropy import BinaryCrossentropy as BinaryCrossentropy
from torchweights.losses.hinge import Hinge as Hinge
from torchweights.losses.hinge import SquaredHinge as SquaredHinge
from torchweights.losses.regression import MeanAbsoluteError as MeanAbsoluteError
from torchweights.losses.regression import MeanSquaredError as MeanSquaredError
