"""German credit with its documented costs, 5 for a bad customer called good and 1 for a good one called bad.

Run it: python examples/german_credit.py [PICTURE]

The same network is trained five times on each of ten splits, once with each criterion; what counts is the total cost of its
decisions on the rows that it did not see.
"""

from __future__ import annotations

import csv
import gzip
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

import torchweights as tw

TABLE = Path(__file__).parent / "data" / "german_credit.csv.gz"
GOOD, BAD = 0, 1
COSTS = tw.business_costs({(BAD, GOOD): 5.0, (GOOD, BAD): 1.0}, 2)
CRITERIA: dict[str, Callable[[], torch.nn.Module]] = {
    "cross-entropy": lambda: tw.SparseCategoricalCrossentropy(from_logits=True),
    "class weights": lambda: tw.SparseCategoricalCrossentropy(from_logits=True, class_weight={GOOD: 1.0, BAD: 5.0}),
    # A right decision keeps its cross-entropy: 1 on the diagonal.
    "cost matrix": lambda: tw.WeightedCategoricalCrossentropy(
        COSTS + torch.eye(2), indexing="true_pred", from_logits=True
    ),
    "expected cost": lambda: tw.ExpectedCost(COSTS, indexing="true_pred", from_logits=True),
    "expected cost, log": lambda: tw.ExpectedCost(COSTS, indexing="true_pred", from_logits=True, form="log"),
}


def read() -> tuple[Tensor, Tensor]:
    """(1000, features): numbers standardised, words one-hot; and the labels."""
    with gzip.open(TABLE, "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    columns = []
    for name in rows[0]:
        if name == "creditability":
            continue
        given = [row[name] for row in rows]
        if all(one.isdigit() for one in given):
            numbers = torch.tensor([float(one) for one in given])
            columns.append(((numbers - numbers.mean()) / numbers.std()).unsqueeze(1))
        else:
            words = sorted(set(given))
            columns.append(torch.eye(len(words))[[words.index(one) for one in given]])
    return torch.cat(columns, 1), torch.tensor([BAD if row["creditability"] == "bad" else GOOD for row in rows])


def decided(criterion: torch.nn.Module, x: Tensor, y: Tensor, unseen: Tensor) -> Tensor:
    """The decisions of a network trained with the criterion."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(x.shape[1], 16), torch.nn.ReLU(), torch.nn.Linear(16, 2))
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.01, weight_decay=0.1)
    for _ in range(150):
        optimizer.zero_grad()
        criterion(network(x), y).backward()
        optimizer.step()
    with torch.no_grad():
        return network(unseen).argmax(1)


def main() -> None:
    """Print, and draw, what the decisions cost."""
    torch.set_num_threads(1)
    x, y = read()
    costs: dict[str, list[float]] = {name: [] for name in CRITERIA}
    bad_called_good: dict[str, float] = dict.fromkeys(CRITERIA, 0.0)
    for split in range(10):
        order = torch.randperm(len(y), generator=torch.Generator().manual_seed(split))
        seen, held = order[:700], order[700:]
        for name, make in CRITERIA.items():
            decisions = decided(make(), x[seen], y[seen], x[held])
            costs[name].append(float(COSTS[y[held], decisions].sum()))
            bad_called_good[name] += float(((y[held] == BAD) & (decisions == GOOD)).sum()) / 10
    print("300 held-out customers, mean of 10 splits     cost    bad called good")
    for name, found in costs.items():
        print(f"  {name:<42} {sum(found) / 10:6.1f}    {bad_called_good[name]:6.1f}")
    everyone_bad = float(COSTS[y, torch.full_like(y, BAD)].sum()) * 0.3
    print(f"  {'(refuse everyone)':<42} {everyone_bad:6.1f}    {0:6.1f}")
    draw(costs, sys.argv[1] if len(sys.argv) > 1 else "german_credit.png")


def draw(costs: dict[str, list[float]], path: str) -> None:
    """A box for each criterion."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
    axes.boxplot(list(costs.values()), orientation="horizontal")
    axes.set_yticks(range(1, len(costs) + 1), list(costs))
    axes.set_xlabel("total cost on 300 held-out customers, ten splits")
    figure.savefig(path, dpi=120)
    print(f"drawn: {path}")


if __name__ == "__main__":
    main()
