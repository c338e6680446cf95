#!/usr/bin/env python3
"""Makes src/model/testdata: numbers of independent implementations that the tests of src/model compare with.

  make_model_fixtures.py tiny                     random-weight models of 4 families, run through llama.cpp
  make_model_fixtures.py smollm2 MODEL.gguf       logits by llama.cpp
  make_model_fixtures.py gemma3 MODEL.gguf        64 greedy tokens by llama.cpp
  make_model_fixtures.py minilm FOLDER            sentence embeddings by PyTorch

Needs numpy, gguf, safetensors and llama-cpp-python; minilm needs torch and tokenizers instead of the last.
llama.cpp computes in float32: quantized files are first converted to F32 by its own quantizer, the KV cache
is F32 and flash attention is off.
"""
import json
import os
import sys
import tempfile

import numpy as np

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "src", "model", "testdata")

TEXT = (
    "The quick brown fox jumps over the lazy dog. In 1869 Dmitri Mendeleev published a table of the "
    "elements; gaps in it were left for elements that nobody had found yet.\n\n"
    "def add(a, b):\n    return a + b\n\n"
    "Water boils at 100 degrees Celsius at sea level, and at about 90 degrees on a mountain of three "
    "kilometres. 水在海平面上一百度沸腾。 Why is that so? Because the pressure of the air is lower there, "
    "and a liquid boils when the pressure of its vapour is as large as that of the air above it.\n\n"
    "- first item\n- second item\n- third item\n\nShe said: \"I don't know, but I'll find out tomorrow!\" "
    "Then she closed the window, took her bag, and left the house without another word."
)


def write_json(name, value):
    path = os.path.join(OUT, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")
    print(path, os.path.getsize(path), "bytes")


def numbers(values):
    return [float(f"{v:.8g}") for v in values]


# ---- llama.cpp ---------------------------------------------------------------------------------------


def load_llama(path, context):
    import llama_cpp

    return llama_cpp.Llama(path, n_ctx=context, n_batch=context, n_threads=2, logits_all=True, type_k=0,
                           type_v=0, flash_attn=False, verbose=False)


def to_f32(path):
    """The same weights as F32, so that llama.cpp multiplies floats."""
    import llama_cpp

    out = os.path.join(tempfile.gettempdir(), os.path.basename(path) + ".f32.gguf")
    if not os.path.exists(out):
        params = llama_cpp.llama_model_quantize_default_params()
        params.ftype = llama_cpp.LLAMA_FTYPE_ALL_F32
        params.allow_requantize = True
        params.nthread = 2
        assert llama_cpp.llama_model_quantize(path.encode(), out.encode(), params) == 0
    return out


def llama_logits(path, tokens):
    llama = load_llama(path, max(64, len(tokens)))
    llama.eval(tokens)
    return np.array(llama.scores[: len(tokens)], dtype=np.float32)


def smollm2(path):
    llama = load_llama(to_f32(path), 512)
    tokens = llama.tokenize(TEXT.encode(), add_bos=False, special=False)
    llama.eval(tokens)
    scores = np.array(llama.scores[: len(tokens)])
    random = np.random.default_rng(1)
    samples = []
    for position in (0, 1, 15, 63, len(tokens) // 2, len(tokens) - 1):
        row = scores[position]
        ids = np.concatenate([np.argsort(-row)[:64], random.integers(0, len(row), 64)])
        samples.append({"position": position, "ids": ids.tolist(), "logits": numbers(row[ids])})
    write_json("smollm2_logits.json", {"tokens": tokens, "samples": samples})


def gemma3(path):
    llama = load_llama(to_f32(path), 256)
    prompt = llama.tokenize(b"The history of bread begins", add_bos=True, special=False)
    tokens, margins = [], []
    llama.eval(prompt)
    for _ in range(64):
        row = np.array(llama.scores[llama.n_tokens - 1])
        top = np.argsort(-row)[:2]
        tokens.append(int(top[0]))
        margins.append(float(row[top[0]] - row[top[1]]))
        llama.eval([tokens[-1]])
    print("smallest margin between first and second:", min(margins))
    print(llama.detokenize(tokens).decode())
    write_json("gemma3_greedy.json", {"prompt": prompt, "tokens": tokens})


# ---- small random models -----------------------------------------------------------------------------


def byte_alphabet():
    """GPT-2's printable stand-ins for the 256 bytes."""
    printable = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    table, extra = {}, 0
    for byte in range(256):
        if byte in printable:
            table[byte] = chr(byte)
        else:
            table[byte] = chr(256 + extra)
            extra += 1
    return [table[byte] for byte in range(256)]


MERGES = [("\u0120", "t"), ("h", "e"), ("i", "n"), ("\u0120", "a"), ("\u0120t", "he")]
VOCABULARY = byte_alphabet() + ["".join(pair) for pair in MERGES] + ["<|endoftext|>"]
SIZES = {"vocab": len(VOCABULARY), "hidden": 32, "heads": 4, "kv_heads": 2, "head_dim": 8, "inner": 48,
         "layers": 2, "context": 64}


class Weights:
    """Random tensors that float16 holds exactly, by their names in a Hugging Face file."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.tensors = {}

    def add(self, name, *shape, scale=0.3, mean=0.0):
        values = (mean + scale * self.random.standard_normal(shape)).astype(np.float16)
        if mean == 1:  # norms: so that weight - 1, as Gemma stores it, is exact too
            values = np.round(values * 256) / 256
        self.tensors[name] = values.astype(np.float32)


def llama_like(seed, sizes, biases=False, extra_norms=()):
    s, w = sizes, Weights(seed)
    query, kv = s["heads"] * s["head_dim"], s["kv_heads"] * s["head_dim"]
    w.add("model.embed_tokens.weight", s["vocab"], s["hidden"], scale=0.8)
    w.add("model.norm.weight", s["hidden"], mean=1)
    for layer in range(s["layers"]):
        block = f"model.layers.{layer}."
        for name, rows in (("q", query), ("k", kv), ("v", kv)):
            w.add(f"{block}self_attn.{name}_proj.weight", rows, s["hidden"])
            if biases:
                w.add(f"{block}self_attn.{name}_proj.bias", rows)
        w.add(block + "self_attn.o_proj.weight", s["hidden"], query)
        w.add(block + "mlp.gate_proj.weight", s["inner"], s["hidden"])
        w.add(block + "mlp.up_proj.weight", s["inner"], s["hidden"])
        w.add(block + "mlp.down_proj.weight", s["hidden"], s["inner"])
        for norm in ("input_layernorm", "post_attention_layernorm") + tuple(extra_norms):
            size = s["head_dim"] if norm.startswith("self_attn") else s["hidden"]
            w.add(f"{block}{norm}.weight", size, mean=1)
    return w.tensors


GGUF_NAMES = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
}


def gguf_name(name, names):
    stem, suffix = name.rsplit(".", 1)
    for block in ("model.layers.", "h."):
        if stem.startswith(block):
            layer, stem = stem[len(block):].split(".", 1)
            return f"blk.{layer}.{names[stem]}.{suffix}"
    return f"{names[stem]}.{suffix}"


def interleave(rows, heads):
    """The row order of GGUF's llama: pairs (i, i + half) of a head become neighbours."""
    shape = rows.shape
    return rows.reshape(heads, 2, -1, *shape[1:]).swapaxes(1, 2).reshape(shape)


def write_gguf(family, sizes, tensors, add_keys):
    import gguf

    path = os.path.join(OUT, family, "model.gguf")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    writer = gguf.GGUFWriter(path, family)
    writer.add_context_length(sizes["context"])
    writer.add_embedding_length(sizes["hidden"])
    writer.add_feed_forward_length(sizes["inner"])
    writer.add_block_count(sizes["layers"])
    writer.add_head_count(sizes["heads"])
    add_keys(writer)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(VOCABULARY)
    writer.add_token_types([1] * (len(VOCABULARY) - 1) + [3])
    writer.add_token_merges([" ".join(pair) for pair in MERGES])
    writer.add_eos_token_id(len(VOCABULARY) - 1)
    for name, values in tensors.items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    print(path, os.path.getsize(path), "bytes")
    return path


def write_folder(family, config, tensors):
    from safetensors.numpy import save_file

    folder = os.path.join(OUT, family)
    save_file({name: np.ascontiguousarray(values.astype(np.float16)) for name, values in tensors.items()},
              os.path.join(folder, "model.safetensors"))
    write_json(f"{family}/config.json", config)
    end = {"id": len(VOCABULARY) - 1, "content": VOCABULARY[-1], "single_word": False, "lstrip": False,
           "rstrip": False, "normalized": False, "special": True}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    write_json(f"{family}/tokenizer.json", {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [end], "normalizer": None,
        "pre_tokenizer": byte_level, "post_processor": None, "decoder": byte_level,
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "",
                  "end_of_word_suffix": "", "fuse_unk": False, "byte_fallback": False,
                  "vocab": {token: i for i, token in enumerate(VOCABULARY)},
                  "merges": [" ".join(pair) for pair in MERGES]}})


def write_logits(family, path):
    tokens = np.random.default_rng(7).integers(0, len(VOCABULARY), 24).tolist()
    scores = llama_logits(path, tokens)
    print(family, "logits: standard deviation", float(scores.std()))
    rows = [{"position": p, "logits": numbers(scores[p])} for p in (0, 5, 13, 23)]
    write_json(f"{family}/logits.json", {"tokens": tokens, "rows": rows})


def common_config(sizes):
    return {"vocab_size": sizes["vocab"], "hidden_size": sizes["hidden"],
            "intermediate_size": sizes["inner"], "num_hidden_layers": sizes["layers"],
            "num_attention_heads": sizes["heads"], "num_key_value_heads": sizes["kv_heads"],
            "head_dim": sizes["head_dim"], "max_position_embeddings": sizes["context"],
            "rms_norm_eps": 1e-5, "tie_word_embeddings": True}


def tiny_qwen2():
    tensors = llama_like(2, SIZES, biases=True)

    def keys(writer):
        writer.add_head_count_kv(SIZES["kv_heads"])
        writer.add_rope_freq_base(1e4)
        writer.add_layer_norm_rms_eps(1e-5)

    path = write_gguf("qwen2", SIZES, {gguf_name(n, GGUF_NAMES): v for n, v in tensors.items()}, keys)
    write_folder("qwen2", {"model_type": "qwen2", **common_config(SIZES), "rope_theta": 1e4,
                           "hidden_act": "silu", "use_sliding_window": False}, tensors)
    write_logits("qwen2", path)


def tiny_llama():
    """With the scaled rotary frequencies of Llama 3, a head of its own, and rows to be put in order."""
    tensors = llama_like(3, SIZES)
    random = np.random.default_rng(33)
    head = (0.5 * random.standard_normal((SIZES["vocab"], SIZES["hidden"]))).astype(np.float16)
    tensors["lm_head.weight"] = head.astype(np.float32)
    scaling = {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
               "original_max_position_embeddings": 16}
    # Meta's formula, as the converters for GGUF write it into rope_freqs.weight.
    factors = []
    for i in range(SIZES["head_dim"] // 2):
        frequency = 1e4 ** (-2 * i / SIZES["head_dim"])
        wave = 2 * np.pi / frequency
        if wave < 16 / 4.0:
            factors.append(1.0)
        elif wave > 16 / 1.0:
            factors.append(4.0)
        else:
            smooth = (16 / wave - 1.0) / (4.0 - 1.0)
            factors.append(1 / ((1 - smooth) / 4.0 + smooth))
    names = {**GGUF_NAMES, "lm_head": "output"}
    stored = {}
    for name, values in tensors.items():
        if "q_proj" in name:
            values = interleave(values, SIZES["heads"])
        elif "k_proj" in name:
            values = interleave(values, SIZES["kv_heads"])
        stored[gguf_name(name, names)] = values
    stored["rope_freqs.weight"] = np.array(factors, dtype=np.float32)

    def keys(writer):
        writer.add_head_count_kv(SIZES["kv_heads"])
        writer.add_rope_freq_base(1e4)
        writer.add_rope_dimension_count(SIZES["head_dim"])
        writer.add_layer_norm_rms_eps(1e-5)

    path = write_gguf("llama", SIZES, stored, keys)
    write_folder("llama", {"model_type": "llama", **common_config(SIZES), "rope_theta": 1e4,
                           "rope_scaling": scaling, "hidden_act": "silu", "tie_word_embeddings": False},
                 tensors)
    write_logits("llama", path)


def tiny_gemma3():
    """Seven layers, so that the sixth sees everything, and a window shorter than the text."""
    sizes = {**SIZES, "heads": 2, "kv_heads": 1, "head_dim": 16, "inner": 32, "layers": 7}
    tensors = llama_like(4, sizes, extra_norms=("pre_feedforward_layernorm", "post_feedforward_layernorm",
                                                "self_attn.q_norm", "self_attn.k_norm"))
    names = {**GGUF_NAMES, "post_attention_layernorm": "post_attention_norm",
             "pre_feedforward_layernorm": "ffn_norm", "post_feedforward_layernorm": "post_ffw_norm"}

    def keys(writer):
        writer.add_head_count_kv(sizes["kv_heads"])
        writer.add_key_length(sizes["head_dim"])
        writer.add_value_length(sizes["head_dim"])
        writer.add_rope_freq_base(1e6)
        writer.add_sliding_window(8)
        writer.add_layer_norm_rms_eps(1e-6)

    path = write_gguf("gemma3", sizes, {gguf_name(n, names): v for n, v in tensors.items()}, keys)
    folder = {n: v - 1 if "norm" in n else v for n, v in tensors.items()}
    for name, values in folder.items():
        if "norm" in name:  # must survive the float16 of the folder
            assert np.array_equal(values.astype(np.float16).astype(np.float32) + 1, tensors[name]), name
    write_folder("gemma3", {"model_type": "gemma3_text", **common_config(sizes), "rms_norm_eps": 1e-6,
                            "rope_theta": 1e6, "rope_local_base_freq": 1e4, "sliding_window": 8,
                            "sliding_window_pattern": 6, "query_pre_attn_scalar": 16,
                            "hidden_activation": "gelu_pytorch_tanh"}, folder)
    write_logits("gemma3", path)


def tiny_gpt2():
    s, w = {**SIZES, "inner": 128}, Weights(5)
    w.add("wte.weight", s["vocab"], s["hidden"], scale=0.8)
    w.add("wpe.weight", s["context"], s["hidden"], scale=0.3)
    for name in ["ln_f"] + [f"h.{i}.ln_{k}" for i in range(s["layers"]) for k in (1, 2)]:
        w.add(name + ".weight", s["hidden"], mean=1)
        w.add(name + ".bias", s["hidden"])
    for layer in range(s["layers"]):
        for name, rows, cols in (("attn.c_attn", s["hidden"], 3 * s["hidden"]),
                                 ("attn.c_proj", s["hidden"], s["hidden"]),
                                 ("mlp.c_fc", s["hidden"], s["inner"]),
                                 ("mlp.c_proj", s["inner"], s["hidden"])):
            w.add(f"h.{layer}.{name}.weight", rows, cols)  # [input, output]
            w.add(f"h.{layer}.{name}.bias", cols)
    names = {"wte": "token_embd", "wpe": "position_embd", "ln_f": "output_norm", "ln_1": "attn_norm",
             "ln_2": "ffn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output",
             "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down"}
    stored = {}
    for name, values in w.tensors.items():
        transposed = ".c_" in name and name.endswith("weight")
        stored[gguf_name(name, names)] = np.ascontiguousarray(values.T) if transposed else values
    path = write_gguf("gpt2", s, stored, lambda writer: writer.add_layer_norm_eps(1e-5))
    write_folder("gpt2", {"model_type": "gpt2", "vocab_size": s["vocab"], "n_embd": s["hidden"],
                          "n_layer": s["layers"], "n_head": s["heads"], "n_positions": s["context"],
                          "layer_norm_epsilon": 1e-5, "activation_function": "gelu_new"},
                 {"transformer." + n: v for n, v in w.tensors.items()})
    write_logits("gpt2", path)


# ---- MiniLM ------------------------------------------------------------------------------------------

SENTENCES = [
    "A man is eating food.", "A man is eating a piece of bread.", "The girl is carrying a baby.",
    "A man is riding a horse.", "A woman is playing violin.", "Two men pushed carts through the woods.",
    "A cheetah is running behind its prey.", "Ok", "?", "The weather is lovely today.",
    "Prices rose by 3.7% in the second quarter, more than anyone had expected.",
    "naïve café façade", "Ünïcödé wörds", "机器学习很有用。", "ROUND-trip, semi-detached & co.",
    "https://example.org/path?query=1", "def f(x): return x ** 2",
    "supercalifragilisticexpialidocious antidisestablishmentarianism",
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of "
    "foolishness, it was the epoch of belief, it was the epoch of incredulity.",
    "word " * 100,
]


def bert_embedding(torch, weights, config, ids):
    def linear(name, x):
        return x @ weights[name + ".weight"].T + weights[name + ".bias"]

    def norm(name, x):
        return torch.nn.functional.layer_norm(x, x.shape[-1:], weights[name + ".weight"],
                                              weights[name + ".bias"], config["layer_norm_eps"])

    heads = config["num_attention_heads"]
    x = (weights["embeddings.word_embeddings.weight"][ids]
         + weights["embeddings.position_embeddings.weight"][: len(ids)]
         + weights["embeddings.token_type_embeddings.weight"][0])
    x = norm("embeddings.LayerNorm", x)
    for layer in range(config["num_hidden_layers"]):
        block = f"encoder.layer.{layer}."
        q, k, v = (linear(f"{block}attention.self.{n}", x).reshape(len(ids), heads, -1).transpose(0, 1)
                   for n in ("query", "key", "value"))
        scores = torch.softmax(q @ k.transpose(1, 2) / q.shape[-1] ** 0.5, dim=-1)
        mixed = (scores @ v).transpose(0, 1).reshape(len(ids), -1)
        x = norm(block + "attention.output.LayerNorm", x + linear(block + "attention.output.dense", mixed))
        inner = torch.nn.functional.gelu(linear(block + "intermediate.dense", x))
        x = norm(block + "output.LayerNorm", x + linear(block + "output.dense", inner))
    return torch.nn.functional.normalize(x.mean(dim=0), dim=0)


def minilm(folder):
    import torch
    from safetensors.torch import load_file
    from tokenizers import Tokenizer

    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    weights = load_file(os.path.join(folder, "model.safetensors"))
    tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    items = []
    for sentence in SENTENCES:
        ids = tokenizer.encode(sentence).ids
        embedding = bert_embedding(torch, weights, config, torch.tensor(ids))
        items.append({"text": sentence, "ids": ids, "embedding": numbers(embedding.tolist())})
    write_json("minilm_embeddings.json", items)


def main():
    command, arguments = (sys.argv[1:2] or [""])[0], sys.argv[2:]
    if command == "tiny":
        for make in (tiny_llama, tiny_qwen2, tiny_gemma3, tiny_gpt2):
            make()
    elif command in ("smollm2", "gemma3", "minilm") and len(arguments) == 1:
        {"smollm2": smollm2, "gemma3": gemma3, "minilm": minilm}[command](arguments[0])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
