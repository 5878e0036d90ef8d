# sweep.py - What import accepts can be built
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random shapes and values, in range and out of it, in GGUF files, ONNX graphs and their configurations: phic builds the
model, which then runs, or refuses it with exit code 2 and a reason. It never says that it is its own fault.

    sweep.py PHIC [test...]      PHIC_CHECK_ALL=1: many more models, from a seed that is printed
"""
import json
import math
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

import gguf
import numpy
import onnx

PHIC = os.path.abspath(sys.argv.pop(1))
MODELS = os.path.dirname(os.path.abspath(__file__))
ALL = os.environ.get("PHIC_CHECK_ALL") == "1"
SEED = random.randrange(1 << 32) if ALL else 1
COUNT = 300 if ALL else 16
REALS = [0.0, -0.0, 1e-300, 1e-38, 1e-12, 1e-5, 0.5, 1.0, 8.0, 1e5, 1e30, 1e300, -1.0, -1e-9, math.inf, -math.inf, math.nan]
COUNTS = [-(1 << 63), -1, 0, 1, 2, 7, 8, 100, 1 << 24, (1 << 31) - 1, 1 << 31, (1 << 63) - 1]
TYPES = [gguf.GGMLQuantizationType[name] for name in ("F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q4_K", "Q6_K")]


def matrix(draw, rows, columns, kind):
    values = (numpy.arange(rows * columns, dtype=numpy.float32).reshape(rows, columns) % 17 - 8) / 64
    block = gguf.GGML_QUANT_SIZES[kind][0]
    if columns % block or kind in (gguf.GGMLQuantizationType.Q4_K, gguf.GGMLQuantizationType.Q6_K):
        kind = gguf.GGMLQuantizationType.F32  # gguf-py writes no K-quants
    return gguf.quants.quantize(values, kind), kind


def decoder(path, draw):
    """A GGUF file: most numbers plausible, one in a few not."""
    architecture = draw.choice(["llama", "phi3"])
    heads = draw.choice([1, 2, 3, 4, 6])
    kv = draw.choice([count for count in (1, 2, 3, 4, 6) if heads % count == 0])
    dim = draw.choice([2, 4, 6, 8, 10, 12, 16, 20, 24, 32, 40, 64, 80, 96])
    hidden = draw.choice([heads * dim, 8, 24, 32, 40, 64, 96, 100, 128])
    ffn = draw.choice([8, 12, 32, 40, 64, 96, 100, 160])
    vocab = draw.choice([1, 5, 8, 33, 64, 100, 256])
    rotary = draw.choice([dim, dim, dim // 2 * 2, max(2, dim // 4 * 2)])
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_block_count(1)
    writer.add_context_length(draw.choice([1, 8, 33, 64, 512]))
    writer.add_embedding_length(hidden)
    writer.add_feed_forward_length(ffn)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv)
    writer.add_key_length(dim)
    writer.add_value_length(dim)
    writer.add_rope_dimension_count(rotary)
    odd = draw.choice(["epsilon", "base", "scale", "factor", "magnitude", "window", "sampling", "none", "none", "none"])
    writer.add_layer_norm_rms_eps(draw.choice(REALS) if odd == "epsilon" else 1e-5)
    key = architecture + "."
    for name, what in (("base", "rope.freq_base"), ("scale", "attention.scale"), ("factor", "rope.scaling.factor"),
                       ("magnitude", "rope.scaling.attn_factor")):
        if odd == name:
            writer.add_float64(key + what, draw.choice(REALS))
    if odd == "window" or draw.random() < 0.3:
        writer.add_int64(key + "attention.sliding_window", draw.choice(COUNTS) if odd == "window" else draw.choice([1, 7, 16, 64]))
    if odd == "sampling":
        for name in ("temp", "top_p", "min_p", "penalty_repeat"):
            writer.add_float64("general.sampling." + name, draw.choice(REALS))
        writer.add_int64("general.sampling.top_k", draw.choice(COUNTS))

    def weight(name, rows, columns):
        data, kind = matrix(draw, rows, columns, draw.choice(TYPES))
        writer.add_tensor(name + ".weight", data, raw_dtype=kind)

    norm = numpy.ones(hidden, numpy.float32)
    weight("token_embd", vocab, hidden)
    writer.add_tensor("output_norm.weight", norm)
    writer.add_tensor("blk.0.attn_norm.weight", norm)
    writer.add_tensor("blk.0.ffn_norm.weight", norm)
    weight("blk.0.attn_output", hidden, heads * dim)
    weight("blk.0.ffn_down", hidden, ffn)
    if architecture == "phi3":
        weight("blk.0.attn_qkv", (heads + 2 * kv) * dim, hidden)
        weight("blk.0.ffn_up", 2 * ffn, hidden)
    else:
        for name, rows in (("attn_q", heads * dim), ("attn_k", kv * dim), ("attn_v", kv * dim), ("ffn_gate", ffn), ("ffn_up", ffn)):
            weight("blk.0." + name, rows, hidden)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return f"{architecture}, {heads}/{kv} heads of {dim}, hidden {hidden}, ffn {ffn}, vocabulary {vocab}, rotary {rotary}, {odd}"


class Sweep(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="phic-sweep-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.draw = random.Random(SEED)
        self.built = self.refused = 0

    def path(self, name):
        return os.path.join(self.folder, name)

    def build(self, model, what):
        flags = self.draw.choice([[], [], ["--act=f32"], ["--kv=f32"], ["--precision=int4"], ["--precision=fp16"], ["--chunk=8"]])
        done = subprocess.run([PHIC, "build", model, "-o", self.path("program"), "--cpu=x86-64-v3", "-q", *flags], cwd=self.folder,
                              capture_output=True, text=True)
        said = f"{what} {flags} (seed {SEED}): {done.stderr[-600:]}"
        self.assertIn(done.returncode, (0, 2), said)
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith("phic-reproducer")], [], said)
        if done.returncode == 2:
            self.assertRegex(done.stderr, r"phic: (error|note): ", said)
            self.refused += 1
            return
        self.built += 1
        ran = subprocess.run([self.path("program"), "--tokens", "0", "-n", "2", "--print-ids", "--ignore-eos", "--temp", "0"],
                             capture_output=True, text=True)
        self.assertIn(ran.returncode, (0, 1), said + ran.stderr)  # 1: a context of one token

    def check_both_happened(self):
        print(f"{self.id()}: {self.built} built, {self.refused} refused", file=sys.stderr)
        self.assertGreater(self.built, 0)
        self.assertGreater(self.refused, 0)

    def test_gguf(self):
        for _ in range(COUNT):
            self.build(self.path("model.gguf"), decoder(self.path("model.gguf"), self.draw))
        self.check_both_happened()

    def test_onnx_attributes(self):
        """Every attribute that is a number, of one node of a kind at a time."""
        source = os.path.join(MODELS, "tiny-llama", "ort-genai-int4")
        shutil.copytree(source, self.path("model"))
        graph = onnx.load(os.path.join(source, "model.onnx"), load_external_data=False)
        places = {(node.op_type, attribute.name): (node, attribute) for node in graph.graph.node for attribute in node.attribute
                  if attribute.type in (onnx.AttributeProto.FLOAT, onnx.AttributeProto.INT)}
        self.assertGreater(len(places), 5)
        chosen = sorted(places) if ALL else self.draw.sample(sorted(places), 8)
        for place in chosen:
            node, attribute = places[place]
            before = onnx.AttributeProto()
            before.CopyFrom(attribute)
            values = REALS if attribute.type == onnx.AttributeProto.FLOAT else COUNTS
            for value in values if ALL else self.draw.sample(values, 1):
                if attribute.type == onnx.AttributeProto.FLOAT:
                    attribute.f = numpy.float32(numpy.clip(value, -3e38, 3e38)) if math.isfinite(value) else value
                else:
                    attribute.i = value
                onnx.save(graph, self.path("model/model.onnx"))
                self.build(self.path("model"), f"{place} = {value}")
            attribute.CopyFrom(before)
        self.check_both_happened()

    def test_genai_config(self):
        shutil.copytree(os.path.join(MODELS, "tiny-llama", "ort-genai-int4"), self.path("model"))
        with open(self.path("model/genai_config.json")) as file:
            text = file.read()
        for _ in range(COUNT):
            config = json.loads(text)
            for _ in range(self.draw.choice([1, 1, 2])):
                part = self.draw.choice([config["model"], config["search"]])
                key = self.draw.choice(sorted(key for key, value in part.items() if isinstance(value, (int, float))))
                part[key] = self.draw.choice([value for value in REALS if math.isfinite(value)] + COUNTS + [None, "1", [], True])
            with open(self.path("model/genai_config.json"), "w") as file:
                json.dump(config, file)
            self.build(self.path("model"), json.dumps(config["search"]) + str(config["model"].get("context_length")))
        self.check_both_happened()


if __name__ == "__main__":
    unittest.main()
