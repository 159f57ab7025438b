"""Hugging Face's Trainer: torchrun --nproc_per_node 2 examples/distributed/with_transformers.py"""

import os
import tempfile

import task
from torch import nn
from transformers import Trainer, TrainerCallback, TrainingArguments


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = task.make_model()

    def forward(self, x, labels=None):
        return {"logits": self.body(x)}


def compute_loss(outputs, labels, num_items_in_batch=None):
    # The Trainer counted the labels that are not -100, over micro-batches and ranks: the denominator of the default row.
    return task.criterion(outputs["logits"], labels, denominator=num_items_in_batch)


class Check(TrainerCallback):
    def on_pre_optimizer_step(self, args, state, control, model, **more):
        task.check([parameter.grad for parameter in model.parameters()], args.process_index)


ranks = int(os.environ.get("WORLD_SIZE", 1))
with tempfile.TemporaryDirectory() as folder:
    arguments = TrainingArguments(
        folder, use_cpu=True, per_device_train_batch_size=task.SAMPLES // ranks // task.MICRO_BATCHES,
        gradient_accumulation_steps=task.MICRO_BATCHES, max_steps=1, max_grad_norm=0, report_to=[], save_strategy="no",
        disable_tqdm=True, logging_strategy="no",
    )  # fmt: skip
    samples = [{"x": x, "labels": y} for x, y in zip(*task.data(), strict=True)]
    Trainer(Model(), arguments, train_dataset=samples, compute_loss_func=compute_loss, callbacks=[Check()]).train()
