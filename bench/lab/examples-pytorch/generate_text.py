# Text generation in PyTorch, as examples/generate-text.ts.
import sys

import torch
from torch import nn

torch.manual_seed(1)
months = "january february march april may june july august september october november december "
text = months * 40
symbols = sorted(set(text))
ids = {symbol: i for i, symbol in enumerate(symbols)}
tokens = torch.tensor([ids[symbol] for symbol in text])


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(len(symbols), 32)
        self.lstm = nn.LSTM(32, 96)
        self.head = nn.Linear(96, len(symbols))

    def forward(self, x, state=None):
        output, state = self.lstm(self.embedding(x), state)
        return self.head(output), state


model = Model()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
steps = int(sys.argv[1]) if len(sys.argv) > 1 else 300
batch, length = 8, 32
rows = (len(tokens) - 1) // batch
inputs = tokens[: batch * rows].view(batch, rows).t()
targets = tokens[1 : batch * rows + 1].view(batch, rows).t()
state, at = None, 0
for step in range(steps):
    if at + length > rows:
        state, at = None, 0
    logits, state = model(inputs[at : at + length], state)
    state = tuple(part.detach() for part in state)
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), targets[at : at + length].flatten())
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    at += length

model.eval()
for temperature in [0.3, 1.5]:
    with torch.no_grad():
        logits, state = model(torch.tensor([[ids[symbol]] for symbol in "january "]))
        written = ""
        for _ in range(70):
            drawn = torch.multinomial(torch.softmax(logits[-1, 0] / temperature, -1), 1)
            written += symbols[drawn.item()]
            logits, state = model(drawn[None], state)
    print(f"{temperature}: january {written}")
