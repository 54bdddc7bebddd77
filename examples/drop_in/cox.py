"""Trains as the introduction of torchsurv does, on made survival times; prints the loss of each step.

Like https://opensource.nibr.com/torchsurv/notebooks/introduction.html: batch normalisation, layers of 32 and 64, one
log hazard, Cox's partial likelihood, Adam at .01. Dropout is left out, so that figures are the same on every machine.
"""

import numpy as np
import torch
from torchsurv.loss.cox import neg_partial_log_likelihood

random = np.random.default_rng(0)
covariates = random.normal(size=(640, 9))
lifetimes = random.exponential(np.exp(-covariates[:, 0] + 0.5 * covariates[:, 1]))
watched = random.uniform(0.2, 3.0, 640)
features, times = torch.tensor(covariates).float(), torch.tensor(np.minimum(lifetimes, watched)).float()
events = torch.tensor(lifetimes <= watched)

torch.manual_seed(42)
cox_model = torch.nn.Sequential(
    torch.nn.BatchNorm1d(9),
    torch.nn.Linear(9, 32),
    torch.nn.ReLU(),
    torch.nn.Linear(32, 64),
    torch.nn.ReLU(),
    torch.nn.Linear(64, 1),
)
optimizer = torch.optim.Adam(cox_model.parameters(), lr=0.01)

for step in range(20):
    batch = slice(32 * step, 32 * step + 32)
    x, event, time = features[batch], events[batch], times[batch]
    optimizer.zero_grad()
    log_hz = cox_model(x)
    loss = neg_partial_log_likelihood(log_hz, event, time, reduction="mean")
    loss.backward()
    optimizer.step()
    print(f"step {step}: {loss.item()}")
