"""Golden files of losses with a weight for each row, by the rules of make_golden.py.

Run: python3 test/golden/make_weights.py            writes test/golden/weighted-losses.json again
     python3 test/golden/make_weights.py --check    compares with the file that is there, writes nothing
"""
import torch
import torch.nn.functional as F

from make_golden import exact, randn, tensor, write


def losses(t, b, k):
    """x [t, b, k] are raw outputs of a network; w [t, b] are weights of rows, some of them 0, and v [b] of samples."""
    x = randn(t, b, k).requires_grad_()
    y = randn(t, b, k)
    bits = exact(torch.randint(0, 2, (t, b, k)).double())
    w, v = exact(torch.rand(t, b).double().float().double()), exact(torch.rand(b).double().float().double())
    w[0, 0] = w[1, 1] = 0
    ids = torch.randint(0, k, (t, b))
    ids[2, 0] = -1
    classes = torch.tensor([0.5, 2.0] + [1.0] * (k - 2), dtype=torch.float64)
    labels = torch.randint(1, k, (b, 2))

    def entropy(weight=None, smoothing=0.0):
        rows = F.cross_entropy(x.reshape(-1, k), ids.reshape(-1), weight=weight, ignore_index=-1, reduction='none',
                               label_smoothing=smoothing)
        own = torch.ones(k, dtype=torch.float64) if weight is None else weight
        counted = torch.where(ids < 0, 0.0, own[ids.clamp(min=0)] * w).reshape(-1)
        return (rows * w.reshape(-1)).sum() / counted.sum(), counted.sum()

    rows = F.binary_cross_entropy_with_logits(x, bits, reduction='none').sum(-1)
    paths = F.ctc_loss(F.log_softmax(x, -1), labels, torch.full((b,), t), torch.full((b,), 2), reduction='none')
    entries = {
        'crossEntropy': entropy(),
        'ofClasses': entropy(classes, 0.1),
        'meanSquare': ((w[..., None] * (x - y) ** 2).sum() / (w.sum() * k), w.sum() * k),
        'sigmoid': ((rows * w).sum() / w.sum(), w.sum()),
        'ctc': ((paths * v).sum() / v.sum(), v.sum()),
    }
    out = {'x': tensor(x), 'y': tensor(y), 'bits': tensor(bits), 'w': tensor(w), 'v': tensor(v),
           'ids': tensor(ids.double()), 'labels': tensor(labels.double()), 'classes': tensor(classes)}
    for name, (loss, count) in entries.items():
        gradient, = torch.autograd.grad(loss, [x], retain_graph=True)
        out[name] = {'loss': tensor(torch.stack([loss, count])), 'x': tensor(gradient)}
    return out


if __name__ == '__main__':
    write([('weighted-losses', lambda: losses(6, 5, 4))], 2014)
