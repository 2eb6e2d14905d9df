"""Golden file of products and of ops that move elements, by the rules of make_golden.py.

Run: python3 test/golden/make_arrays.py            writes test/golden/arrays.json again
     python3 test/golden/make_arrays.py --check    compares with the file that is there, writes nothing
"""
import math

import torch
import torch.nn.functional as F

from make_golden import randn, tensor, write


def convolution(x, w, kernel, stride, padding):
    """A convolution of x [B, H, W, C] with w [KH * KW * C, O] by torch.nn.functional.conv2d -> [B, H', W', O]."""
    weights = w.reshape(*kernel, x.shape[-1], -1).permute(3, 2, 0, 1)
    return F.conv2d(x.permute(0, 3, 1, 2), weights, stride=stride, padding=padding).permute(0, 2, 3, 1)


def take(x, ids, axis):
    """The rows of x along `axis` in the shape of the ids."""
    rows = x.index_select(axis, ids.reshape(-1))
    return rows.reshape(*x.shape[:axis], *ids.shape, *x.shape[axis + 1:])


IDS = torch.tensor([[2, 0, 3], [2, 2, 1]])

# name, shapes of the parameters, the function
CASES = [
    ('matmul', [(3, 4, 5), (3, 5, 6)], lambda a, b: a @ b),
    ('transposed', [(3, 5, 4), (3, 6, 5)], lambda a, b: a.transpose(-1, -2) @ b.transpose(-1, -2)),
    ('shared', [(3, 4, 5), (5, 6)], lambda a, b: a @ b),
    ('sharedLeft', [(4, 5), (3, 6, 5)], lambda a, b: a @ b.transpose(-1, -2)),
    ('broadcast', [(2, 1, 5, 4), (3, 5, 6)], lambda a, b: a.transpose(-1, -2) @ b),
    ('permute', [(2, 3, 4, 5)], lambda a: a.permute(3, 1, 0, 2)),
    ('pad', [(3, 4)], lambda a: F.pad(a, (0, 3, 2, 1), value=0.5)),
    ('steps', [(7, 2, 3), (9, 4)],
     lambda a, b: F.conv1d(a.permute(1, 2, 0), b.reshape(3, 3, 4).permute(2, 1, 0), stride=2, padding=1).permute(2, 0, 1)),
    ('image', [(2, 6, 5, 3), (18, 4)], lambda a, b: convolution(a, b, (3, 2), (2, 1), (1, 0))),
    ('concat', [(2, 3, 4), (2, 1, 4)], lambda a, b: torch.cat([a, b, a], 1)),
    ('gather', [(3, 4, 5)], lambda a: take(a, IDS, 1)),
    ('gatherColumns', [(3, 4)], lambda a: take(a, IDS, 1)),
    ('scatterAdd', [(3, 2, 3, 5)],
     lambda a: torch.zeros(3, 4, 5, dtype=torch.float64).index_add(1, IDS.reshape(-1), a.reshape(3, 6, 5))),
    ('attention', [(2, 4, 6), (2, 5, 6), (2, 5, 3)],
     lambda q, k, v: torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(6), -1) @ v),
]


def arrays():
    """Each case: its parameters, the result, and the gradients of sum(result * weights)."""
    out = {}
    for name, shapes, function in CASES:
        parameters = [randn(*shape).requires_grad_() for shape in shapes]
        result = function(*parameters)
        weights = randn(*result.shape)
        gradients = torch.autograd.grad((result * weights).sum(), parameters)
        out[name] = {
            'parameters': [tensor(p) for p in parameters],
            'result': tensor(result),
            'weights': tensor(weights),
            'gradients': [tensor(d) for d in gradients],
        }
    return {'ids': tensor(IDS), 'cases': out}


if __name__ == '__main__':
    write([('arrays', arrays)], 2031)
