"""PyTorch as a rival of `gatecell bench --rivals`: the same workloads, timed in this process. Started by
src/bench/rivals/torch.ts, which sets OMP_NUM_THREADS, OPENBLAS_NUM_THREADS, OPENBLAS_CORETYPE and GATECELL_TORCH_DEVICE (cpu or
cuda). It reads one command a line and answers each with one line of JSON:

  open <id> <mode> <precision> <layers> <B> <T> <H> <variant>   {} or {"unsupported": reason}
  burst <id> <seconds> <0|1: warm>                              {"us": [microseconds of each run]}
  close <id>                                                    {}

On cuda a variant is a type: f32, tf32, bf16, f16 (everything in it), autocast (bfloat16 where PyTorch takes it, float32 weights).
Runs go to the device back to back; SYNC of them are waited for and timed together.
"""
import contextlib
import gc
import json
import os
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

VOCABULARY = 65
SYMBOLS = 4000
MOST_SAMPLES = 20000
DEVICE = os.environ.get("GATECELL_TORCH_DEVICE", "cpu")
ON_GPU = DEVICE == "cuda"
SYNC = 16 if ON_GPU else 1
TYPES = {"bf16": torch.bfloat16, "f16": torch.float16}


def type_of(variant):
    return TYPES.get(variant, torch.float32) if ON_GPU else torch.float32


def placed(module, variant):
    return module.to(DEVICE, type_of(variant))


def randn(*shape, variant, requires_grad=False):
    return torch.randn(*shape, device=DEVICE, dtype=type_of(variant), requires_grad=requires_grad)


def mixed(variant):
    """The context that a forward pass runs in."""
    return torch.autocast("cuda", torch.bfloat16) if ON_GPU and variant == "autocast" else contextlib.nullcontext()


def adam(model, variant):
    # 1e-8 is nothing in half precision.
    options = {"fused": True, "eps": 1e-4 if variant == "f16" else 1e-8} if ON_GPU else {"foreach": variant == "foreach"}
    return torch.optim.Adam(model.parameters(), lr=1e-4, **options)


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
    model = placed(CharacterModel(H, layers), variant)
    tokens = torch.randint(0, VOCABULARY, (T + 1, B), device=DEVICE)
    loss_of = nn.CrossEntropyLoss()
    optimizer = adam(model, variant)

    def step():
        optimizer.zero_grad(set_to_none=True)
        with mixed(variant):
            logits, _ = model(tokens[:-1])
            loss = loss_of(logits.reshape(-1, VOCABULARY), tokens[1:].reshape(-1))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


class Translator(nn.Module):
    """A bidirectional encoder, two layers of a decoder with Luong's general attention between them, and an output over the embeddings."""

    def __init__(self, hidden):
        super().__init__()
        size = hidden // 2
        self.symbols = nn.Embedding(SYMBOLS, size)
        self.encoder = nn.LSTM(size, hidden // 2, bidirectional=True)
        self.bridge_h, self.bridge_c = nn.Linear(2 * hidden, hidden), nn.Linear(2 * hidden, hidden)
        self.lower, self.upper = nn.LSTM(size, hidden), nn.LSTM(2 * hidden, hidden)
        self.query = nn.Linear(hidden, hidden, bias=False)
        self.output = nn.Linear(2 * hidden, size)
        self.bias = nn.Parameter(torch.zeros(SYMBOLS))
        nn.init.normal_(self.symbols.weight, std=size**-0.5)

    def vectors(self, ids):
        return self.symbols(ids) * self.symbols.embedding_dim**0.5

    def forward(self, source, given):
        encoded, (h, c) = self.encoder(self.vectors(source))
        final = torch.cat([h[0], h[1], c[0], c[1]], -1)
        start = (torch.tanh(self.bridge_h(final))[None], self.bridge_c(final)[None])
        below, _ = self.lower(self.vectors(given), start)
        memory = encoded.transpose(0, 1)
        scores = torch.bmm(self.query(below).transpose(0, 1), memory.transpose(1, 2))
        context = torch.bmm(torch.softmax(scores, -1), memory).transpose(0, 1)
        above, _ = self.upper(torch.cat([below, context], -1))
        hidden = torch.tanh(self.output(torch.cat([above, context], -1)))
        return F.linear(hidden, self.symbols.weight, self.bias)


def train_translation(_layers, B, T, H, variant):
    """The whole step of a translator, on one batch of random symbols, T a sentence."""
    model = placed(Translator(H), variant)
    source = torch.randint(0, SYMBOLS, (T, B), device=DEVICE)
    target = torch.randint(0, SYMBOLS, (T + 1, B), device=DEVICE)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.1)
    optimizer = adam(model, variant)

    def step():
        optimizer.zero_grad(set_to_none=True)
        with mixed(variant):
            loss = loss_of(model(source, target[:-1]).reshape(-1, SYMBOLS), target[1:].reshape(-1))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


def layer(layers, B, T, H, variant):
    """Forward and backward with all gradients, that of y given."""
    lstm = placed(nn.LSTM(H, H, layers), variant)
    x = randn(T, B, H, variant=variant, requires_grad=True)
    dy = randn(T, B, H, variant=variant)

    def step():
        lstm.zero_grad(set_to_none=True)
        x.grad = None
        with mixed(variant):
            y, _ = lstm(x)
        y.backward(dy.to(y.dtype))

    return step


def quantized(lstm):
    """int8 weights, activations quantised as they come."""
    engines = [name for name in torch.backends.quantized.supported_engines if name != "none"]
    torch.backends.quantized.engine = engines[-1]
    return torch.quantization.quantize_dynamic(nn.Sequential(lstm), {nn.LSTM}, dtype=torch.qint8)[0]


def sequence(layers, B, T, H, variant, int8=False):
    lstm = placed(nn.LSTM(H, H, layers).eval(), variant)
    lstm = quantized(lstm) if int8 else lstm
    x = randn(T, B, H, variant=variant)
    return lambda: lstm(x)


def step(layers, _B, _T, H, variant, int8=False):
    """One step a call, the state of a call going into the next."""
    lstm = placed(nn.LSTM(H, H, layers).eval(), variant)
    lstm = quantized(lstm) if int8 else lstm
    x = randn(1, 1, H, variant=variant)
    state = [(torch.zeros(layers, 1, H).to(x), torch.zeros(layers, 1, H).to(x))]

    def run():
        _, state[0] = lstm(x, state[0])

    return run


def sample(layers, _B, _T, H, variant):
    """The sampling loop: embedding, layers, linear, softmax, draw. On a GPU the characters stay there."""
    model = placed(CharacterModel(H, layers).eval(), variant)
    state = [None, torch.zeros(1, 1, dtype=torch.long, device=DEVICE)]

    def run():
        logits, state[0] = model(state[1], state[0])
        state[1] = torch.multinomial(torch.softmax(logits.view(-1).float(), 0), 1).view(1, 1)

    return run


def gemm(_layers, B, _T, H, _variant):
    a, w, c = torch.randn(B, H), torch.randn(4 * H, H), torch.empty(B, 4 * H)
    return lambda: torch.mm(a, w.t(), out=c)


MODES = {
    "train-char": train_char,
    "train-translation": train_translation,
    "layer": layer,
    "sequence": sequence,
    "step": step,
    "sample": sample,
    "gemm": gemm,
}
TRAINS = ("train-char", "train-translation", "layer")
opened = {}


def command_open(identity, mode, precision, layers, B, T, H, variant):
    if not ON_GPU and (precision in ("bf16", "tf32") or (precision == "int8" and mode not in ("sequence", "step"))):
        return {"unsupported": f"{mode} in {precision} on the CPU"}
    if ON_GPU and (precision == "int8" or mode == "gemm"):
        return {"unsupported": f"{mode} in {precision} on a GPU"}
    options = {"int8": True} if precision == "int8" else {}
    run = MODES[mode](int(layers), int(B), int(T), int(H), variant, **options)
    opened[identity] = (run, mode in TRAINS, precision)
    return {}


def timed_runs(run):
    """Microseconds of a run, the mean of SYNC."""
    before = time.perf_counter()
    for _ in range(SYNC):
        run()
    if ON_GPU:
        torch.cuda.synchronize()
    return round((time.perf_counter() - before) * 1e6 / SYNC, 3)


def command_burst(identity, seconds, warm):
    run, trains, precision = opened[identity]
    if ON_GPU:
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision != "f32"
    seconds = float(seconds)
    times = []
    with torch.set_grad_enabled(trains):
        begin = time.perf_counter()
        while warm == "1":
            timed_runs(run)
            if time.perf_counter() - begin >= 0.1 * seconds:
                break
        stop = time.perf_counter() + seconds
        while not times or (time.perf_counter() < stop and len(times) < MOST_SAMPLES):
            times.append(timed_runs(run))
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
