"""What people write: one network after the other, a DataLoader and AdamW. Times one network; K cost K times as much."""

import torch
import torch.nn.functional as F
from population_task import BATCH, decays, gammas, member_count, rates, report, rows, smoothings, timed
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

K = member_count()
X, y = (torch.tensor(part) for part in rows())
gamma, smoothing = float(gammas(1)[0]), float(smoothings(1)[0])
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.AdamW(model.parameters(), lr=float(rates(1)[0]), weight_decay=float(decays(1)[0]))
loader = DataLoader(TensorDataset(X, y), batch_size=BATCH, shuffle=True)


def focal(logits: Tensor, target: Tensor) -> Tensor:
    entropy = F.cross_entropy(logits, target, label_smoothing=smoothing, reduction="none")
    p = F.log_softmax(logits, -1).gather(1, target[:, None]).squeeze(1).exp()
    return ((1 - p).clamp_min(1e-6) ** gamma * entropy).mean()


def epoch(_) -> None:
    for x, target in loader:
        optimizer.zero_grad()
        focal(model(x), target).backward()
        optimizer.step()


report([K * seconds for seconds in timed(epoch)])
