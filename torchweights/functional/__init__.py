"""Loss formulas, one pure function each: unreduced values, no era, no weight, no mask.

Every function takes ``(y_pred, y_true)`` and averages or sums its ``axis`` away; ``axis=()`` leaves a value per element
where that means something. What eras disagree about is an argument. Half precision is computed in float32.
"""

from torchweights.functional.batch import circle as circle
from torchweights.functional.batch import ctc as ctc
from torchweights.functional.class_overlap import class_overlap as class_overlap
from torchweights.functional.class_overlap import overlap_score as overlap_score
from torchweights.functional.class_overlap import overlap_sums as overlap_sums
from torchweights.functional.cost_matrix import cost_weight as cost_weight
from torchweights.functional.cost_matrix import expected_cost as expected_cost
from torchweights.functional.crossentropy import binary_crossentropy as binary_crossentropy
from torchweights.functional.crossentropy import categorical_crossentropy as categorical_crossentropy
from torchweights.functional.crossentropy import (
    categorical_generalized_cross_entropy as categorical_generalized_cross_entropy,
)
from torchweights.functional.crossentropy import kl_divergence as kl_divergence
from torchweights.functional.crossentropy import sparse_categorical_crossentropy as sparse_categorical_crossentropy
from torchweights.functional.feature_weights import error_of as error_of
from torchweights.functional.feature_weights import error_sums as error_sums
from torchweights.functional.feature_weights import weighted_error as weighted_error
from torchweights.functional.focal import binary_focal_crossentropy as binary_focal_crossentropy
from torchweights.functional.focal import categorical_focal_crossentropy as categorical_focal_crossentropy
from torchweights.functional.hinge import categorical_hinge as categorical_hinge
from torchweights.functional.hinge import hinge as hinge
from torchweights.functional.hinge import signed_labels as signed_labels
from torchweights.functional.hinge import squared_hinge as squared_hinge
from torchweights.functional.overlap import dice as dice
from torchweights.functional.overlap import dice_of as dice_of
from torchweights.functional.overlap import dice_sums as dice_sums
from torchweights.functional.overlap import tversky as tversky
from torchweights.functional.overlap import tversky_of as tversky_of
from torchweights.functional.overlap import tversky_sums as tversky_sums
from torchweights.functional.regression import cosine_similarity as cosine_similarity
from torchweights.functional.regression import huber as huber
from torchweights.functional.regression import log_cosh as log_cosh
from torchweights.functional.regression import mean_absolute_error as mean_absolute_error
from torchweights.functional.regression import mean_absolute_percentage_error as mean_absolute_percentage_error
from torchweights.functional.regression import mean_squared_error as mean_squared_error
from torchweights.functional.regression import mean_squared_logarithmic_error as mean_squared_logarithmic_error
from torchweights.functional.regression import poisson as poisson
from torchweights.functional.shared import at_least_float32 as at_least_float32
