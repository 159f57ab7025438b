"""Every loss a second time, in 50 digits of mpmath, from its definition: what ``parity_tests.accuracy`` measures against.

Nothing here calls torch or torchweights. A loss is a function ``(y_pred, y_true, **options)`` of one sample (lists of
mpf; labels are integers) and returns ``Exact``: the terms that its value adds up, and for each prediction the terms that
its derivative adds up. Sums that cancel are thereby known to cancel: the largest term says how large an error must be
expected. ``EPSILON`` is where predictions are clipped, as the float type holds it.
"""

from mpmath import mp

from parity_tests.exact.classes import CLASSES
from parity_tests.exact.elements import ELEMENTS
from parity_tests.exact.terms import Exact as Exact
from parity_tests.exact.wholes import WHOLES

mp.dps = 50
#: Keras's name -> its formula
EXACT = {**ELEMENTS, **CLASSES, **WHOLES}
