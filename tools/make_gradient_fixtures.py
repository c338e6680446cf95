#!/usr/bin/env python3
"""Makes src/model/testdata/babyllama_gradients.json: gradients by PyTorch's autograd.

  make_gradient_fixtures.py FOLDER      FOLDER: BabyLlama (config.json, model.safetensors), float32

For the sum over a window of the losses of the next tokens: of the outputs of each matrix, and of the rows
that the embedding table gave ("lookup ..."), the norm and every so-manieth value of the gradient. Needs
torch and numpy.
"""
import json
import math
import os
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "src", "model", "testdata",
                   "babyllama_gradients.json")
TOKENS = 100
VALUES = 24  # of each gradient


def read_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        assert entry["dtype"] == "F32", name
        begin, end = entry["data_offsets"]
        values = np.frombuffer(data[begin:end], dtype="<f4").reshape(entry["shape"])
        tensors[name] = torch.from_numpy(values.copy()).double()
    return tensors


class Llama:
    """A Llama in float64 that keeps what each matrix gives."""

    def __init__(self, config, weights):
        self.c, self.w, self.outputs = config, weights, {}

    def keep(self, name, value):
        value.retain_grad()
        self.outputs[name] = value
        return value

    def linear(self, name, x):
        return self.keep(name, x @ self.w[name].T)

    def norm(self, name, x):
        eps = self.c["rms_norm_eps"]
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * self.w[name]

    def rope(self, x, heads):
        dim = x.shape[-1] // heads
        x = x.view(-1, heads, dim)
        frequencies = self.c["rope_theta"] ** (-torch.arange(0, dim, 2).double() / dim)
        angles = torch.arange(x.shape[0]).double()[:, None] * frequencies[None, :]
        cos, sin = angles.cos()[:, None, :], angles.sin()[:, None, :]
        a, b = x[..., : dim // 2], x[..., dim // 2:]
        return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)

    def attention(self, block, x):
        heads, kv_heads = self.c["num_attention_heads"], self.c["num_key_value_heads"]
        tokens = x.shape[0]
        q = self.rope(self.linear(block + "q_proj.weight", x), heads)
        k = self.rope(self.linear(block + "k_proj.weight", x), kv_heads)
        v = self.linear(block + "v_proj.weight", x).view(tokens, kv_heads, -1)
        k = k.repeat_interleave(heads // kv_heads, 1)
        v = v.repeat_interleave(heads // kv_heads, 1)
        scores = torch.einsum("qhd,khd->hqk", q, k) / math.sqrt(q.shape[-1])
        mask = torch.ones(tokens, tokens, dtype=torch.bool).tril()
        p = scores.masked_fill(~mask, -math.inf).softmax(-1)
        out = torch.einsum("hqk,khd->qhd", p, v).reshape(tokens, -1)
        return self.linear(block + "o_proj.weight", out)

    def run(self, tokens):
        embedding = "model.embed_tokens.weight"
        x = self.keep("lookup " + embedding, self.w[embedding][tokens].requires_grad_())
        for layer in range(self.c["num_hidden_layers"]):
            block = f"model.layers.{layer}."
            x = x + self.attention(block + "self_attn.", self.norm(block + "input_layernorm.weight", x))
            y = self.norm(block + "post_attention_layernorm.weight", x)
            gate = self.linear(block + "mlp.gate_proj.weight", y)
            up = self.linear(block + "mlp.up_proj.weight", y)
            x = x + self.linear(block + "mlp.down_proj.weight", F.silu(gate) * up)
        return self.linear(embedding, self.norm("model.norm.weight", x))


def main(folder):
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    model = Llama(config, read_safetensors(os.path.join(folder, "model.safetensors")))
    tokens = np.random.default_rng(1).integers(3, config["vocab_size"], TOKENS).tolist()
    logits = model.run(torch.tensor(tokens))
    loss = F.cross_entropy(logits[:-1], torch.tensor(tokens[1:]), reduction="sum")
    loss.backward()
    gradients = {}
    for name, output in model.outputs.items():
        gradient = output.grad
        if name == "model.embed_tokens.weight":
            gradient = gradient[:-1]  # the last position has no loss
        flat = gradient.reshape(-1).numpy()
        stride = max(1, len(flat) // VALUES) | 1  # odd: not always the same columns
        gradients[name] = {"norm": float(f"{np.linalg.norm(flat):.8g}"), "stride": stride,
                           "values": [float(f"{v:.6g}") for v in flat[::stride]]}
    result = {"tokens": tokens, "loss": loss.item() / (TOKENS - 1), "gradients": gradients}
    with open(OUT, "w", encoding="utf-8") as file:
        json.dump(result, file, separators=(",", ":"))
        file.write("\n")
    print(OUT, os.path.getsize(OUT), "bytes")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
