"""Exact gradient accumulation: micro-batches of different sizes give the gradient of the whole batch.

Run it: python examples/gradient_accumulation.py
"""

import torch

import torchweights as tw

torch.manual_seed(0)
model = torch.nn.Linear(8, 3).double()
x, y = torch.randn(10, 8, dtype=torch.float64), torch.randint(0, 3, (10,))
weight = torch.rand(10, dtype=torch.float64)
criterion = tw.SparseCategoricalCrossentropy(
    from_logits=True, class_weight=[1.0, 2.0, 3.0], reduction="mean_with_sample_weight"
)

criterion(model(x), y, weight).backward()
whole = model.weight.grad.clone()
model.zero_grad()

sizes = [5, 1, 4]
batches = list(zip(x.split(sizes), y.split(sizes), weight.split(sizes), strict=True))
denominator = sum(criterion.denominator(t, w, y_pred_shape=(len(t), 3)) for _, t, w in batches)
for inputs, labels, weights in batches:
    criterion(model(inputs), labels, weights, denominator=denominator).backward()

print(f"largest difference from the gradient of the whole batch: {(model.weight.grad - whole).abs().max():.1e}")
assert torch.allclose(model.weight.grad, whole, rtol=1e-12, atol=0)
