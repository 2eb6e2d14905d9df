"""Makes the golden files of training options with PyTorch 2.13 in float64: gradient accumulation, groups of parameters.

Run: python3 test/golden/make_training.py [--check]

Conventions as in make_golden.py.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F

from make_golden import randn, tensor, write


def accumulation(steps=4, batches=3, size=6, classes=5):
    """Steps on batches of which some targets (-1) are not counted: each step is one batch of all of them together."""
    start = randn(classes, classes)
    rows = []
    for kind, make in (('sgd', torch.optim.SGD), ('adam', torch.optim.Adam)):
        weight = nn.Parameter(start.clone())
        optimizer = make([weight], 0.1)
        data, after = [], []
        for _ in range(steps):
            ids, targets = (torch.randint(0, classes, (batches, size)) for _ in range(2))
            for batch in range(batches):
                targets[batch, :2 * batch] = -1  # 6, 4 and 2 targets count
            optimizer.zero_grad()
            loss = F.cross_entropy(weight[ids.flatten()], targets.flatten(), ignore_index=-1)
            loss.backward()
            optimizer.step()
            data.append([{'ids': tensor(ids[b]), 'targets': tensor(targets[b])} for b in range(batches)])
            after.append({'loss': loss.item(), 'weight': tensor(weight)})
        rows.append({'kind': kind, 'lr': 0.1, 'steps': data, 'after': after})
    return {'start': tensor(start), 'batches': batches, 'rows': rows}


def clip(params, bound):
    """Scales the gradients to a common norm of at most `bound`; torch.nn.utils.clip_grad_norm_ adds 1e-6 to the norm."""
    grads = [p.grad for p in params if p.grad is not None]
    norm = torch.sqrt(sum((g * g).sum() for g in grads))
    if norm > bound:
        for g in grads:
            g.mul_(bound / norm)
    return norm.item()


def parameter_groups(phases=(2, 3, 3), bound=0.4):
    """Two parameters with a rate and a weight decay of their own; one is frozen in the first phase, the other in the second."""
    start = {'a': randn(3, 4), 'b': randn(4)}
    inputs = [randn(3, 4) for _ in range(sum(phases))]
    frozen = ['b', 'a', None]
    rows = []
    for kind, make in (('sgd', lambda g: torch.optim.SGD(g, 0.1, momentum=0.9)),
                       ('adam', lambda g: torch.optim.Adam(g, 0.1)),
                       ('adamw', lambda g: torch.optim.AdamW(g, 0.1, weight_decay=0)),
                       ('rmsprop', lambda g: torch.optim.RMSprop(g, 0.01))):
        params = {name: nn.Parameter(value.clone()) for name, value in start.items()}
        a, b = params['a'], params['b']
        rate = 0.01 if kind == 'rmsprop' else 0.1
        optimizer = make([{'params': [a], 'lr': rate}, {'params': [b], 'lr': 0.5 * rate, 'weight_decay': 0.3}])
        after, at = [], 0
        for phase, length in enumerate(phases):
            for name, p in params.items():
                p.requires_grad_(name != frozen[phase])
            for _ in range(length):
                optimizer.zero_grad()
                F.mse_loss(a + b, inputs[at]).backward()
                norm = clip([a, b], bound)
                optimizer.step()
                after.append({'a': tensor(a), 'b': tensor(b), 'norm': norm})
                at += 1
        rows.append({'kind': kind, 'lr': rate, 'after': after})
    return {'start': {name: tensor(value) for name, value in start.items()}, 'inputs': [tensor(x) for x in inputs],
            'phases': list(phases), 'frozen': frozen, 'clip': bound, 'rows': rows}


if __name__ == '__main__':
    write([('accumulation', accumulation), ('parameter-groups', parameter_groups)], 2213)
