# Classification of whole sequences in PyTorch, as examples/classify-sequences.ts.
import math
import random
import sys

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

random.seed(1)
torch.manual_seed(1)
shapes = [lambda p: math.sin(2 * math.pi * p), lambda p: 1 if p % 1 < 0.5 else -1, lambda p: 2 * (p % 1) - 1]


def sample(n):
    rate, phase, length = 0.05 + 0.1 * random.random(), random.random(), 20 + random.randrange(30)
    x = [shapes[n % 3](phase + rate * t) + 0.3 * random.gauss(0, 1) for t in range(length)]
    return torch.tensor(x)[:, None], n % 3


samples = [sample(n) for n in range(600)]
train, valid = samples[:500], samples[500:]


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(1, 32)
        self.head = nn.Linear(32, 3)

    def forward(self, x, lengths):
        _, (h, _) = self.lstm(pack_padded_sequence(x, lengths, enforce_sorted=False))
        return self.head(h[0])


def collate(batch):
    xs, labels = zip(*batch)
    return pad_sequence(xs), torch.tensor([len(x) for x in xs]), torch.tensor(labels)


model = Model()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
steps = int(sys.argv[1]) if len(sys.argv) > 1 else 400
loader = torch.utils.data.DataLoader(train, batch_size=32, shuffle=True, collate_fn=collate)
step = 0
while step < steps:
    for x, lengths, labels in loader:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x, lengths), labels).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step == steps:
            break

model.eval()
with torch.no_grad():
    x, lengths, labels = collate(valid)
    right = (model(x, lengths).argmax(-1) == labels).float().mean().item()
print(f"right: {100 * right:.1f} %")
