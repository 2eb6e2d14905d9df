# Tagging with lengths in PyTorch, as examples/tag-sequences.ts.
import random
import sys

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

random.seed(1)
torch.manual_seed(1)


def sample():
    brackets = [random.randrange(2) for _ in range(4 + random.randrange(12))]  # 0 opens, 1 closes
    tags, opened = [1] * len(brackets), []
    for at, bracket in enumerate(brackets):
        if bracket == 0:
            opened.append(at)
        elif opened:
            tags[at] = tags[opened.pop()] = 0
    return torch.tensor(brackets), torch.tensor(tags)


samples = [sample() for _ in range(1200)]
train, valid = samples[:1000], samples[1000:]


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(2, 8)
        self.lstm = nn.LSTM(8, 32, bidirectional=True)
        self.head = nn.Linear(64, 2)

    def forward(self, brackets, lengths):
        packed = pack_padded_sequence(self.embedding(brackets), lengths, enforce_sorted=False)
        output, _ = pad_packed_sequence(self.lstm(packed)[0])
        return self.head(output)


def collate(batch):
    brackets, tags = zip(*batch)
    lengths = torch.tensor([len(one) for one in brackets])
    return pad_sequence(brackets), lengths, pad_sequence(tags, padding_value=-1)


model = Model()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
steps = int(sys.argv[1]) if len(sys.argv) > 1 else 600
loader = torch.utils.data.DataLoader(train, batch_size=32, shuffle=True, collate_fn=collate)
step = 0
while step < steps:
    for brackets, lengths, tags in loader:
        optimizer.zero_grad()
        logits = model(brackets, lengths)
        nn.functional.cross_entropy(logits.flatten(0, 1), tags.flatten(), ignore_index=-1).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step == steps:
            break

model.eval()
with torch.no_grad():
    brackets, lengths, tags = collate(valid)
    counted = tags != -1
    right = (model(brackets, lengths).argmax(-1) == tags)[counted].float().mean().item()
print(f"right: {100 * right:.1f} %")
