"""Accelerate with accumulation: torchrun --nproc_per_node 2 examples/distributed/with_accelerate.py"""

import task
import torch
from accelerate import Accelerator

import torchweights as tw

accelerator = Accelerator(cpu=True, gradient_accumulation_steps=task.MICRO_BATCHES)
model = task.make_model()
model, optimizer = accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=0.1))
batches = task.batches(accelerator.process_index, accelerator.num_processes)

# accelerator.backward divides each loss by the number of micro-batches, and DDP by the number of ranks.
denominator = tw.global_denominator([task.count(y) for _, y in batches], averaged_by=("accelerate", task.MICRO_BATCHES))
for x, y in batches:
    with accelerator.accumulate(model):
        accelerator.backward(task.criterion(model(x), y, denominator=denominator))
        if accelerator.sync_gradients:
            task.check([parameter.grad for parameter in model.parameters()], accelerator.process_index)
        optimizer.step()
accelerator.end_training()
