# A custom loss in PyTorch, as examples/custom-loss.ts.
import math
import random
import sys

import torch
from torch import nn

random.seed(1)
torch.manual_seed(1)


def noise(t):
    return 0.1 + 0.4 * (1 + math.sin(t / 4))


def sample():
    start = random.randrange(100)
    steps = range(start, start + 40)
    y = [[math.sin(t / 7) + noise(t) * random.gauss(0, 1)] for t in steps]
    x = [[math.sin(t / 7), math.sin(t / 4)] for t in steps]
    return torch.tensor(x), torch.tensor(y)


samples = [sample() for _ in range(300)]


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(2, 16, batch_first=True)
        self.head = nn.Linear(16, 2)

    def forward(self, x):
        return self.head(self.lstm(x)[0]).chunk(2, dim=-1)


def gaussian(mean, log_deviation, y):
    z = (y - mean) * torch.exp(-log_deviation)
    return (0.5 * z**2 + log_deviation + 0.5 * math.log(2 * math.pi)).mean()


model = Model()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
steps = int(sys.argv[1]) if len(sys.argv) > 1 else 300
loader = torch.utils.data.DataLoader(samples, batch_size=30, shuffle=True)
step = 0
while step < steps:
    for x, y in loader:
        optimizer.zero_grad()
        gaussian(*model(x), y).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step == steps:
            break

model.eval()
with torch.no_grad():
    losses = [gaussian(*model(x), y).item() for x, y in loader]
print(f"{sum(losses) / len(losses):.3f} nats a value")
