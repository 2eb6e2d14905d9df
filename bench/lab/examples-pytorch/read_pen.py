# A live pen reader in PyTorch, as examples/read-pen.ts.
import sys

import torch
from ink import practice_ink
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

torch.manual_seed(1)
samples = practice_ink(2000)
letters = sorted({letter for text, _ in samples for letter in text})
ids = {letter: i + 1 for i, letter in enumerate(letters)}  # 0 is the blank
train, valid = samples[:1900], samples[1900:]


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 64)
        self.head = nn.Linear(64, len(letters) + 1)

    def forward(self, ink, lengths):
        packed = pack_padded_sequence(ink, lengths, enforce_sorted=False)
        output, _ = pad_packed_sequence(self.lstm(packed)[0])
        return self.head(output).log_softmax(-1)

    def step(self, point, state):
        output, state = self.lstm(point[None, None], state)
        return self.head(output)[0, 0], state


def collate(batch):
    texts, inks = zip(*batch)
    labels = torch.tensor([ids[letter] for text in texts for letter in text])
    sizes = [torch.tensor([len(one) for one in many]) for many in (inks, texts)]
    return pad_sequence(inks), labels, *sizes


def greedy(path):
    text, before = "", 0
    for label in path:
        if label != before and label != 0:
            text += letters[label - 1]
        before = label
    return text


def edits(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a):
        corner, row[0] = row[0], i + 1
        for j, y in enumerate(b):
            corner, row[j + 1] = row[j + 1], min(row[j + 1] + 1, row[j] + 1, corner + (x != y))
    return row[-1]


model = Model()
optimizer = torch.optim.Adam(model.parameters(), lr=8e-3)
steps = int(sys.argv[1]) if len(sys.argv) > 1 else 800
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
loader = torch.utils.data.DataLoader(train, batch_size=32, shuffle=True, collate_fn=collate)
step = 0
while step < steps:
    for ink, labels, points, sizes in loader:
        optimizer.zero_grad()
        nn.functional.ctc_loss(model(ink, points), labels, points, sizes).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        step += 1
        if step == steps:
            break

model.eval()
with torch.no_grad():
    wrong, count = 0, 0
    for text, ink in valid:
        read = greedy(model(ink[:, None], torch.tensor([len(ink)]))[:, 0].argmax(-1).tolist())
        wrong, count = wrong + edits(read, text), count + len(text)
    print(f"letters of new words read wrongly: {100 * wrong / count:.1f} %")
    text, ink = practice_ink(2001)[-1]
    state, path = None, []
    for point in ink:
        logits, state = model.step(point, state)
        path.append(logits.argmax().item())
        if point[2] == 1:
            print(f'after a stroke: "{greedy(path)}"')
print(f'written: "{text}", read: "{greedy(path)}"')
