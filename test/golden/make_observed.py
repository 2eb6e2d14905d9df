"""Makes observed.json with PyTorch 2.13 in float64: what happens inside of LSTM and GRU layers, for plans that read it.

Run: python3 test/golden/make_observed.py            writes test/golden/observed.json again
     python3 test/golden/make_observed.py --check    compares with the file that is there, writes nothing

torch.nn.LSTM does not show its cells and gates, so the layers are written here with the equations of its documentation, under autograd; the
script stops if their outputs or their gradients are not those of torch.nn.LSTM and torch.nn.GRU on packed sequences. `values` has h, c and
the gates of each step of both layers, `gradients` the gradients of the input, and of what the first layer gives the second one. After the
end of a row values are zeros.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F

from make_golden import randn, round_parameters, tensor, tensors, write

T, B, I, H = 7, 4, 5, 9
LENGTHS = [4, 7, 1, 6]


def step_lstm(gates, h, c):
    i, f, g, o = gates.chunk(4, -1)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    c = f * c + i * g
    return o * c.tanh(), c, {'cell': c, 'input_gate': i, 'forget_gate': f, 'cell_gate': g, 'output_gate': o}


def layer(net, x, k, gru):
    """One layer, step by step; rows are zeros after their ends. Returns the output and the values of each step."""
    w_ih, w_hh = getattr(net, f'weight_ih_l{k}'), getattr(net, f'weight_hh_l{k}')
    b_ih, b_hh = getattr(net, f'bias_ih_l{k}'), getattr(net, f'bias_hh_l{k}')
    h = c = torch.zeros(B, H, dtype=torch.float64)
    steps = []
    for t in range(T):
        live = (torch.tensor(LENGTHS) > t).double()[:, None]
        if gru:
            (ir, iz, i_n), (hr, hz, hn) = (x[t] @ w_ih.T + b_ih).chunk(3, -1), (h @ w_hh.T + b_hh).chunk(3, -1)
            r, z = (ir + hr).sigmoid(), (iz + hz).sigmoid()
            n = (i_n + r * hn).tanh()
            h = (1 - z) * n + z * h
            values = {'reset_gate': r, 'update_gate': z, 'new_gate': n}
        else:
            h, c, values = step_lstm(x[t] @ w_ih.T + b_ih + h @ w_hh.T + b_hh, h, c)
        steps.append({name: v * live for name, v in {'hidden': h, **values}.items()})
    stacked = {name: torch.stack([s[name] for s in steps]) for name in steps[0]}
    return stacked['hidden'], stacked


def network(make):
    gru = make is nn.GRU
    net = make(I, H, 2).double()
    for p in net.parameters():
        nn.init.uniform_(p, -0.7, 0.7)
    round_parameters(net)
    x, target = randn(T, B, I).requires_grad_(), randn(T, B, H)
    first, values0 = layer(net, x, 0, gru)
    first.retain_grad()
    second, values1 = layer(net, first, 1, gru)
    second.retain_grad()
    loss = F.mse_loss(second, target)
    loss.backward()

    other = x.detach().clone().requires_grad_()
    packed = nn.utils.rnn.pack_padded_sequence(other, torch.tensor(LENGTHS), enforce_sorted=False)
    y, _ = nn.utils.rnn.pad_packed_sequence(net(packed)[0], total_length=T)
    F.mse_loss(y, target).backward()
    assert torch.allclose(y, second, atol=1e-12) and torch.allclose(other.grad, x.grad, atol=1e-12)

    named = [(f'{name}_l{k}', v) for k, values in enumerate([values0, values1]) for name, v in values.items()]
    return {
        'parameters': tensors(net.named_parameters()), 'x': tensor(x), 'target': tensor(target), 'loss': tensor(loss),
        'values': tensors(named),
        'gradients': {'x': tensor(x.grad), 'hidden_l0': tensor(first.grad), 'hidden_l1': tensor(second.grad)},
    }


def observed():
    return {'steps': T, 'batch': B, 'input': I, 'hidden': H, 'lengths': LENGTHS, 'lstm': network(nn.LSTM), 'gru': network(nn.GRU)}


if __name__ == '__main__':
    write([('observed', observed)], 2013)
