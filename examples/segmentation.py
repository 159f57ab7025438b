"""A segmentation step with class weights and void pixels, and what the same step lost in three releases of Keras.

Run it: python examples/segmentation.py
"""

import torch

import torchweights as tw

torch.manual_seed(0)
VOID = 255
logits = torch.randn(2, 3, 32, 32, requires_grad=True)  # (N, classes, H, W)
target = torch.randint(0, 3, (2, 32, 32))
target[:, :2] = VOID
class_weight = {0: 0.2, 1: 1.0, 2: 5.0}

criterion = tw.SparseCategoricalCrossentropy(from_logits=True, axis=1, ignore_class=VOID, class_weight=class_weight)
loss = criterion(logits, target)
loss.backward()
print(f"torchweights       {loss.item():.6f}   the mean over labelled pixels")

# Before Keras 2.13 class weights per pixel had to be sample weights, and void was weight 0.
flat_logits = logits.detach().flatten(2).transpose(1, 2)  # (N, pixels, classes)
flat_target = target.flatten(1)
one_hot = torch.nn.functional.one_hot(flat_target.where(flat_target != VOID, 0), 3).float()
weights = torch.tensor(list(class_weight.values()))[flat_target.where(flat_target != VOID, 0)] * (flat_target != VOID)
for release in ("keras2.2.4", "tensorflow==1.12", "keras3.15"):
    old = tw.CategoricalCrossentropy(from_logits="rescued", semantics=release)
    divides = (tw.semantics_for(release).weighing.denominator.__doc__ or "").splitlines()[0].rstrip(".").lower()
    print(f"{release:<18} {old(flat_logits, one_hot, weights).item():.6f}   divided by: {divides}")
