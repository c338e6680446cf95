#!/usr/bin/env python3
"""Writes src/scoring/testdata/scores.json: what independent implementations make of fixed texts.

Needs: pip install sacrebleu rouge-score scikit-learn scipy
Run:   tools/make_scoring_fixtures.py

BLEU and chrF are sacrebleu's, ROUGE is rouge-score's (with a tokenizer of Han characters for the
Chinese ones), AUC and accuracy are scikit-learn's, correlations scipy's. SQuAD's rules and pass@k,
which no package has alone, are written out below from their publications.
"""
import collections
import itertools
import json
import math
import os
import random
import re
import string
import unicodedata

import sacrebleu
import scipy.stats
import sklearn.metrics
from rouge_score import rouge_scorer, tokenizers

OUT = os.path.join(os.path.dirname(__file__), "..", "src", "scoring", "testdata", "scores.json")

ENGLISH = [
    ("The quick brown fox jumps over the lazy dog.", ["The quick brown fox jumped over the lazy dog."]),
    ("It costs $1,000.50, or 3-4 % more; see page 7-9.",
     ["It costs $1,000.50 or 3-4% more (see pages 7-9).", "It costs about 1,000 dollars, 3 - 4 % more."]),
    ("He said: \"don't go -- it's late\" & left.", ["He said, \"Don't go, it is late\" &amp; left."]),
    ("line one-\nbroken and\nline two", ["line onebroken and line two", "line one broken and line two"]),
    ("a b c", ["a b c d e f"]),
    ("<skipped> &lt;tag&gt; [x] {y} ^z_ `q` ~", ["<tag> [x] {y} ^z_ `q` ~"]),
    ("The THE the", ["the cat sat on the mat", "there is a cat on the mat"]),
    ("caf\u00e9 na\u00efve \u201cquoted\u201d \u2014 dash\u2026 \u00a0 spaces\u3000here", ["cafe na\u00efve \"quoted\" - dash... spaces here"]),
    ("", ["an answer was expected"]),
    ("(hi) (there), 'you' e.g. U.S.A. 3.14 .5 5. a,b 1,2", ["(hi) there, you e.g. U.S.A. 3.14 0.5 5 a, b 1, 2"]),
]
CHINESE = [
    ("\u4eca\u5929\u5929\u6c14\u5f88\u597d\uff0c\u6211\u4eec\u53bb\u516c\u56ed\u3002", ["\u4eca\u5929\u5929\u6c14\u4e0d\u9519\uff0c\u6211\u4eec\u53bb\u516c\u56ed\u5427\u3002"]),
    ("\u7b2c3\u4e2a\u6d4b\u8bd5\u7528\u4e86 GPT-2 \u6a21\u578b\u2014\u2014\u5171 1,500 \u53e5\u201c\u8bdd\u201d\u3002",
     ["\u7b2c\u4e09\u4e2a\u6d4b\u8bd5\u4f7f\u7528 GPT-2 \u6a21\u578b\uff0c\u5171 1,500 \u53e5\u8bdd\u3002", "\u6d4b\u8bd53\u7528\u4e86GPT-2\u2014\u2014\u5171 1500 \u53e5\u201c\u8bdd\u201d\u3002"]),
    ("\u6781\u4f4e\u6bd4\u7279\u91cf\u5316\u2026\u2026\u53ef\u7528\u5417\uff1f", ["\u6781\u4f4e\u6bd4\u7279\u91cf\u5316\u53ef\u4ee5\u7528\u5417\uff1f"]),
    ("\U00020000\U00020001 \u8fd9\u662f\u6269\u5c55B\u533a \u20ac5", ["\U00020000\U00020001\u662f\u6269\u5c55 B \u533a\uff0c\u20ac5"]),
]
QA = [
    ("The Eiffel Tower", ["Eiffel Tower"]),
    ("in Paris, France.", ["Paris", "Paris, France"]),
    ("an apple a day", ["apple day", "the day"]),
    ("", [""]),
    ("the", ["a"]),
    ("the", ["answer"]),
    ("42", ["forty-two", "42%"]),
    ("state-of-the-art", ["state of the art"]),
    ("\u201cthe\u201d end", ["end"]),
    ("Caf\u00c9 A.", ["caf\u00e9"]),
]


class HanTokenizer(tokenizers.Tokenizer):
    """Runs of a-z and 0-9, and each Han character alone."""

    def tokenize(self, text):
        return re.findall(f"[a-z0-9]+|{HAN}", text.lower())


# The blocks of Han ideographs that BERT lists (google-research/bert).
HAN = ("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002a6df\U0002a700-\U0002b73f"
       "\U0002b740-\U0002b81f\U0002b920-\U0002ceaf\U0002f800-\U0002fa1f]")


def squad_words(text, han):
    """SQuAD's order: lower case, no punctuation, no articles, white space."""
    text = text.lower()
    def is_punctuation(c):
        return c in string.punctuation or (han and unicodedata.category(c).startswith("P"))
    text = "".join(c for c in text if not is_punctuation(c))
    text = re.sub(r"\b(a|an|the)\b", " ", text)
    if han:
        text = re.sub(f"({HAN})", r" \1 ", text)
    return text.split()


def squad_f1(prediction, reference, han):
    mine, other = (squad_words(text, han) for text in (prediction, reference))
    if not mine or not other:
        return float(mine == other)
    same = sum((collections.Counter(mine) & collections.Counter(other)).values())
    return 2 * same / (len(mine) + len(other))


def pass_at_k(n, c, k):
    """Chen et al. 2021, equation 1, by counting all subsets where that is feasible."""
    if math.comb(n, k) <= 5000:
        verdicts = [i < c for i in range(n)]
        subsets = list(itertools.combinations(verdicts, k))
        return sum(any(subset) for subset in subsets) / len(subsets)
    return 1 - math.comb(n - c, k) / math.comb(n, k)


def per_reference(cases):
    """sacrebleu's order of references; what is missing is None."""
    most = max(len(references) for _, references in cases)
    return [[refs[i] if i < len(refs) else None for _, refs in cases] for i in range(most)]


def corpus(metric, cases):
    score = metric.corpus_score([p for p, _ in cases], per_reference(cases))
    signature = str(metric.get_signature())
    single = [metric.corpus_score([p], [[r] for r in refs]).score for p, refs in cases]
    return {"score": score.score, "each": single, "signature": signature}


def rouge(cases, kind, tokenizer):
    scorer = rouge_scorer.RougeScorer([kind], tokenizer=tokenizer)
    return [scorer.score_multi(refs, p)[kind].fmeasure for p, refs in cases]


def numbers():
    draw = random.Random(7)
    samples = []
    for n, distinct in ((12, 4), (60, 5), (200, 1000)):
        labels = [draw.randrange(2) for _ in range(n)]
        scores = [draw.randrange(distinct) / 8 + 0.2 * label for label in labels]
        other = [s + draw.randrange(-2, 3) / 4 for s in scores]
        samples.append({
            "labels": labels, "scores": scores, "other": other,
            "auc": float(sklearn.metrics.roc_auc_score(labels, scores)),
            "accuracy": float(sklearn.metrics.accuracy_score(labels, [int(s > 0.4) for s in scores])),
            "pearson": float(scipy.stats.pearsonr(scores, other).statistic),
            "spearman": float(scipy.stats.spearmanr(scores, other).statistic),
        })
    return samples


def main():
    bleu, chrf = sacrebleu.metrics.BLEU, sacrebleu.metrics.CHRF
    mixed = ENGLISH + CHINESE
    document = {
        "english": ENGLISH, "chinese": CHINESE, "qa": QA,
        "bleu_13a": corpus(bleu(tokenize="13a"), ENGLISH),
        "bleu_zh": corpus(bleu(tokenize="zh"), mixed),
        "tokens_13a": [bleu(tokenize="13a")._preprocess_segment(p) for p, _ in mixed],
        "tokens_zh": [bleu(tokenize="zh")._preprocess_segment(p) for p, _ in mixed],
        "chrf": corpus(chrf(), mixed),
        "chrf++": corpus(chrf(word_order=2), mixed),
        "rouge": {kind: rouge(ENGLISH, kind, None) for kind in ("rouge1", "rouge2", "rougeL")},
        "rouge_zh": {kind: rouge(mixed, kind, HanTokenizer()) for kind in ("rouge1", "rouge2", "rougeL")},
        "squad_f1": [max(squad_f1(p, r, False) for r in refs) for p, refs in QA],
        "squad_em": [any(squad_words(p, False) == squad_words(r, False) for r in refs) for p, refs in QA],
        "squad_f1_zh": [max(squad_f1(p, r, True) for r in refs) for p, refs in mixed],
        "pass_at_k": [[n, c, k, pass_at_k(n, c, k)] for n, c, k in
                      ((1, 0, 1), (1, 1, 1), (5, 2, 1), (5, 2, 2), (5, 2, 5), (10, 3, 5), (10, 8, 5),
                       (200, 3, 10), (200, 150, 100), (200, 1, 100))],
        "numbers": numbers(),
        "versions": {"sacrebleu": sacrebleu.__version__, "scikit-learn": sklearn.__version__,
                     "rouge-score": "0.1.2", "scipy": scipy.__version__},
    }
    with open(OUT, "w", encoding="utf-8") as file:
        json.dump(document, file, ensure_ascii=True, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
