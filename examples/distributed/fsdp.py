"""FSDP2 with accumulation: torchrun --nproc_per_node 2 examples/distributed/fsdp.py"""

import task
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

import torchweights as tw

dist.init_process_group("gloo")
rank, ranks = dist.get_rank(), dist.get_world_size()
model = fully_shard(task.make_model(), mesh=init_device_mesh("cpu", (ranks,)))
batches = task.batches(rank, ranks)

denominator = tw.global_denominator([task.count(y) for _, y in batches], averaged_by="fsdp")
for place, (x, y) in enumerate(batches):
    model.set_requires_gradient_sync(place == len(batches) - 1)
    task.criterion(model(x), y, denominator=denominator).backward()

task.check([parameter.grad.full_tensor() for parameter in model.parameters()], rank)
dist.destroy_process_group()
