# Writes test/golden/keras: models of Keras with inputs and what Keras computes of them, for test/interop. Keras 3.15, backend torch, h5py 3.14.
# Usage: python test/golden/make_keras.py [FOLDER SEED COUNT]: with arguments, COUNT random models in FOLDER.
import json, os, pathlib, sys, zipfile

os.environ["KERAS_BACKEND"] = "torch"
import keras
import numpy as np
from keras import layers as L

expected = {}


def settled(model, rng):
    """Gives all weights values that are not zero, which biases are at first."""
    model.set_weights([(rng.random(w.shape) * (2 if w.ndim == 1 else 1) - 0.4).astype(np.float32) / 2 for w in model.get_weights()])
    return model


def compress(path):
    """Compresses the entries of an archive, which Keras only stores: most bytes of small HDF5 files are zeros."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)


def inputs_of(model, rng):
    values = {}
    for x in model.inputs:
        shape = [2 if i == 0 else size or 4 for i, size in enumerate(x.shape)]
        values[x.name.split(":")[0]] = rng.integers(0, 5, shape).astype(np.int32) if x.name.startswith("ids") else rng.standard_normal(shape).astype(np.float32)
    return values


def described(array):
    numbers = [int(v) if array.dtype == np.int32 else float(f"{v:.7g}") for v in array.flatten()]
    return {"shape": list(array.shape), "data": numbers}


def add(folder, name, model, rng, kinds=("keras",)):
    settled(model, rng)
    values = inputs_of(model, rng)
    results = model(list(values.values()) if len(values) > 1 else list(values.values())[0])
    results = [keras.ops.convert_to_numpy(y) for y in (results if isinstance(results, (list, tuple)) else [results])]
    for kind in kinds:
        path = folder / f"{name}.{kind}"
        model.save(path)
        if kind == "keras" and name != "lstm":
            compress(path)
        expected[f"{name}.{kind}"] = {"inputs": {k: described(v) for k, v in values.items()}, "outputs": [described(y) for y in results]}


def sequential(*stack, shape=(None, 3), name="x", dtype="float32"):
    return keras.Sequential([keras.Input(shape, name=name, dtype=dtype), *stack])


def branches():
    a, ids = keras.Input((4, 3), name="a"), keras.Input((4,), name="ids", dtype="int32")
    e = L.Embedding(5, 3, name="table")(ids)
    both = L.Concatenate()([a, L.Dropout(0.5)(e)])
    y = L.LSTM(4, return_sequences=True)(both)
    first = L.TimeDistributed(L.Dense(2, activation="softmax"), name="first")(y)
    last = L.Dense(1, activation="sigmoid", name="last")(L.Flatten()(L.Add()([a, e])))
    return keras.Model([a, ids], [first, last])


def shared():
    a, b = keras.Input((3, 2), name="a"), keras.Input((3, 2), name="b")
    layer = L.GRU(3)
    return keras.Model([a, b], L.Subtract()([layer(a), layer(b)]))


def repeated():
    """A sequence to sequence model, as of the Keras guide of autoencoders, with states that go on."""
    x = keras.Input((4, 2), name="x")
    y, h, c = L.LSTM(3, return_state=True)(x)
    z = L.LSTM(3, return_sequences=True)(L.RepeatVector(5)(y), initial_state=[h, c])
    return keras.Model(x, [L.TimeDistributed(L.Dense(2))(z), c])


def compiled():
    model = sequential(L.LSTM(3), L.Dense(1))
    model.compile("adam", "mse")
    model.fit(np.zeros((4, 3, 3), np.float32), np.zeros((4, 1), np.float32), verbose=0)
    return model


def golden():
    folder = pathlib.Path(__file__).parent / "keras"
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(1)
    ids = {"shape": (None,), "name": "ids", "dtype": "int32"}
    both = ("keras", "h5")
    add(folder, "lstm", sequential(L.LSTM(4)), rng, both)
    add(folder, "text", sequential(L.Embedding(5, 4), L.LSTM(4, return_sequences=True), L.LSTM(3, return_sequences=True), L.Dense(5), **ids), rng, both)
    add(folder, "gru", sequential(L.GRU(4, return_sequences=True)), rng, both)
    add(folder, "gru-before", sequential(L.GRU(4, reset_after=False, return_sequences=True), L.GRU(2, reset_after=False)), rng)
    add(folder, "hard", sequential(L.LSTM(4, recurrent_activation="hard_sigmoid", activation="relu")), rng)
    add(folder, "no-bias", sequential(L.LSTM(3, use_bias=False, return_sequences=True), L.GRU(3, use_bias=False), L.Dense(2, use_bias=False)), rng)
    add(folder, "backwards", sequential(L.GRU(3, go_backwards=True, return_sequences=True), L.LSTM(3, go_backwards=True)), rng)
    for mode in ("concat", "sum", "mul", "ave"):
        add(folder, f"both-{mode}", sequential(L.Bidirectional(L.LSTM(3, return_sequences=True), merge_mode=mode), L.Bidirectional(L.GRU(2), merge_mode=mode)), rng, both if mode == "concat" else ("keras",))
    add(folder, "both-different", sequential(L.Bidirectional(L.LSTM(3, return_sequences=True), backward_layer=L.GRU(3, return_sequences=True, go_backwards=True)), L.Dense(2)), rng)
    add(folder, "simple", sequential(L.SimpleRNN(4, return_sequences=True), L.SimpleRNN(3, activation="relu")), rng)
    add(folder, "distributed", sequential(L.LSTM(3, return_sequences=True), L.TimeDistributed(L.Dense(4, activation="relu")), L.TimeDistributed(L.Activation("tanh"))), rng)
    add(folder, "activations", sequential(*[L.Dense(3, activation=f) for f in ("relu", "sigmoid", "tanh", "silu", "hard_sigmoid", "relu6", "softsign", "log_softmax", "softmax", "linear")]), rng)
    add(folder, "layers", sequential(L.SpatialDropout1D(0.2), L.BatchNormalization(), L.GaussianNoise(0.1), L.LSTM(3, return_sequences=True, dropout=0.1, recurrent_dropout=0.1), L.Permute((2, 1)), L.Reshape((2, 6)), L.ReLU(), L.Softmax(), L.Flatten(), L.Dense(2), shape=(4, 3)), rng)
    add(folder, "branches", branches(), rng, both)
    add(folder, "shared", shared(), rng)
    add(folder, "repeated", repeated(), rng)
    add(folder, "compiled", compiled(), rng)
    merged = keras.Model(*(lambda a, b: ([a, b], L.Average()([L.Multiply()([a, b]), L.Maximum()([a, b])])))(keras.Input((2,), name="a"), keras.Input((2,), name="b")))
    add(folder, "refused", merged, rng)
    add(folder, "masked", sequential(L.Masking(), L.LSTM(2, stateful=False), L.LayerNormalization(name="norm"), L.Dense(2, activation="gelu")), rng)
    expected.pop("masked.keras")
    expected.pop("refused.keras")
    big = sequential(*[L.LSTM(2, return_sequences=True, name=f"{'a long name of a layer ' * 2}{i}".replace(" ", "_")) for i in range(9)])
    add(folder, "deep", big, rng, ("h5",))
    text = sequential(L.Embedding(5, 4), L.LSTM(4), **ids)
    settled(text, rng).save_weights(folder / "only.weights.h5")
    expected["only.weights.h5"] = {"arrays": [described(w) for w in text.get_weights()]}
    (folder / "expected.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")


def stack(rng):
    """Random layers for sequences, and after them for rows."""
    def one(choices):
        return choices[rng.integers(len(choices))]

    gates = one(["sigmoid", "hard_sigmoid", "tanh"])
    function = one(["tanh", "relu", "softsign", "linear", "elu", "softplus"])
    layers = []
    for _ in range(rng.integers(1, 4)):
        common = {"units": int(rng.integers(1, 9)), "activation": function, "use_bias": bool(rng.random() < 0.8), "return_sequences": True}
        backwards = {"go_backwards": bool(rng.random() < 0.2)}
        cell = one([
            lambda **more: L.LSTM(recurrent_activation=gates, **common, **more),
            lambda **more: L.GRU(recurrent_activation=gates, reset_after=bool(rng.random() < 0.5), **common, **more),
            lambda **more: L.SimpleRNN(**common, **more),
        ])
        layers.append(one([
            lambda: cell(**backwards),
            lambda: L.Bidirectional(cell(), merge_mode=one(["concat", "sum", "mul", "ave"])),
            lambda: L.TimeDistributed(L.Dense(int(rng.integers(1, 6)), activation=one(["relu", "tanh", "softmax", "silu"]))),
            lambda: L.Dropout(0.3),
        ])())
    layers.append(one([lambda: L.GRU(3), lambda: L.Bidirectional(L.LSTM(2)), lambda: L.Flatten(), lambda: L.Dense(4)])())
    return layers + [L.Dense(2, activation=one(["linear", "softmax", "sigmoid", "relu6", "hard_sigmoid"]))]


def random_models(folder, seed, count):
    for i in range(count):
        rng = np.random.default_rng([seed, i])
        if rng.random() < 0.3:
            model = sequential(L.Embedding(5, 3), *stack(rng), shape=(4,), name="ids", dtype="int32")
        else:
            model = sequential(*stack(rng), shape=(4, 3))
        kind = "keras" if rng.random() < 0.6 else "h5"
        add(folder, f"random-{i}", model, rng, (kind,))
    (folder / "expected.json").write_text(json.dumps(expected))


if __name__ == "__main__":
    if len(sys.argv) == 4:
        random_models(pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    else:
        golden()
