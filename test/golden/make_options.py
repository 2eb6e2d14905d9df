"""Makes the golden files of options with PyTorch 2.13 in float64: optimizers, cross-entropy, embeddings, schedules, averages.

Run: python3 test/golden/make_options.py [--check]

Conventions as in make_golden.py.
"""
import inspect

import torch
import torch.nn as nn
import torch.nn.functional as F

from make_golden import exact, randn, tensor, tensors, trajectory, write

PARAMETERS = ('matrix', 'vector')


def both(params):
    return [params[name] for name in PARAMETERS]


def matrix_decays(params, decay):
    """The parameter groups of `decays: 'matrices'`."""
    return [{'params': [params['matrix']], 'weight_decay': decay}, {'params': [params['vector']], 'weight_decay': 0.0}]


def optimizer_options(steps=8):
    """Rows: our options, the rate and PyTorch's parameters after each step. The gradients shrink halfway, so that
    AMSGrad's largest second moment is not the present one."""
    start = {'matrix': randn(5, 7), 'vector': randn(19)}
    scales = [0.5 if step < steps // 2 else 0.02 for step in range(steps)]
    grads = [{name: randn(*t.shape, scale=scale) for name, t in start.items()} for scale in scales]
    sgd, rms, adam, adamw = torch.optim.SGD, torch.optim.RMSprop, torch.optim.Adam, torch.optim.AdamW
    rows = [
        ({'kind': 'sgd', 'momentum': 0.9, 'nesterov': True}, 0.1,
         lambda p: sgd(both(p), 0.1, momentum=0.9, nesterov=True)),
        ({'kind': 'sgd', 'weightDecay': 0.1, 'decays': 'all'}, 0.1, lambda p: sgd(both(p), 0.1, weight_decay=0.1)),
        ({'kind': 'sgd', 'momentum': 0.8, 'nesterov': True, 'weightDecay': 0.2, 'decays': 'all'}, 0.05,
         lambda p: sgd(both(p), 0.05, momentum=0.8, nesterov=True, weight_decay=0.2)),
        ({'kind': 'sgd', 'momentum': 0.8, 'weightDecay': 0.2}, 0.05,
         lambda p: sgd(matrix_decays(p, 0.2), 0.05, momentum=0.8)),
        ({'kind': 'rmsprop', 'weightDecay': 0.1, 'decays': 'all'}, 0.01,
         lambda p: rms(both(p), 0.01, weight_decay=0.1)),
        ({'kind': 'adam', 'amsgrad': True}, 0.01, lambda p: adam(both(p), 0.01, amsgrad=True)),
        ({'kind': 'adam', 'weightDecay': 0.3, 'decays': 'all'}, 0.01, lambda p: adam(both(p), 0.01, weight_decay=0.3)),
        ({'kind': 'adam', 'weightDecay': 0.3}, 0.01, lambda p: adam(matrix_decays(p, 0.3), 0.01)),
        ({'kind': 'adam', 'amsgrad': True, 'weightDecay': 0.3, 'decays': 'all', 'beta2': 0.9}, 0.01,
         lambda p: adam(both(p), 0.01, (0.9, 0.9), amsgrad=True, weight_decay=0.3)),
        ({'kind': 'adamw', 'weightDecay': 0.5, 'decays': 'all'}, 0.01,
         lambda p: adamw(both(p), 0.01, weight_decay=0.5)),
        ({'kind': 'adamw', 'amsgrad': True, 'weightDecay': 0.5, 'decays': 'all', 'beta2': 0.95}, 0.01,
         lambda p: adamw(both(p), 0.01, (0.9, 0.95), amsgrad=True, weight_decay=0.5)),
        ({'kind': 'adamw', 'amsgrad': True}, 0.01, lambda p: adamw(matrix_decays(p, 0.01), 0.01, amsgrad=True)),
    ]
    return {
        'start': tensors(start.items()), 'gradients': [tensors(g.items()) for g in grads],
        'rows': [trajectory(make, {'options': options, 'lr': lr}, start, grads) for options, lr, make in rows],
    }


def cross_entropy(t=4, b=3, v=7):
    """Every mix of ignored target, class weights (one is 0) and label smoothing; targets of -1 stand for the ignored one."""
    logits, weights = randn(t, b, v, scale=3.0), exact(torch.rand(v, dtype=torch.float64) * 2)
    weights[2] = 0.0
    targets = torch.randint(0, v, (t, b))
    targets[torch.rand(t, b) < 0.2] = -1
    targets[0, 0], targets[1, 1] = 2, 4
    rows = []
    for ignore in (-1, -100, 4):
        ids = torch.where(targets == -1, ignore, targets)
        for weighted in (False, True):
            for smoothing in (0.0, 0.1, 1.0):
                x = logits.clone().requires_grad_()
                loss = F.cross_entropy(x.reshape(-1, v), ids.reshape(-1), weights if weighted else None,
                                       ignore_index=ignore, label_smoothing=smoothing)
                loss.backward()
                rows.append({'ignoreIndex': ignore, 'weighted': weighted, 'labelSmoothing': smoothing,
                             'targets': tensor(ids), 'loss': tensor(loss), 'gradX': tensor(x.grad)})
    return {'logits': tensor(logits), 'weights': tensor(weights), 'rows': rows}


def padding(v=6, e=3):
    """An embedding with padding_idx through three steps of SGD with weight decay: the row decays, but gets no gradient."""
    rows = []
    for index in (2, -1):
        table = nn.Embedding(v, e, padding_idx=index).double()
        table.weight.data = exact(randn(v, e))
        ids = torch.tensor([[0, 2, 5], [2, 2, 1], [5, 4, 0]])
        target = randn(3, 3, e)
        start = tensor(table.weight)
        optimizer = torch.optim.SGD(table.parameters(), 0.5, weight_decay=0.1)
        steps = []
        for _ in range(3):
            optimizer.zero_grad()
            F.mse_loss(table(ids), target).backward()
            gradient = tensor(table.weight.grad)
            optimizer.step()
            steps.append({'gradient': gradient, 'weight': tensor(table.weight)})
        rows.append({'paddingIdx': index, 'start': start, 'ids': tensor(ids), 'target': tensor(target), 'steps': steps})
    return {'rows': rows, 'fresh': tensor(nn.Embedding(v, e, padding_idx=2).weight[2])}


def schedules(steps=20):
    """Factors of torch.optim.lr_scheduler on a rate of 1."""
    def run(make, metrics=None):
        optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], 1.0)
        schedule, rates = make(optimizer), []
        for step in range(steps):
            rates.append(optimizer.param_groups[0]['lr'])
            optimizer.step()
            schedule.step(*(() if metrics is None else (metrics[step],)))
        return rates

    s = torch.optim.lr_scheduler
    losses = [5, 4, 4, 3.9999, 3.9998, 4, 3.5, 3.5, 3.5, 3.5, 3.5, 3.4999, 3, 3.1, 3.2, 3.3, 3.4, 3.5, 3.6, 3.7]
    warm = lambda o: s.LinearLR(o, 0.25, 1.0, 3)  # factors 1/4, 2/4, 3/4, 1
    sequential = lambda o: s.SequentialLR(o, [warm(o), s.CosineAnnealingLR(o, steps - 4, 0.02)], [4])
    return {
        'steps': steps, 'losses': losses,
        'cosine': run(lambda o: s.CosineAnnealingLR(o, steps, 0.02)),
        'warmup': run(warm),
        'warmupThenCosine': run(sequential),
        'plateau': {
            'absolute': run(lambda o: s.ReduceLROnPlateau(o, factor=0.5, patience=2, threshold=0), losses),
            'default': run(lambda o: s.ReduceLROnPlateau(o, factor=0.5, patience=2), losses),
        },
        'step': run(lambda o: s.StepLR(o, 6, 0.1)),
        'multiStep': run(lambda o: s.MultiStepLR(o, [3, 10, 11], 0.5)),
        'exponential': run(lambda o: s.ExponentialLR(o, 0.9)),
    }


def conventions():
    """PyTorch's side of docs/conventions.md: its defaults, and small results that differ from ours in a stated way."""
    names = ('lr', 'momentum', 'nesterov', 'alpha', 'betas', 'eps', 'weight_decay', 'amsgrad')

    def defaults(function):
        parameters = inspect.signature(function).parameters
        return {name: p.default for name, p in parameters.items() if name in names}

    weight = nn.Parameter(torch.tensor([3.0, 4.0], dtype=torch.float64))
    weight.grad = weight.detach().clone()
    nn.utils.clip_grad_norm_([weight], 1.0)

    matrix, vector, unused = (nn.Parameter(torch.ones(*shape, dtype=torch.float64)) for shape in ((2, 2), (2,), (2, 2)))
    optimizer = torch.optim.AdamW([matrix, vector, unused], 0.1, weight_decay=0.5)
    matrix.grad, vector.grad = torch.zeros_like(matrix), torch.zeros_like(vector)
    optimizer.step()

    late = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    adam = torch.optim.Adam([late], 0.1)
    for gradient in (None, None, 1.0):
        late.grad = None if gradient is None else torch.tensor([gradient], dtype=torch.float64)
        adam.step()

    x, steps, counts = randn(6, 3, 4), torch.tensor([6, 5, 0]), torch.tensor([3, 1, 0])
    labels = torch.tensor([[1, 2, 3], [2, 0, 0], [0, 0, 0]])
    log_p = F.log_softmax(x, -1)
    ctc = {reduction: tensor(F.ctc_loss(log_p, labels, steps, counts, reduction=reduction)) for reduction in ('mean', 'none')}
    y, truth = randn(3, 5), exact(torch.rand(3, 5, dtype=torch.float64).round())
    return {
        'defaults': {c.__name__: defaults(c) for c in (torch.optim.SGD, torch.optim.RMSprop, torch.optim.Adam,
                                                       torch.optim.AdamW)},
        'ignoreIndex': inspect.signature(F.cross_entropy).parameters['ignore_index'].default,
        'plateau': {name: p.default for name, p in
                    inspect.signature(torch.optim.lr_scheduler.ReduceLROnPlateau).parameters.items()
                    if name in ('factor', 'patience', 'threshold', 'min_lr')},
        'clipped': weight.grad.tolist(),  # of the gradient (3, 4), clipped to 1
        'decayed': {'matrix': tensor(matrix), 'vector': tensor(vector), 'unused': tensor(unused)},
        'late': late.item(),  # after one step of Adam that came third
        'nothingCounted': str(F.cross_entropy(torch.zeros(2, 3), torch.tensor([-100, -100])).item()),
        'ctc': {'x': tensor(x), 'targets': tensor(labels), 'inputLengths': tensor(steps),
                'targetLengths': tensor(counts), **ctc},
        'binary': {'x': tensor(y), 'target': tensor(truth),
                   'loss': tensor(F.binary_cross_entropy_with_logits(y, truth))},
    }


def averaging(steps=6):
    """Weights and their average by torch.optim.swa_utils after each step on the mean squared distance to a row of `inputs`."""
    start, inputs = randn(3, 4), [randn(3, 4) for _ in range(steps)]
    rows = []
    for kind, make in (('sgd', torch.optim.SGD), ('adam', torch.optim.Adam)):
        for decay in (0.25, 0.9, 0.999):
            model = nn.Module()
            model.w = nn.Parameter(start.clone())
            optimizer = make(model.parameters(), 0.1)
            average = torch.optim.swa_utils.AveragedModel(
                model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(decay))
            after = []
            for x in inputs:
                optimizer.zero_grad()
                F.mse_loss(model.w, x).backward()
                optimizer.step()
                average.update_parameters(model)
                after.append({'weights': tensor(model.w), 'average': tensor(average.module.w)})
            rows.append({'kind': kind, 'decay': decay, 'lr': 0.1, 'after': after})
    return {'start': tensor(start), 'inputs': [tensor(x) for x in inputs], 'rows': rows}


if __name__ == '__main__':
    write([('optimizer-options', optimizer_options), ('cross-entropy', cross_entropy), ('padding', padding),
           ('schedules', schedules), ('conventions', conventions), ('averaging', averaging)], 2113)
