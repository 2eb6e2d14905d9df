# Regression of a series in PyTorch, as examples/forecast-series.ts.
import math
import random
import sys

import torch
from torch import nn

random.seed(1)
torch.manual_seed(1)


def wave(t, period):
    return math.sin(2 * math.pi * t / period)


series = torch.tensor([wave(t, 24) + 0.5 * wave(t, 168) + 0.1 * random.gauss(0, 1) for t in range(2000)])
window = 48
xs = series.unfold(0, window, 1)[:-1].unsqueeze(-1)
ys = series[window:].unsqueeze(-1)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(1, 32, batch_first=True)
        self.head = nn.Linear(32, 1)

    def forward(self, x):
        _, (h, _) = self.lstm(x)
        return self.head(h[0])


model = Model()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
steps = int(sys.argv[1]) if len(sys.argv) > 1 else 500
data = torch.utils.data.TensorDataset(xs[:1600], ys[:1600])
loader = torch.utils.data.DataLoader(data, batch_size=32, shuffle=True)
step = 0
while step < steps:
    for x, y in loader:
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x), y).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step == steps:
            break

model.eval()
x, y = xs[1600:], ys[1600:]
with torch.no_grad():
    error = nn.functional.mse_loss(model(x), y).sqrt().item()
before = nn.functional.mse_loss(x[:, window - 24], y).sqrt().item()
print(f"root mean square error: {error:.3f}; as a day before: {before:.3f}")
