"""Makes cells.json: recurrent layers as ONNX defines them, computed by ONNX Runtime in float32: LSTM with clip, input_forget and activations,
GRU with both values of linear_before_reset, RNN.

Run: python3 test/golden/make_cells.py            writes test/golden/cells.json again (onnx >= 1.16, onnxruntime >= 1.20, numpy)
     python3 test/golden/make_cells.py --check    compares with the file that is there, writes nothing

Each case has the attributes of its node and its tensors in ONNX's layout: gates of an LSTM i, o, f, c, of a GRU z, r, h, peepholes i, o, f;
W [D, gates * H, I], R [D, gates * H, H], B [D, 2 * gates * H], P [D, 3 * H], initial states [D, B, H], X [T, B, I] and Y [T, D, B, H].
"""
import json
import pathlib
import sys

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

PATH = pathlib.Path(__file__).resolve().parent / 'cells.json'
T, B, I, H = 5, 4, 3, 6
GATES = {'LSTM': 4, 'GRU': 3, 'RNN': 1}
FUNCTIONS = {'LSTM': 3, 'GRU': 2, 'RNN': 1}
LENGTHS = [3, 5, 1, 4]

# name, operator, attributes, what the case has: lengths, states, peepholes, both directions
CASES = [
    ('lstm clip', 'LSTM', {'clip': 0.4}, 'states'),
    ('lstm clip and peepholes', 'LSTM', {'clip': 0.5}, 'peepholes states lengths'),
    ('lstm input_forget', 'LSTM', {'input_forget': 1}, 'states lengths both'),
    ('lstm input_forget and peepholes', 'LSTM', {'input_forget': 1}, 'peepholes states'),
    ('lstm HardSigmoid', 'LSTM', {'activations': ['HardSigmoid', 'Tanh', 'Tanh'],
                                  'activation_alpha': [0.2], 'activation_beta': [0.5]}, 'lengths states'),
    ('lstm HardSigmoid of Keras 3', 'LSTM', {'activations': ['HardSigmoid', 'Tanh', 'Softsign'],
                                             'activation_alpha': [1 / 6], 'activation_beta': [0.5]}, 'both'),
    ('lstm Affine and ScaledTanh', 'LSTM', {'activations': ['Sigmoid', 'Affine', 'ScaledTanh'],
                                            'activation_alpha': [0.6, 0.8], 'activation_beta': [0.1, 1.2]}, 'states'),
    ('lstm Elu and LeakyRelu', 'LSTM', {'activations': ['Sigmoid', 'Elu', 'LeakyRelu'],
                                        'activation_alpha': [0.7, 0.05]}, 'peepholes lengths'),
    ('lstm ThresholdedRelu and Softplus', 'LSTM', {'activations': ['Sigmoid', 'ThresholdedRelu', 'Softplus'],
                                                   'activation_alpha': [0.3], 'clip': 1.5}, 'states'),
    ('lstm Relu', 'LSTM', {'activations': ['Sigmoid', 'Relu', 'Relu'], 'clip': 2.0, 'input_forget': 1}, ''),
    ('gru linear_before_reset = 0', 'GRU', {}, 'states lengths both'),
    ('gru linear_before_reset = 0, clip', 'GRU', {'clip': 0.4}, 'states'),
    ('gru linear_before_reset = 1, clip', 'GRU', {'linear_before_reset': 1, 'clip': 0.4}, 'states lengths'),
    ('gru linear_before_reset = 0, HardSigmoid', 'GRU', {'activations': ['HardSigmoid', 'Tanh'],
                                                         'activation_alpha': [0.2], 'activation_beta': [0.5]},
     'lengths both'),
    ('gru linear_before_reset = 1, HardSigmoid', 'GRU', {'linear_before_reset': 1,
                                                         'activations': ['HardSigmoid', 'Softsign'],
                                                         'activation_alpha': [0.2], 'activation_beta': [0.5]}, ''),
    ('rnn', 'RNN', {}, 'states lengths both'),
    ('rnn Relu', 'RNN', {'activations': ['Relu']}, 'states'),
    ('rnn clip', 'RNN', {'clip': 0.5}, 'lengths'),
    ('rnn Affine', 'RNN', {'activations': ['Affine'], 'activation_alpha': [0.5], 'activation_beta': [0.1]}, ''),
]


def case(name, operator, attributes, has, random):
    directions = 2 if 'both' in has else 1
    rows = GATES[operator] * H
    values = {
        'W': random.uniform(-0.7, 0.7, (directions, rows, I)), 'R': random.uniform(-0.7, 0.7, (directions, rows, H)),
        'B': random.uniform(-0.7, 0.7, (directions, 2 * rows)), 'X': random.normal(size=(T, B, I)),
    }
    if 'states' in has:
        values['initial_h'] = random.normal(size=(directions, B, H)) * 0.5
        if operator == 'LSTM':
            values['initial_c'] = random.normal(size=(directions, B, H))
    if 'peepholes' in has:
        values['P'] = random.uniform(-0.7, 0.7, (directions, 3 * H))
    values = {key: value.astype(np.float32) for key, value in values.items()}
    order = ['W', 'R', 'B', 'lengths', 'initial_h', 'initial_c', 'P'][:7 if operator == 'LSTM' else 5]
    constants = [numpy_helper.from_array(value, key) for key, value in values.items() if key != 'X']
    if 'lengths' in has:
        constants.append(numpy_helper.from_array(np.array(LENGTHS, np.int32), 'lengths'))
    known = {tensor.name for tensor in constants}
    outputs = ['Y', 'Y_h'] + (['Y_c'] if operator == 'LSTM' else [])
    repeated = {**attributes}
    for key in ('activations', 'activation_alpha', 'activation_beta'):  # ONNX wants them for each direction
        if key in repeated:
            repeated[key] = repeated[key] * directions
    node = helper.make_node(operator, ['X'] + [key if key in known else '' for key in order], outputs, hidden_size=H,
                            direction='bidirectional' if directions == 2 else 'forward', **repeated)
    graph = helper.make_graph([node], 'cell', [helper.make_tensor_value_info('X', TensorProto.FLOAT, [T, B, I])],
                              [helper.make_tensor_value_info(key, TensorProto.FLOAT, None) for key in outputs], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=9)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=['CPUExecutionProvider'])
    values.update(zip(outputs, session.run(outputs, {'X': values['X']})))
    return {
        'name': name, 'operator': operator, 'attributes': attributes, 'directions': directions,
        'steps': T, 'batch': B, 'input': I, 'hidden': H, 'lengths': LENGTHS if 'lengths' in has else None,
        'tensors': {key: [float(f'{v:.9g}') for v in value.reshape(-1).tolist()] for key, value in values.items()},
    }


def main():
    random = np.random.default_rng(2026)
    text = json.dumps([case(*row, random) for row in CASES], separators=(',', ':')) + '\n'
    if '--check' not in sys.argv:
        PATH.write_text(text)
    same = PATH.read_text() == text
    print(f'{len(CASES)} cases, {len(text)} bytes' + ('' if same else ', differing'))
    sys.exit(0 if same else 1)


if __name__ == '__main__':
    main()
