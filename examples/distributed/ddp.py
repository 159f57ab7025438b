"""DDP with accumulation: torchrun --nproc_per_node 2 examples/distributed/ddp.py"""

import contextlib

import task
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

import torchweights as tw

dist.init_process_group("gloo")
rank, ranks = dist.get_rank(), dist.get_world_size()
model = DistributedDataParallel(task.make_model())
batches = task.batches(rank, ranks)

denominator = tw.global_denominator([task.count(y) for _, y in batches])  # on every rank, in every step
for place, (x, y) in enumerate(batches):
    last = place == len(batches) - 1
    with contextlib.nullcontext() if last else model.no_sync():
        task.criterion(model(x), y, denominator=denominator).backward()

task.check([parameter.grad for parameter in model.parameters()], rank)
dist.destroy_process_group()
