# A service that streams text to many clients while another model trains, in PyTorch, as examples/serve-while-training.ts.
import sys
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import torch
from torch import nn

torch.manual_seed(1)
text = "the quick brown fox jumps over the lazy dog. " * 60
symbols = sorted(set(text))
ids = {symbol: i for i, symbol in enumerate(symbols)}
tokens = torch.tensor([ids[symbol] for symbol in text])


class Model(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.embedding = nn.Embedding(len(symbols), 32)
        self.lstm = nn.LSTM(32, hidden)
        self.head = nn.Linear(hidden, len(symbols))

    def forward(self, x, state=None):
        output, state = self.lstm(self.embedding(x), state)
        return self.head(output), state


batch, length = 8, 32
rows = (len(tokens) - 1) // batch
inputs = tokens[: batch * rows].view(batch, rows).t()
targets = tokens[1 : batch * rows + 1].view(batch, rows).t()


def train(model, steps):
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
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
    return loss.item()


steps = int(sys.argv[1]) if len(sys.argv) > 1 else 300
served = Model(96)
train(served, steps)
served.eval()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        generator = torch.Generator().manual_seed(int(self.path[1:]))
        with torch.no_grad():
            logits, state = served(torch.tensor([[ids[symbol]] for symbol in "the "]))
            for _ in range(200):
                shares = torch.softmax(logits[-1, 0] / 0.5, -1)
                drawn = torch.multinomial(shares, 1, generator=generator)
                self.wfile.write(symbols[drawn.item()].encode())
                logits, state = served(drawn[None], state)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("localhost", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()


def client(number):
    return urllib.request.urlopen(f"http://localhost:{server.server_port}/{number}").read().decode()


with ThreadPoolExecutor(21) as pool:
    training = pool.submit(train, Model(256), 2 * steps)
    answers = list(pool.map(client, range(20)))
    print(f"{len(answers)} clients, the first: the {answers[0]}")
    print(f"the other model: {2 * steps} steps, loss {training.result():.3f}")
server.shutdown()
