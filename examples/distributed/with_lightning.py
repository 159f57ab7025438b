"""Lightning with accumulate_grad_batches: torchrun --nproc_per_node 2 examples/distributed/with_lightning.py"""

import logging
import os

import lightning as L
import task
import torch

import torchweights as tw


class LookAhead:
    """Micro-batches, the first of each step with the labels of all: Lightning hands out one at a time."""

    def __init__(self, batches, per_step):
        self.batches, self.per_step = batches, per_step

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        for start in range(0, len(self.batches), self.per_step):
            step = self.batches[start : start + self.per_step]
            for place, (x, y) in enumerate(step):
                yield x, y, [labels for _, labels in step] if place == 0 else []


class Module(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.model = task.make_model()

    def training_step(self, batch, batch_idx):
        x, y, labels_of_step = batch
        if labels_of_step:  # on every rank at once, for all have as many batches
            self.denominator = tw.global_denominator(
                [task.count(labels) for labels in labels_of_step],
                averaged_by=("lightning", self.trainer.accumulate_grad_batches),
            )
        return task.criterion(self.model(x), y, denominator=self.denominator)

    def on_before_optimizer_step(self, optimizer):
        task.check([parameter.grad for parameter in self.model.parameters()], self.global_rank)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
ranks, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
trainer = L.Trainer(
    accelerator="cpu", devices=ranks, strategy="ddp" if ranks > 1 else "auto", max_epochs=1,
    accumulate_grad_batches=task.MICRO_BATCHES, logger=False, enable_checkpointing=False, enable_progress_bar=False,
    enable_model_summary=False,
)  # fmt: skip
trainer.fit(Module(), LookAhead(task.batches(rank, ranks), task.MICRO_BATCHES))
