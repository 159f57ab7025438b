"""What every recipe of this folder trains: labels of which some are ignored, classes that weigh, batches of unequal worth."""

import torch
from torch import nn

import torchweights as tw

SAMPLES, STEPS, FEATURES, CLASSES = 12, 4, 8, 3
MICRO_BATCHES = 3
IGNORED = -100

criterion = tw.SparseCategoricalCrossentropy(
    from_logits=True, axis=-1, ignore_class=IGNORED, class_weight=[0.5, 2.0, 1.0]
)


def make_model() -> nn.Module:
    """The same on every rank."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(FEATURES, 16), nn.Tanh(), nn.Linear(16, CLASSES)).double()


def data() -> tuple[torch.Tensor, torch.Tensor]:
    """All samples; the later one is, the more of its labels are ignored."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(SAMPLES, STEPS, FEATURES, generator=generator, dtype=torch.float64)
    y = torch.randint(0, CLASSES, (SAMPLES, STEPS), generator=generator)
    ignored = torch.rand(SAMPLES, STEPS, generator=generator) < torch.linspace(0, 0.9, SAMPLES).unsqueeze(-1)
    return x, y.masked_fill(ignored, IGNORED)


def batches(rank: int, ranks: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The micro-batches of a rank, for one step."""
    x, y = data()
    size = SAMPLES // ranks
    mine = slice(rank * size, (rank + 1) * size)
    return list(zip(x[mine].chunk(MICRO_BATCHES), y[mine].chunk(MICRO_BATCHES), strict=True))


def count(y: torch.Tensor) -> tw.Denominator:
    """What these labels add to the denominator."""
    return criterion.denominator(y_true=y, y_pred_shape=(*y.shape, CLASSES))


def check(gradients: list[torch.Tensor], rank: int) -> None:
    """Compare with one process that has all samples in one batch."""
    model = make_model()
    x, y = data()
    criterion(model(x), y).backward()
    pairs = zip(gradients, (parameter.grad for parameter in model.parameters()), strict=True)
    worst = max(float((found - expected).abs().max() / expected.abs().max()) for found, expected in pairs)
    if rank == 0:
        print(f"largest difference from the gradient of the whole batch: {worst:.1e}")
    assert worst < 1e-12
