"""Golden files of losses that are written with map and reduce, by the rules of make_golden.py and beside it.

Run: python3 test/golden/make_map.py            writes test/golden/custom-losses.json again
     python3 test/golden/make_map.py --check    compares with the files that are there, writes nothing
"""
import torch
import torch.distributions as D
import torch.nn.functional as F

from make_golden import exact, randn, tensor, write


def losses(t, b):
    """a, b [t, b] and c [b] are raw outputs of a network, x a target, counts whole numbers. Each loss is the mean over all elements."""
    a, scale, c = (randn(*shape).requires_grad_() for shape in ((t, b), (t, b), (b,)))
    x = randn(t, b, scale=2.0)
    counts = exact(torch.randint(0, 9, (t, b)).double())
    entries = {
        'gaussian': -D.Normal(a, scale.exp()).log_prob(x).mean(),
        'studentT': -D.StudentT(2 + F.softplus(c), a, F.softplus(scale)).log_prob(x).mean(),
        'negativeBinomial': -D.NegativeBinomial(F.softplus(scale), logits=a).log_prob(counts).mean(),
        'huber': F.huber_loss(a, x, delta=0.75),
        'pinball': torch.maximum(0.9 * (x - a), -0.1 * (x - a)).mean(),
        'softLabels': (torch.logsumexp(a, -1) - (0.9 * a[:, 2] + 0.1 * a.mean(-1))).mean(),
        'largest': (a.amax(0) * c).sum(),
    }
    out = {'a': tensor(a), 'scale': tensor(scale), 'c': tensor(c), 'x': tensor(x), 'counts': tensor(counts)}
    for name, loss in entries.items():
        gradients = torch.autograd.grad(loss, [a, scale, c], allow_unused=True)
        zero = [torch.zeros_like(value) if d is None else d for value, d in zip((a, scale, c), gradients)]
        out[name] = {'loss': tensor(loss), 'a': tensor(zero[0]), 'scale': tensor(zero[1]), 'c': tensor(zero[2])}
    return out


if __name__ == '__main__':
    write([('custom-losses', lambda: losses(6, 5))], 2013)
