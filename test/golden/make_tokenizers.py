# Makes tokenizers.json: merges, ids and files of Hugging Face's tokenizers (0.23) for small made-up texts, which test/data/text/bpe.test.ts
# compares with ours.   pip install tokenizers && python test/golden/make_tokenizers.py
# With --classes it prints the ranges of native/text/classes.inl as the library's pattern applies them.
import json
import os
import sys

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

TEXTS = [
    "The low lower lowest newer newest wide widest tower; it's, we'll, they've, I'M, 'twas, don't 'stop 's.\n" * 3,
    "Die Straße führt über den Fluß, die Straßen führen über Flüsse. ÄÖÜ äöü ß\r\n\r\n\tEingerückt  mit   Leerzeichen \n \n" * 2,
    "Съешь ещё этих мягких французских булок, да выпей чаю. Съешь ещё, съешь ещё.\n",
    "我能吞下玻璃而不伤身体。我能吞下玻璃。いろはにほへと ちりぬるを、いろはにほへと。한국어 한국어입니다 12345 १२३ ⅷ ½\n",
    "emoji 😀😀😀 👩‍👩‍👧‍👦 👍🏽👍🏽 e\u0301e\u0301 cafe\u0301 नमस्ते नमस्ते مرحبا مرحبا \u00a0\u2003\u3000 x\u0085y \u200b\ufeff\n",
    "aaaa aaaaaaa aaa abababab aab baa 000 0000 ----- ---- == === \x00\x01\x1f\x7f <pad> <unk> <blank> <|endoftext|>\n" * 2,
    "",
    " ",
    "   leading and trailing   ",
]
CASES = [(300, [], 2), (420, ["<pad>", "<begin>", "<end>"], 2), (700, ["<blank>"], 1)]


def train(size, special, min_count):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=special,
        min_frequency=min_count,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.encode_special_tokens = True  # names of special tokens in a text are ordinary text, as with us
    return tokenizer


def main():
    cases = []
    for size, special, min_count in CASES:
        tokenizer = train(size, special, min_count)
        ids = [tokenizer.encode(text).ids for text in TEXTS]
        file = json.loads(tokenizer.to_str())
        cases.append({"size": size, "special": special, "minCount": min_count, "ids": ids, "file": file})
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tokenizers.json")
    with open(path, "w", encoding="utf-8") as out:
        json.dump({"texts": TEXTS, "cases": cases}, out, ensure_ascii=True, separators=(",", ":"))
        out.write("\n")


def classes():
    cut = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str
    ranges = []
    for code in range(0x110000):
        if 0xD800 <= code < 0xE000:
            continue
        joins = [len(cut(before + chr(code))) == 1 for before in "a1."]
        kind = joins.index(True) + 1 if any(joins) else 4
        kind = {1: 1, 2: 2, 3: 0, 4: 3}[kind]
        if kind and ranges and ranges[-1][1] == code - 1 and ranges[-1][2] == kind:
            ranges[-1][1] = code
        elif kind:
            ranges.append([code, code, kind])
    line = ""
    for item in ("{0x%x, 0x%x, %d}, " % tuple(one) for one in ranges):
        if len(line) + len(item) > 138:
            print(line.rstrip())
            line = ""
        line += item
    print(line.rstrip())


if __name__ == "__main__":
    classes() if "--classes" in sys.argv else main()
