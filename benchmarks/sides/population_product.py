"""The rate of one large matrix product on this machine: what no step can beat, as the time of a step's products."""

import time

import torch
from population_task import BATCH, member_count, report

K, SIZE = member_count(), 2048
# multiply-adds of one member's step: forward, gradient of the weights, gradient of the inputs but the first
WORK = 2 * BATCH * (2 * (64 * 64 + 64 * 64 + 64 * 10) + 64 * 64 + 64 * 10)
a, b = torch.randn(SIZE, SIZE), torch.randn(SIZE, SIZE)
seconds = []
for _ in range(12):
    start = time.perf_counter()
    a @ b
    seconds.append(time.perf_counter() - start)
step = K * WORK * min(seconds[2:]) / (2 * SIZE**3)
report([step * 19])
