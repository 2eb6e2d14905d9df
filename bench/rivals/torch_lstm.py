"""PyTorch as a rival of `gatecell bench --rivals`: the same workloads, timed in this process. Started by
src/bench/rivals/torch.ts, which sets OMP_NUM_THREADS, OPENBLAS_NUM_THREADS and OPENBLAS_CORETYPE. It reads one command a
line and answers each with one line of JSON:

  open <id> <mode> <precision> <layers> <B> <T> <H> <variant>   {} or {"unsupported": reason}
  burst <id> <seconds> <0|1: warm>                              {"us": [microseconds of each run]}
  close <id>                                                    {}
"""
import gc
import json
import os
import sys
import time

import torch
import torch.nn as nn

VOCABULARY = 65
MOST_SAMPLES = 20000


class CharacterModel(nn.Module):
    def __init__(self, hidden, layers):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, hidden)
        self.lstm = nn.LSTM(hidden, hidden, layers)
        self.head = nn.Linear(hidden, VOCABULARY)

    def forward(self, tokens, state=None):
        output, state = self.lstm(self.embedding(tokens), state)
        return self.head(output), state


def train_char(layers, B, T, H, variant):
    """Embedding, layers, linear, cross-entropy, backward, clipping, Adam, on one batch of random tokens."""
    model = CharacterModel(H, layers)
    tokens = torch.randint(0, VOCABULARY, (T + 1, B))
    loss_of = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, foreach=variant == "foreach")

    def step():
        optimizer.zero_grad(set_to_none=True)
        logits, _ = model(tokens[:-1])
        loss_of(logits.reshape(-1, VOCABULARY), tokens[1:].reshape(-1)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


def layer(layers, B, T, H, _variant):
    """Forward and backward with all gradients, that of y given."""
    lstm = nn.LSTM(H, H, layers)
    x = torch.randn(T, B, H, requires_grad=True)
    dy = torch.randn(T, B, H)

    def step():
        lstm.zero_grad(set_to_none=True)
        x.grad = None
        y, _ = lstm(x)
        y.backward(dy)

    return step


def quantized(lstm):
    """int8 weights, activations quantised as they come."""
    engines = [name for name in torch.backends.quantized.supported_engines if name != "none"]
    torch.backends.quantized.engine = engines[-1]
    return torch.quantization.quantize_dynamic(nn.Sequential(lstm), {nn.LSTM}, dtype=torch.qint8)[0]


def sequence(layers, B, T, H, _variant, int8=False):
    lstm = nn.LSTM(H, H, layers).eval()
    lstm = quantized(lstm) if int8 else lstm
    x = torch.randn(T, B, H)
    return lambda: lstm(x)


def step(layers, _B, _T, H, _variant, int8=False):
    """One step a call, the state of a call going into the next."""
    lstm = nn.LSTM(H, H, layers).eval()
    lstm = quantized(lstm) if int8 else lstm
    x = torch.randn(1, 1, H)
    state = [(torch.zeros(layers, 1, H), torch.zeros(layers, 1, H))]

    def run():
        _, state[0] = lstm(x, state[0])

    return run


def sample(layers, _B, _T, H, _variant):
    """The sampling loop: embedding, layers, linear, softmax, draw."""
    model = CharacterModel(H, layers).eval()
    state = [None, torch.zeros(1, 1, dtype=torch.long)]

    def run():
        logits, state[0] = model(state[1], state[0])
        state[1] = torch.multinomial(torch.softmax(logits.view(-1), 0), 1).view(1, 1)

    return run


def gemm(_layers, B, _T, H, _variant):
    a, w, c = torch.randn(B, H), torch.randn(4 * H, H), torch.empty(B, 4 * H)
    return lambda: torch.mm(a, w.t(), out=c)


MODES = {"train-char": train_char, "layer": layer, "sequence": sequence, "step": step, "sample": sample, "gemm": gemm}
TRAINS = ("train-char", "layer")
opened = {}


def command_open(identity, mode, precision, layers, B, T, H, variant):
    if precision == "bf16" or (precision == "int8" and mode not in ("sequence", "step")):
        return {"unsupported": f"{mode} in {precision} on the CPU"}
    options = {"int8": True} if precision == "int8" else {}
    run = MODES[mode](int(layers), int(B), int(T), int(H), variant, **options)
    opened[identity] = (run, mode in TRAINS)
    return {}


def command_burst(identity, seconds, warm):
    run, trains = opened[identity]
    seconds = float(seconds)
    times = []
    with torch.set_grad_enabled(trains):
        begin = time.perf_counter()
        while warm == "1":
            run()
            if time.perf_counter() - begin >= 0.1 * seconds:
                break
        before = time.perf_counter()
        stop = before + seconds
        while not times or (before < stop and len(times) < MOST_SAMPLES):
            run()
            after = time.perf_counter()
            times.append(round((after - before) * 1e6, 3))
            before = after
    return {"us": times}


def command_close(identity):
    del opened[identity]
    gc.collect()
    return {}


COMMANDS = {"open": command_open, "burst": command_burst, "close": command_close}


def main():
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    torch.manual_seed(1)
    for line in sys.stdin:
        name, *words = line.split()
        try:
            answer = COMMANDS[name](*words)
        except Exception as error:  # the parent reports it
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


main()
