#!/usr/bin/env python3
"""Writes src/tokenizers/testdata/*.json: what independent implementations make of fixed texts.

Needs: pip install tokenizers sentencepiece llama-cpp-python jinja2
Run:   tools/make_tokenizer_fixtures.py --smollm2 F.gguf --gemma F.gguf --minilm FOLDER \
           --babyllama F.model --stories F.bin

small_tokenizers.json holds tiny BPE tokenizers trained here on the texts below, one for each
pre-tokenizer, with the ids of Hugging Face tokenizers. real_models.json holds ids of llama.cpp
(GGUF), Hugging Face tokenizers (MiniLM), SentencePiece (BabyLlama) and of llama2.c's algorithm
written out below (stories260K). chat_templates.json holds what Python's jinja2 makes of templates.
"""
import argparse
import json
import os
import struct

import jinja2
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

FOLDER = os.path.join(os.path.dirname(__file__), "..", "src", "tokenizers", "testdata")

TEXTS = [
    "",
    " ",
    "Hello world",
    "The quick brown fox jumps over the lazy dog. It doesn't care; they'll've been told, I'd say!",
    "IT'S SHE'LL WE'VE don't I'M",
    "  leading, trailing  and   inner    runs \t of\t\tspace   ",
    "line one\nline two\n\n\nline five\r\nwindows\r\n\r\nend\n",
    "    def f(x):\n        return [x ** 2 for x in range(10)]  # comment\n\tif (a != b) { c->d(); }\n",
    "1 12 123 1234 12345.678 1,000,000 3.14e-10 ½ ² Ⅷ ١٢٣ 0x1F",
    "你好，世界！今天天气很好。这是第3个测试。",
    "日本語のテキスト、カタカナ。한국어 텍스트",
    "emoji 😀😃👍🏽 👩‍👩‍👧‍👦 🇩🇪 ❤️",
    "café naïve Ångström Übermut ǅ ﬁ e\u0301 o\u0308 n\u0303",
    "Привет, мир! Ελληνικά العربية עברית हिन्दी ไทย",
    "a\u00a0b\u2003c\u3000d\u200be\u2028f\u0085g\x0bh",
    "control \x01\x02\x7f characters \ufeff and \ufffd",
    "<|im_start|>user\nHi<|im_end|>\n<s>not special [CLS] [MASK]",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "https://example.org/path?q=a+b&c=%20#frag user@example.org $5.00 #tag @name ^~|`\\<>=",
    "\u2581marks \u2581\u2581 and \u0120 are not spaces",
    "\n", "\n\n\n\n", "\t", "x" * 120, "…—–“”‘’«»",
]


def write(name, value):
    with open(os.path.join(FOLDER, name), "w", encoding="utf-8") as f:
        json.dump(value, f, ensure_ascii=True, separators=(",", ":"))
        f.write("\n")


LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
          r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def small_tokenizers():
    from tokenizers import AddedToken, Regex, Tokenizer
    from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

    def train(tokenizer, initial, size):
        trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=initial, show_progress=False,
                                      special_tokens=["<|endoftext|>"])
        tokenizer.train_from_iterator([t for t in TEXTS if t] * 3, trainer)

    def byte_level(pre, normalizer=None, ignore_merges=False):
        t = Tokenizer(models.BPE())
        t.pre_tokenizer = pre
        t.decoder = decoders.ByteLevel()
        if normalizer:
            t.normalizer = normalizer
        train(t, pre_tokenizers.ByteLevel.alphabet(), 420)
        spec = json.loads(t.to_str())
        spec["model"]["ignore_merges"] = ignore_merges
        return Tokenizer.from_str(json.dumps(spec))

    bl = pre_tokenizers.ByteLevel
    split = lambda p, how="isolated", invert=False: pre_tokenizers.Split(Regex(p), how, invert)
    seq = pre_tokenizers.Sequence
    made = {
        "gpt-2": byte_level(bl(add_prefix_space=False)),
        "gpt-2 with a space first": byte_level(bl(add_prefix_space=True)),
        "smollm": byte_level(seq([pre_tokenizers.Digits(individual_digits=True),
                                  bl(add_prefix_space=False)])),
        "llama-bpe": byte_level(seq([split(LLAMA3), bl(False, use_regex=False)]), ignore_merges=True),
        "qwen2": byte_level(seq([split(LLAMA3.replace("{1,3}", "")), bl(False, use_regex=False)]),
                            normalizers.NFC()),
        "split behaviors": byte_level(seq([
            split(" ", "merged_with_next"), split(r"\n", "merged_with_previous"),
            split(r"[.,]", "contiguous"), split(r"\d", "removed"),
            pre_tokenizers.Punctuation(), bl(False, use_regex=False)])),
    }
    tokenizer = made["smollm"]
    tokenizer.add_tokens([AddedToken("<|im_start|>", special=True), AddedToken("quick")])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<|endoftext|> $A <|im_start|>", special_tokens=[
            ("<|endoftext|>", 0), ("<|im_start|>", tokenizer.token_to_id("<|im_start|>"))])

    # Llama 2's way: a space in front, U+2581 for spaces, single bytes for unknown characters.
    byte_tokens = ["<0x%02X>" % b for b in range(256)]
    for name, scheme in (("metaspace always", "always"), ("metaspace first", "first")):
        t = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
        t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)
        t.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(),
                                       decoders.Fuse(), decoders.Strip(" ", 1, 0)])
        trainer = trainers.BpeTrainer(vocab_size=420, limit_alphabet=60, show_progress=False,
                                      special_tokens=["<unk>", "<s>", "</s>"] + byte_tokens)
        t.train_from_iterator([x for x in TEXTS if x] * 3, trainer)
        spec = json.loads(t.to_str())
        spec["added_tokens"] = [a for a in spec["added_tokens"] if a["content"] not in byte_tokens]
        made[name] = Tokenizer.from_str(json.dumps(spec))
    cases = []
    for name, t in made.items():
        encoded = [t.encode(x) for x in TEXTS]
        cases.append({"name": name, "tokenizer": json.loads(t.to_str()),
                      "ids": [e.ids for e in encoded],
                      "plain_ids": [t.encode(x, add_special_tokens=False).ids for x in TEXTS]})
    write("small_tokenizers.json", {"texts": TEXTS, "tokenizers": cases})


def llama2c_ids(path, text):
    """run.c's encode(): single characters or bytes, then the best pair until none is left."""
    vocab, scores = [], []
    with open(path, "rb") as f:
        f.read(4)
        while head := f.read(8):
            score, length = struct.unpack("<fi", head)
            scores.append(score)
            vocab.append(f.read(length))
    ids_of = {piece: i for i, piece in reversed(list(enumerate(vocab)))}
    ids = [1]
    if text:
        ids.append(ids_of[b" "])
    for character in text:
        piece = character.encode()
        ids += [ids_of[piece]] if piece in ids_of else [b + 3 for b in piece]
    while True:
        best = None
        for i in range(len(ids) - 1):
            merged = ids_of.get(vocab[ids[i]] + vocab[ids[i + 1]])
            if merged is not None and (best is None or scores[merged] > best[0]):
                best = (scores[merged], i, merged)
        if best is None:
            return ids
        ids[best[1]:best[1] + 2] = [best[2]]


def real_models(args):
    import sentencepiece
    from llama_cpp import Llama
    from tokenizers import Tokenizer

    result = {"texts": TEXTS}
    for name, path, bos in (("smollm2", args.smollm2, False), ("gemma", args.gemma, True)):
        model = Llama(path, vocab_only=True, verbose=False)
        result[name] = [model.tokenize(t.encode(), add_bos=bos, special=False) for t in TEXTS]
        result[name + " special"] = [model.tokenize(t.encode(), add_bos=bos, special=True)
                                     for t in TEXTS]
    minilm = Tokenizer.from_file(os.path.join(args.minilm, "tokenizer.json"))
    minilm.no_truncation()
    minilm.no_padding()
    result["minilm special"] = [minilm.encode(t).ids for t in TEXTS]
    babyllama = sentencepiece.SentencePieceProcessor(args.babyllama)
    result["babyllama"] = [[1] + babyllama.encode(t) for t in TEXTS]
    result["stories260K"] = [llama2c_ids(args.stories, t) for t in TEXTS]
    write("real_models.json", result)


TEMPLATES = [
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    # System text into the first user turn, roles must alternate.
    "{{ bos_token }}{%- if messages[0].role == 'system' -%}{%- set first = messages[0].content | trim "
    "+ '\n\n' -%}{%- set rest = messages[1:] -%}{%- else -%}{%- set first = '' -%}{%- set rest = "
    "messages -%}{%- endif -%}\n{%- for m in rest -%}\n  {%- if (m.role == 'user') != (loop.index0 % 2 "
    "== 0) -%}{{ raise_exception('roles must alternate') }}{%- endif -%}\n  {{ '<turn>' + ('model' if "
    "m.role == 'assistant' else m.role) + '\n' + (first if loop.first else '') }}{{ m.content | trim "
    "}}{{ '</turn>\n' }}\n{%- endfor -%}",
    # A namespace that loops write to, search from the end, text methods.
    "{%- set ns = namespace(last=-1) -%}{%- for m in messages[::-1] -%}{%- if ns.last < 0 and m.role == "
    "'user' -%}{%- set ns.last = messages|length - 1 - loop.index0 -%}{%- endif -%}{%- endfor -%}"
    "{%- for m in messages -%}{%- set c = m.content -%}{%- if '</think>' in c -%}{%- set c = "
    "c.split('</think>')[-1].lstrip('\\n') -%}{%- endif -%}{{ loop.index0 ~ '/' ~ ns.last ~ ':' ~ c }};"
    "{%- endfor -%}",
    "{% macro turn(m, mark='#') %}{{ mark }}{{ m.role|upper }}: {{ m.content.strip() }}\n{% endmacro %}"
    "{% for m in messages %}{{ turn(m) }}{% if loop.last %}{{ turn(m, mark='*') }}{% endif %}{% endfor %}",
    "{{ messages|selectattr('role', 'equalto', 'user')|map(attribute='content')|join(' | ') }}\n"
    "{{ messages|tojson }}\n{{ messages|tojson(indent=2) }}\n{{ messages[0] }}",
    "  {% if tools %}\n tools\n  {% elif tools is none and documents is not defined %}\n none\n"
    "  {% else %}\n else\n  {% endif %}\n{# note #}\nend{{- ' x ' -}}  y\n\n",
    "{{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 1 if false else 1 }} {{ 'a' * 3 }} "
    "{{ 'abc'[1] }}{{ 'abc'[-1] }}{{ 'h\u00e9llo'[1:3] }}{{ [1,2,3,4][::2] }}{{ [3,2,1][-2:] }} "
    "{{ {'a': [1, none, true, 2.5, \"it's\"]} }} {{ 1 == 1.0 }} {{ 'x' < 'y' }} {{ not 'a' in ['a'] }}"
    .replace("{{ 2 ** 1 if false else 1 }} ", ""),
    "{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }}{{ ', ' if not loop.last }}{% endfor %}"
    "{% for x in [1,2,3,4] if x is odd %}[{{ loop.index }}/{{ loop.length }} {{ x }}]{% else %}no"
    "{% endfor %}{% for x in [] %}{% else %}empty{% endfor %}"
    "{% for x in range(9) %}{% if x == 1 %}{% continue %}{% endif %}{% if x == 3 %}{% break %}{% endif %}"
    "{{ x }}{% endfor %}",
    "{{ missing }}|{{ missing is defined }}|{{ missing|default('d') }}|{{ ''|default('e', true) }}|"
    "{{ messages[0].missing is none }}|{{ messages[0].get('missing', 'f') }}|{{ messages[9] is defined }}",
    "{{ ' a b '|trim }}|{{ 'a,b'.split(',') }}|{{ ' a  b '.split() }}|{{ 'ab'|capitalize }}|"
    "{{ 'a b'|title }}|{{ '\u00c4'|lower }}|{{ 'aXa'|replace('X', '-') }}|{{ 'xxaxx'.strip('x') }}|"
    "{{ 'abc'.startswith(('b', 'a')) }}|{{ [1,2]|first }}{{ [1,2]|last }}|{{ '12'|int + 1 }}",
    "{% set x %} body {{ messages[0].role }} {% endset %}[{{ x }}]{% set y = 1 %}{% for i in [1] %}"
    "{% set y = 2 %}{% endfor %}{{ y }}\r\n{% if true %}\r\nz{% endif %}",
    "{{ messages[0].missing.deeper }}",
]

CONVERSATIONS = [
    [{"role": "user", "content": " Hi "}],
    [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What? \u4f60\u597d"},
     {"role": "assistant", "content": "<think>\nhm\n</think>\n\nThat."},
     {"role": "user", "content": "\"q\" <b> & 'r'\\"}],
    [{"role": "assistant", "content": "first"}],
]


def chat_templates():
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                                extensions=[loopcontrols])
    environment.filters["tojson"] = lambda value, indent=None: json.dumps(
        value, ensure_ascii=False, indent=indent)

    class Refused(Exception):
        pass

    def raise_exception(message):
        raise Refused(message)

    environment.globals["raise_exception"] = raise_exception
    cases = []
    for template in TEMPLATES:
        for messages in CONVERSATIONS:
            for prompt in (False, True):
                variables = {"messages": messages, "add_generation_prompt": prompt,
                             "bos_token": "<s>", "eos_token": "</s>", "tools": None}
                try:
                    expected = environment.from_string(template).render(**variables)
                except (Refused, jinja2.exceptions.UndefinedError):
                    expected = None
                cases.append({"template": template, "variables": variables, "expected": expected})
    write("chat_templates.json", cases)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("smollm2", "gemma", "minilm", "babyllama", "stories"):
        parser.add_argument("--" + name, required=True)
    args = parser.parse_args()
    small_tokenizers()
    chat_templates()
    real_models(args)


if __name__ == "__main__":
    main()
