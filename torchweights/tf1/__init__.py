"""``tf.losses`` of TensorFlow 1, which is ``tf.compat.v1.losses`` of every later TensorFlow.

Functions under TensorFlow's names, with its argument names, in PyTorch's order: predictions come before labels, so a call
is ported by naming its arguments. ``Criterion`` is the same as a module.

>>> import torch, torchweights as tw
>>> logits, onehot = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([[1.0, 0.0], [1.0, 0.0]])
>>> tw.tf1.softmax_cross_entropy(onehot_labels=onehot, logits=logits, weights=torch.tensor([1.0, 0.0]))
tensor(0.1269)
"""

from torchweights.tf1.criterion import Criterion as Criterion
from torchweights.tf1.crossentropy import sigmoid_cross_entropy as sigmoid_cross_entropy
from torchweights.tf1.crossentropy import softmax_cross_entropy as softmax_cross_entropy
from torchweights.tf1.crossentropy import sparse_softmax_cross_entropy as sparse_softmax_cross_entropy
from torchweights.tf1.elementwise import absolute_difference as absolute_difference
from torchweights.tf1.elementwise import compute_weighted_loss as compute_weighted_loss
from torchweights.tf1.elementwise import cosine_distance as cosine_distance
from torchweights.tf1.elementwise import hinge_loss as hinge_loss
from torchweights.tf1.elementwise import huber_loss as huber_loss
from torchweights.tf1.elementwise import log_loss as log_loss
from torchweights.tf1.elementwise import mean_pairwise_squared_error as mean_pairwise_squared_error
from torchweights.tf1.elementwise import mean_squared_error as mean_squared_error
from torchweights.tf1.rows import REDUCTIONS as REDUCTIONS
from torchweights.tf1.rows import ROWS as ROWS
