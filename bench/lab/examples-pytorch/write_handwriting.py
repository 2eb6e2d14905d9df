# Handwriting synthesis in PyTorch, as examples/write-handwriting.ts: LSTM layers, a soft window over the text, a mixture density
# (Graves 2013).
import math
import sys

import torch
from ink import practice_ink
from torch import nn
from torch.nn.utils.rnn import pad_sequence

torch.manual_seed(1)
samples = practice_ink(2000)
letters = sorted({letter for text, _ in samples for letter in text})
ids = {letter: i for i, letter in enumerate(letters)}
train, valid = samples[:1900], samples[1900:]
hidden, gaussians, windows = 96, 8, 5


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.LSTMCell(3 + len(letters), hidden)
        self.window = nn.Linear(hidden, 3 * windows)
        self.second = nn.LSTM(3 + hidden + len(letters), hidden)
        self.head = nn.Linear(hidden, 6 * gaussians + 1)

    def start(self, batch):
        zeros = torch.zeros(batch, hidden)
        return zeros, zeros, torch.zeros(batch, windows), torch.zeros(batch, len(letters)), None

    def forward(self, ink, text, state):
        h, c, place, seen, second = state
        positions = torch.arange(text.shape[1])
        outputs = []
        for point in ink:
            h, c = self.first(torch.cat([point, seen], -1), (h, c))
            alpha, beta, move = self.window(h).exp().chunk(3, -1)
            place = place + move / 25
            shares = (alpha[..., None] * torch.exp(-beta[..., None] * (place[..., None] - positions) ** 2)).sum(1)
            seen = (shares[..., None] * text).sum(1)
            outputs.append(torch.cat([point, h, seen], -1))
        output, second = self.second(torch.stack(outputs), second)
        return self.head(output), (h, c, place, seen, second), shares


def parts(y):
    weights, mean_x, mean_y, dev_x, dev_y, rho = y[..., :-1].chunk(6, -1)
    return weights.log_softmax(-1), mean_x, mean_y, dev_x, dev_y, torch.tanh(rho), y[..., -1]


def nats(y, ink, mask):
    weights, mean_x, mean_y, dev_x, dev_y, rho, end = parts(y)
    x, y, stroke_end = ink.unbind(-1)
    zx, zy = (x[..., None] - mean_x) * torch.exp(-dev_x), (y[..., None] - mean_y) * torch.exp(-dev_y)
    rest = 1 - rho**2 + 1e-6
    density = -(zx**2 + zy**2 - 2 * rho * zx * zy) / (2 * rest) - dev_x - dev_y - 0.5 * rest.log() - math.log(2 * math.pi)
    loss = -torch.logsumexp(weights + density, -1)
    loss = loss + nn.functional.binary_cross_entropy_with_logits(end, stroke_end, reduction="none")
    return (loss * mask).sum() / mask.sum()


def collate(batch):
    texts, inks = zip(*batch)
    rows = [nn.functional.one_hot(torch.tensor([ids[letter] for letter in text]), len(letters)) for text in texts]
    mask = pad_sequence([torch.ones(len(ink) - 1) for ink in inks])
    return pad_sequence(inks), pad_sequence(rows, batch_first=True).float(), mask


def loss_of(model, batch):
    ink, text, mask = batch
    y, _, _ = model(ink[:-1], text, model.start(ink.shape[1]))
    return nats(y, ink[1:], mask)


model = Model()
optimizer = torch.optim.Adam(model.parameters(), lr=6e-3)
steps = int(sys.argv[1]) if len(sys.argv) > 1 else 900
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
loader = torch.utils.data.DataLoader(train, batch_size=32, shuffle=True, collate_fn=collate)
step = 0
while step < steps:
    for batch in loader:
        optimizer.zero_grad()
        loss_of(model, batch).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        step += 1
        if step == steps:
            break

model.eval()
with torch.no_grad():
    print(f"{loss_of(model, collate(valid)).item():.2f} nats a point")
    word, bias = "gatecell", 1
    text = nn.functional.one_hot(torch.tensor([ids[letter] for letter in word]), len(letters)).float()[None]
    state, point, strokes, x, y = model.start(1), torch.zeros(1, 3), [[]], 0.0, 0.0
    for _ in range(40 * len(word)):
        out, state, shares = model(point[None], text, state)
        weights, mean_x, mean_y, dev_x, dev_y, rho, end = (part[0, 0] for part in parts(out))
        k = torch.multinomial(torch.softmax(weights * (1 + bias), -1), 1).item()
        a, b = torch.randn(2).tolist()
        dev_x, dev_y, r = math.exp(dev_x[k] - bias), math.exp(dev_y[k] - bias), rho[k].item()
        dx, dy = mean_x[k].item() + dev_x * a, mean_y[k].item() + dev_y * (r * a + math.sqrt(1 - r * r) * b)
        stroke_end = float(torch.rand(1).item() < torch.sigmoid(end).item())
        x, y, point = x + dx, y + dy, torch.tensor([[dx, dy, stroke_end]])
        strokes[-1].append((x, y))
        if stroke_end:
            strokes.append([])
            if shares[0].argmax().item() == len(word) - 1:
                break
strokes = [stroke for stroke in strokes if stroke]
box = [min(x for s in strokes for x, _ in s), max(y for s in strokes for _, y in s)]
lines = ["M" + "L".join(f"{60 * (x - box[0]) + 20:.1f} {60 * (box[1] - y) + 20:.1f}" for x, y in s) for s in strokes]
paths = "".join(f'<path d="{line}" fill="none" stroke="black" stroke-width="2"/>' for line in lines)
with open("gatecell.svg", "w") as file:
    file.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="720" height="240">{paths}</svg>')
print(f"gatecell.svg: {len(strokes)} strokes")
