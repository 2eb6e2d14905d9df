"""Golden files of the sequence losses, by the rules of make_golden.py and beside it.

Run: python3 test/golden/make_losses.py            writes test/golden/{ctc,mixture-density}*.json again
     python3 test/golden/make_losses.py --check    compares with the files that are there, writes nothing
"""
import torch
import torch.distributions as D
import torch.nn.functional as F

from make_golden import exact, randn, tensor, write


def ctc(t, b, k, blank, rows):
    """rows: (steps, labels) of each row. Losses of the rows, their plain mean and its gradient."""
    x = randn(t, b, k, scale=2.0)
    x[1, 0] += exact(torch.tensor([60.0] + [0.0] * (k - 1), dtype=torch.float64))  # a step that is all but certain
    x = exact(x).requires_grad_()
    longest = max(1, max(len(labels) for _, labels in rows))
    targets = torch.zeros(b, longest, dtype=torch.int64)
    for row, (_, labels) in enumerate(rows):
        targets[row, : len(labels)] = torch.tensor(labels, dtype=torch.int64)
    steps = torch.tensor([steps for steps, _ in rows])
    counts = torch.tensor([len(labels) for _, labels in rows])
    losses = F.ctc_loss(F.log_softmax(x, -1), targets, steps, counts, blank=blank, reduction='none')
    losses.mean().backward()
    return {
        'blank': blank, 'x': tensor(x), 'targets': tensor(targets), 'inputLengths': tensor(steps),
        'targetLengths': tensor(counts), 'rows': tensor(losses), 'loss': tensor(losses.mean()), 'gradX': tensor(x.grad),
    }


def mixture_density(t, b, m, scale):
    """Columns of y: end | pi | mu1 | mu2 | sigma1 | sigma2 | rho. Weighted mean of the points' negative log-likelihoods."""
    y = randn(t, b, 6 * m + 1, scale=scale).requires_grad_()
    x = randn(t, b, 3, scale=2.0)
    x[..., 2] = (x[..., 2] > 1).double()
    x.requires_grad_()
    weights = exact(torch.rand(t, b, dtype=torch.float64))
    weights[0, 0] = 0
    end, pi, mu1, mu2, sigma1, sigma2, rho = torch.split(y, [1] + [m] * 6, -1)
    s1, s2, r = torch.exp(sigma1), torch.exp(sigma2), torch.tanh(rho)
    # The Cholesky factor of [[s1^2, r s1 s2], [r s1 s2, s2^2]]; 1 - r^2 as 1 / cosh^2 keeps its digits.
    factor = torch.stack([
        torch.stack([s1, torch.zeros_like(s1)], -1), torch.stack([r * s2, s2 / torch.cosh(rho)], -1),
    ], -2)
    gaussians = D.MultivariateNormal(torch.stack([mu1, mu2], -1), scale_tril=factor, validate_args=False)
    mixture = D.MixtureSameFamily(D.Categorical(logits=pi), gaussians, validate_args=False)
    stroke = D.Bernoulli(logits=end[..., 0], validate_args=False)
    nats = -mixture.log_prob(x[..., :2]) - stroke.log_prob(x[..., 2])
    loss = (nats * weights).sum() / weights.sum()
    loss.backward()
    return {
        'y': tensor(y), 'x': tensor(x), 'weights': tensor(weights), 'loss': tensor(loss), 'total': tensor(weights.sum()),
        'nats': tensor(nats), 'gradY': tensor(y.grad),
    }


def main():
    write([
        ('ctc', lambda: ctc(9, 6, 7, 0, [
            (9, [1, 2, 3]), (9, []), (7, [4, 4, 4]), (5, [1, 2, 3, 4, 5]), (1, [6]), (9, [2, 2, 5, 5, 2]),
        ])),
        ('ctc-last-blank', lambda: ctc(30, 3, 12, 11, [(30, [0, 3, 3, 10, 7, 7, 7, 2]), (21, [5]), (2, [])])),
        ('mixture-density', lambda: mixture_density(6, 4, 5, 1.0)),
        ('mixture-density-sharp', lambda: mixture_density(4, 3, 2, 3.0)),
    ], 2006)


if __name__ == '__main__':
    main()
