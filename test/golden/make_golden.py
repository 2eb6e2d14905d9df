"""Makes the golden files of this folder with PyTorch in float64: what our networks, losses and optimisers must give.

Run: python3 test/golden/make_golden.py            writes test/golden/*.json again (PyTorch >= 1.13, CPU is enough)
     python3 test/golden/make_golden.py --check    compares with the files that are there, writes nothing

Every input (parameter, state, activation, gradient sequence) is exactly a float32 value, computed on in float64; all
numbers have 9 significant digits, so a float32 engine reads the inputs without error and compares results at <= 1e-5.
A tensor is {"shape": [...], "data": [row-major]}. Sequences are time-major [T, B, ...]; gate order i, f, g, o;
target -1 is ignored.
"""
import json
import pathlib
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

FOLDER = pathlib.Path(__file__).resolve().parent
torch.set_num_threads(1)

# name, V, E, H, layers, T, B: sizes off every vector width, and two (16, 20) on it
NETWORKS = [
    ('network-1x5', 11, 7, 5, 1, 6, 3),
    ('network-2x5', 11, 7, 5, 2, 6, 3),
    ('network-3x9', 13, 6, 9, 3, 7, 2),
    ('network-1x16', 17, 12, 16, 1, 5, 2),
    ('network-2x16', 17, 16, 16, 2, 8, 5),
    ('network-3x20', 15, 20, 20, 3, 4, 1),
    ('network-2x33', 20, 16, 33, 2, 9, 4),
]


def exact(t):
    """The nearest float32 values, held as float64."""
    return t.float().double()


def randn(*shape, scale=1.0):
    return exact(torch.randn(*shape, dtype=torch.float64) * scale)


def tensor(t):
    t = t.detach()
    values = t.reshape(-1).tolist()
    return {'shape': list(t.shape), 'data': values if t.dtype == torch.int64 else [float(f'{v:.9g}') for v in values]}


def tensors(named):
    return {name: tensor(t) for name, t in named}


def gradients(module):
    return {name: tensor(p.grad) for name, p in module.named_parameters()}


def round_parameters(module):
    for p in module.parameters():
        p.data = exact(p.data)


def network(v, e, h, layers, t, b):
    parts = {'embedding': nn.Embedding(v, e), 'lstm': nn.LSTM(e, h, layers), 'head': nn.Linear(h, v)}
    model = nn.ModuleDict(parts).double()
    # Wider than PyTorch's own 1/sqrt(H), so that gates and cells leave the linear range.
    for p in model.lstm.parameters():
        nn.init.uniform_(p, -0.7, 0.7)
    round_parameters(model)
    ids = torch.randint(0, v, (t, b))
    targets = torch.randint(0, v, (t, b))
    targets[torch.rand(t, b) < 0.15] = -1
    targets[0, 0] = -1
    h0 = randn(layers, b, h, scale=0.5).requires_grad_()
    c0 = randn(layers, b, h).requires_grad_()
    y, (ht, ct) = model.lstm(model.embedding(ids), (h0, c0))
    logits = model.head(y)
    loss = F.cross_entropy(logits.reshape(-1, v), targets.reshape(-1), ignore_index=-1)
    loss.backward()
    return {
        'vocabulary': v, 'embedding': e, 'hidden': h, 'layers': layers, 'steps': t, 'batch': b,
        'parameters': tensors(model.named_parameters()),
        'ids': tensor(ids), 'targets': tensor(targets), 'h0': tensor(h0), 'c0': tensor(c0),
        'y': tensor(y), 'logits': tensor(logits), 'hT': tensor(ht), 'cT': tensor(ct),
        'loss': tensor(loss), 'counted': int((targets >= 0).sum()),
        'gradients': gradients(model), 'gradH0': tensor(h0.grad), 'gradC0': tensor(c0.grad),
    }


def bidirectional(i, h, t, b):
    """One layer read in both directions, mean square loss: checks the reverse LSTM and the gradient of the input."""
    lstm = nn.LSTM(i, h, 1, bidirectional=True).double()
    round_parameters(lstm)
    x = randn(t, b, i).requires_grad_()
    h0, c0, target = randn(2, b, h, scale=0.5), randn(2, b, h), randn(t, b, 2 * h)
    y, (ht, ct) = lstm(x, (h0, c0))
    loss = F.mse_loss(y, target)
    loss.backward()
    return {
        'input': i, 'hidden': h, 'steps': t, 'batch': b, 'parameters': tensors(lstm.named_parameters()),
        'x': tensor(x), 'h0': tensor(h0), 'c0': tensor(c0), 'target': tensor(target),
        'y': tensor(y), 'hT': tensor(ht), 'cT': tensor(ct),
        'loss': tensor(loss), 'gradients': gradients(lstm), 'gradX': tensor(x.grad),
    }


def stacked(make, i, h, layers, t, b, lengths=None, **options):
    """Layers (LSTM, with proj_size, GRU or RNN) over rows of any lengths, packed as PyTorch wants them."""
    net = make(i, h, layers, **options).double()
    for p in net.parameters():
        nn.init.uniform_(p, -0.7, 0.7)
    round_parameters(net)
    cells, width = isinstance(net, nn.LSTM), options.get('proj_size') or h
    directions = 2 if options.get('bidirectional') else 1
    x = randn(t, b, i).requires_grad_()
    h0 = randn(layers * directions, b, width, scale=0.5).requires_grad_()
    c0 = randn(layers * directions, b, h).requires_grad_()
    target = randn(t, b, directions * width)
    start = (h0, c0) if cells else h0
    if lengths is None:
        y, last = net(x, start)
    else:
        packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
        y, last = net(packed, start)
        y, _ = nn.utils.rnn.pad_packed_sequence(y, total_length=t)
    ht, ct = last if cells else (last, None)
    # The final states have a part in the loss, so that their gradients are checked too.
    loss = F.mse_loss(y, target) + (ht ** 2).mean() + ((ct ** 2).mean() if cells else 0)
    loss.backward()
    states = {'c0': tensor(c0), 'cT': tensor(ct), 'gradC0': tensor(c0.grad)} if cells else {}
    return {
        'input': i, 'hidden': h, 'layers': layers, 'steps': t, 'batch': b, 'directions': directions, 'width': width,
        'lengths': lengths or [t] * b, 'parameters': tensors(net.named_parameters()), 'x': tensor(x),
        'h0': tensor(h0), 'target': tensor(target), 'y': tensor(y), 'hT': tensor(ht), 'loss': tensor(loss),
        'gradients': gradients(net), 'gradX': tensor(x.grad), 'gradH0': tensor(h0.grad), **states,
    }


def linear(rows, i, o):
    layer = nn.Linear(i, o).double()
    round_parameters(layer)
    x, upstream = randn(2, rows, i).requires_grad_(), randn(2, rows, o)
    y = layer(x)
    y.backward(upstream)
    return {
        'parameters': tensors(layer.named_parameters()), 'x': tensor(x), 'upstream': tensor(upstream), 'y': tensor(y),
        'gradients': gradients(layer), 'gradX': tensor(x.grad),
    }


def softmax(t, b, v):
    x, upstream = randn(t, b, v, scale=3.0), randn(t, b, v)
    x[0, 0] += 80.0  # a row that overflows without the subtraction of its maximum
    x = exact(x).requires_grad_()
    y = F.softmax(x, -1)
    y.backward(upstream)
    return {'x': tensor(x), 'upstream': tensor(upstream), 'y': tensor(y), 'gradX': tensor(x.grad)}


def sigmoid_cross_entropy(t, b, k):
    """Sum over the last dimension, mean over the rows."""
    x, target = randn(t, b, k, scale=4.0), exact(torch.rand(t, b, k, dtype=torch.float64).round())
    x[0, 0, 0], x[0, 0, 1] = 60.0, -60.0
    target[0, 0, 2] = 0.25  # soft targets are legal
    x.requires_grad_()
    loss = F.binary_cross_entropy_with_logits(x, target, reduction='none').sum(-1).mean()
    loss.backward()
    return {'x': tensor(x), 'target': tensor(target), 'loss': tensor(loss), 'rows': t * b, 'gradX': tensor(x.grad)}


def mean_square(t, b, k):
    x, target = randn(t, b, k).requires_grad_(), randn(t, b, k).requires_grad_()
    loss = F.mse_loss(x, target)
    loss.backward()
    return {
        'x': tensor(x), 'target': tensor(target), 'loss': tensor(loss),
        'gradX': tensor(x.grad), 'gradTarget': tensor(target.grad),
    }


def trajectory(make, settings, start, grads):
    """Parameters after each step; `matrix` is rank 2, `vector` rank 1 (AdamW decays the matrix only)."""
    params = {name: nn.Parameter(t.clone()) for name, t in start.items()}
    optimiser = make(params)
    path = []
    for g in grads:
        for name, p in params.items():
            p.grad = g[name].clone()
        optimiser.step()
        path.append(tensors(params.items()))
    return {**settings, 'after': path}


def optimisers(steps=5):
    start = {'matrix': randn(5, 7), 'vector': randn(19)}
    grads = [{name: randn(*t.shape, scale=0.3) for name, t in start.items()} for _ in range(steps)]
    grads[2]['vector'][3] = 0.0
    both = lambda p: list(p.values())
    decays = {'matrix': 0.01, 'vector': 0.0}
    groups = lambda p: [{'params': [p[name]], 'weight_decay': decay} for name, decay in decays.items()]
    # SGD's velocity starts as the first gradient and the step is lr * velocity; RMSprop adds epsilon outside the root.
    return {
        'start': tensors(start.items()), 'gradients': [tensors(g.items()) for g in grads],
        'sgd': trajectory(
            lambda p: torch.optim.SGD(both(p), 0.1, momentum=0.9),
            {'lr': 0.1, 'momentum': 0.9}, start, grads),
        'sgdPlain': trajectory(
            lambda p: torch.optim.SGD(both(p), 0.1),
            {'lr': 0.1, 'momentum': 0.0}, start, grads),
        'rmsprop': trajectory(
            lambda p: torch.optim.RMSprop(both(p), 0.01, alpha=0.99, eps=1e-8),
            {'lr': 0.01, 'alpha': 0.99, 'epsilon': 1e-8}, start, grads),
        'adam': trajectory(
            lambda p: torch.optim.Adam(both(p), 0.01, betas=(0.9, 0.999), eps=1e-8),
            {'lr': 0.01, 'beta1': 0.9, 'beta2': 0.999, 'epsilon': 1e-8}, start, grads),
        'adamw': trajectory(
            lambda p: torch.optim.AdamW(groups(p), 0.01, betas=(0.9, 0.99), eps=1e-8),
            {'lr': 0.01, 'beta1': 0.9, 'beta2': 0.99, 'epsilon': 1e-8, 'weightDecay': 0.01}, start, grads),
    }


def main():
    makers = [(row[0], lambda row=row: network(*row[1:])) for row in NETWORKS]
    makers += [
        ('bidirectional-6', lambda: bidirectional(5, 6, 7, 3)),
        ('linear', lambda: linear(7, 13, 9)),
        ('softmax', lambda: softmax(3, 4, 11)),
        ('sigmoid-cross-entropy', lambda: sigmoid_cross_entropy(4, 3, 13)),
        ('mean-square', lambda: mean_square(4, 3, 9)),
        ('optimisers', optimisers),
        ('lengths-1', lambda: stacked(nn.LSTM, 5, 7, 1, 8, 5, [3, 8, 1, 5, 8])),
        ('lengths-bidirectional', lambda: stacked(nn.LSTM, 4, 9, 2, 7, 4, [2, 7, 4, 1], bidirectional=True)),
        ('projection', lambda: stacked(nn.LSTM, 5, 11, 2, 6, 3, bidirectional=True, proj_size=4)),
        ('projection-lengths', lambda: stacked(nn.LSTM, 3, 18, 1, 6, 4, [4, 6, 2, 6], proj_size=7)),
        ('gru', lambda: stacked(nn.GRU, 6, 9, 2, 7, 3)),
        ('gru-lengths', lambda: stacked(nn.GRU, 5, 10, 1, 6, 4, [3, 1, 6, 5], bidirectional=True)),
        ('rnn', lambda: stacked(nn.RNN, 6, 9, 2, 7, 3)),
        ('rnn-lengths', lambda: stacked(nn.RNN, 5, 10, 1, 6, 4, [3, 1, 6, 5], bidirectional=True, nonlinearity='relu')),
    ]
    write(makers, 1997)


def write(makers, seed):
    """Writes, or with --check compares, the file of each (name, function); seeds count from `seed`."""
    total, differing = 0, []
    for number, (name, make) in enumerate(makers):
        torch.manual_seed(seed + number)
        text = json.dumps(make(), separators=(',', ':')) + '\n'
        path = FOLDER / f'{name}.json'
        if '--check' not in sys.argv:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            differing.append(path.name)
        total += len(text)
    print(f'{len(makers)} files, {total} bytes' + (f', differing: {differing}' if differing else ''))
    sys.exit(1 if differing else 0)


if __name__ == '__main__':
    main()
