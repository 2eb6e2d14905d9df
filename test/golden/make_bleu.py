"""Golden values of BLEU and chrF, from sacreBLEU 2.6.0.

Run: python3 test/golden/make_bleu.py            writes test/golden/bleu.json again
     python3 test/golden/make_bleu.py --check    compares with the file that is there, writes nothing
"""
import json
import pathlib
import random
import sys

import sacrebleu
from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.metrics.bleu import _get_tokenizer

FILE = pathlib.Path(__file__).with_name('bleu.json')
TOKENIZERS = ['13a', 'zh', 'none', 'char', 'intl']
SMOOTHINGS = ['exp', 'floor', 'add-k', 'none']

A = ['The dog bit the man.', 'It was not unexpected.', 'The man bit him first.']
B = ['The dog had bit the man.', 'No one was surprised.', 'The man had bitten the dog.']
DOG = ['The dog bit the man.', "It wasn't surprising.", 'The man had just bitten him.']
PIGE = ['Pigé ?', 'Je suis là.', 'Il fait 3,5 km.']
ICI = ['Pigé\u202f?', 'Je suis ici.', 'Il y a 3,5 km.']
OTHERS = ['Compris ?', None, 'Il fait 3,5 kilomètres.']

# Hypotheses with the references of each.
TABLE = [
    (DOG, [list(pair) for pair in zip(A, B)]),
    (DOG, [[one] for one in A]),
    (PIGE, [[one] for one in ICI]),
    (PIGE, [[one, other] if other else [one] for one, other in zip(ICI, OTHERS)]),
    (['a b c'], [['a b d']]),
    ([''], [['a b']]),
]

LINES = [
    '5- -5 x-y (z)', "U.S.A. it's", '1,000.', '&quot;a&quot; &amp;amp;', "J'ai 3,5", '<skipped>a-\nb\nc', 'end-\n', 'a&lt;b&gt;c &apos;',
    '[x]{y}`z~ a/b:c;d@e', '3.5.6,7 .8 9. ,', 'In 1900.', '你好,world!3.5', '\u200b\u202f\u2009a\u2026b\u20acc', '𠮷野家で🍣を食べた。',
    '«\u00a0Où ?\u00a0»', 'x\x1cy\x85z\ufeffw', '½ price ² and Ⅷ: Ⅷ.', '٣٫٥ كم؟', 'क्या १,२ है?', '',
]

WORDS = {
    'latin': 'le la de il y a été œuvre garçon naïve Straße 3,5 1.000 10% don\'t l\'eau aujourd’hui rock-n-roll U.S.A. e.g. (ok) [x] 5-6 -7 $3 #1'.split(),
    'greek': 'ο Σωκράτης είναι άνθρωπος και θνητός'.split(),
    'cyrillic': 'я не знаю где мой дом №5 «да»'.split(),
    'chinese': list('我你他是不在有人大中国上海，。！𠮷'),
    'japanese': 'これ は ペン です か ？ カタカナ 、 東京 ｱｲｳ'.split(),
    'korean': '나는 학교에 갑니다 안녕 ㅋㅋ'.split(),
    'arabic': 'أنا لا أعرف أين البيت ؟ ٣٤ ،'.split(),
    'hindi': 'मैं घर जा रहा हूँ । १२'.split(),
    'thai': 'ฉัน รัก คุณ ๑๒'.split(),
    'symbols': '🙂 👩‍👩‍👧 ∑ ≠ ½ ² € → © … – — “x” ‘y’ &amp; &quot;z&quot; &lt;b&gt; &apos; <skipped> e\u0301 \ufffd'.split(),
}
SPACES = [' '] * 12 + ['\u202f', '\u00a0', '\u2009', '\u200b', '\ufeff', '\x85', '\x1c', '\u3000', '  ', '', '\t', '\u2028']
MARKS = ['.', '?', '!', ',', '\u202f?', '\u00a0!', '...', '。', '', '', ' .', '"', ')']


def sentence(draw):
    words = WORDS[draw.choice(list(WORDS))]
    mixed = [word for group in WORDS.values() for word in group]
    count = draw.randint(1, 14)
    text = ''
    for i in range(count):
        text += (draw.choice(SPACES) if i else '') + draw.choice(words if draw.random() < 0.85 else mixed)
    return text + draw.choice(MARKS)


def changed(text, draw):
    """A sentence near `text`: parts of it left out, repeated, or exchanged."""
    parts = text.split(' ')
    for _ in range(draw.randint(0, 3)):
        at = draw.randrange(len(parts))
        kind = draw.randrange(4)
        if kind == 0:
            parts[at] = sentence(draw).split(' ')[0]
        elif kind == 1:
            parts.insert(at, parts[at])
        elif kind == 2 and len(parts) > 1:
            del parts[at]
        else:
            parts[at] = parts[at][::-1]
    return draw.choice(['', '', '', ' ', '\u00a0']) + ' '.join(parts) + draw.choice(['', '', '', ' ', '\x85', '\u200b', '-\n'])


def random_case(draw):
    references = [[sentence(draw) for _ in range(draw.randint(1, 3))] for _ in range(draw.randint(1, 4))]
    if draw.random() < 0.5:
        references = [group[:1] for group in references]
    hypotheses = ['' if draw.random() < 0.07 else changed(draw.choice(group), draw) for group in references]
    for group in references:
        if draw.random() < 0.04:
            group[0] = ''
    return hypotheses, references


def scored(hypotheses, references, tokenizer, smoothing):
    most = max(map(len, references))
    columns = [[group[i] if i < len(group) else None for group in references] for i in range(most)]
    bleu = BLEU(tokenize=tokenizer, smooth_method=smoothing, force=True)
    found = bleu.corpus_score(hypotheses, columns)
    result = {
        'hypotheses': hypotheses, 'references': references, 'tokenizer': tokenizer, 'smoothing': smoothing,
        'bleu': found.score, 'precisions': found.precisions, 'brevityPenalty': found.bp, 'length': found.sys_len,
        'referenceLength': found.ref_len, 'signature': str(bleu.get_signature()),
    }
    for name, order in [('chrf', 0), ('chrfWords', 2)]:
        metric = CHRF(word_order=order)
        result[name] = metric.corpus_score(hypotheses, columns).score
        result[f'{name}Signature'] = str(metric.get_signature())
    return result


def golden():
    draw = random.Random(15)
    cases = [scored(*case, '13a', 'exp') for case in TABLE]
    cases += [scored(*random_case(draw), TOKENIZERS[i % 5], SMOOTHINGS[0 if i < 120 else i // 5 % 4]) for i in range(200)]
    words = [{'line': line, 'words': {name: _get_tokenizer(name)()(line.rstrip()).split() for name in TOKENIZERS}} for line in LINES]
    return {'version': sacrebleu.__version__, 'words': words, 'cases': cases}


if __name__ == '__main__':
    made = json.dumps(golden(), ensure_ascii=True, indent=None, separators=(',', ':')) + '\n'
    if '--check' in sys.argv:
        assert made == FILE.read_text(), 'bleu.json differs'
    else:
        FILE.write_text(made)
