"""Turns `torchrun`'s environment into this process's share of the work; without it, one process does all.

torchrun --nproc-per-node 2 -m training digits
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class Processes:
    """Who trains."""

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process speaks for all: it logs, keeps checkpoints and publishes."""
        return self.rank == 0

    def share(self, pictures: int) -> slice:
        """Which of a batch's pictures are this process's."""
        return slice(self.rank, pictures, self.count)

    def wait(self) -> None:
        """Until all have come here."""
        if self.count > 1:
            distributed.barrier()

    def any(self, asked: bool) -> bool:
        """Whether any process says yes; all get the same answer."""
        if self.count == 1:
            return asked
        vote = torch.tensor([float(asked)])
        distributed.all_reduce(vote, op=distributed.ReduceOp.MAX)
        return bool(vote.item())

    def sum(self, value: torch.Tensor) -> torch.Tensor:
        """The sum over all processes."""
        if self.count > 1:
            distributed.all_reduce(value)
        return value

    def wrap(self, network: nn.Module) -> nn.Module:
        """The network, its gradients averaged over all processes."""
        return DistributedDataParallel(network) if self.count > 1 else network


@contextmanager
def join_processes() -> Iterator[Processes]:
    """Meet the other processes that `torchrun` started, and part from them in the end."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Processes()
        return
    use_cuda = torch.cuda.is_available()
    if use_cuda:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("cpu:gloo,cuda:nccl" if use_cuda else "gloo")
    try:
        yield Processes(distributed.get_rank(), count)
    finally:
        distributed.destroy_process_group()
