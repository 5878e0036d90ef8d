# precision.py - Weights quantized on request, against NumPy
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Builds float models with --precision and holds them to an independent reference.

    precision.py build/bin/phic build/bin/phic-interpret

Round to nearest is written down again here in NumPy, from docs/numerics.md. For the float ONNX model, whose forward
pass is written down too, logits of programs built with --act=f32 --kv=f32 must agree with the reference's quantized
weights; for the others with the interpreter's. Weight errors of --report must be NumPy's, 'phic verify --model='
must find every stage within its bound and the packing bit-equal, and reports and programs must come out the same twice.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

import gguf
import numpy as np
import onnx

HERE = os.path.dirname(os.path.abspath(__file__))
FP32 = os.path.join(HERE, "tiny-llama", "ort-genai-fp32")
F32_LIMIT = 1e-5
LENGTH = 24
f32 = np.float32

# ---------------------------------------------------------------------------------------------------------------------
# Round to nearest, in f32
# ---------------------------------------------------------------------------------------------------------------------


def round_to_nearest(w, bits, block, symmetric):
    """What [N, K] becomes, as the floats that codes and f16 scales stand for; the last block may be short."""
    result = np.empty_like(w)
    for begin in range(0, w.shape[1], block):
        x = w[:, begin:begin + block]
        if symmetric:
            extreme = np.take_along_axis(x, np.abs(x).argmax(axis=1)[:, None], axis=1)
            scale, zero = extreme / f32(-2 ** (bits - 1)), f32(0)
            least, greatest = -2 ** (bits - 1), 2 ** (bits - 1) - 1
        else:
            low, high = np.minimum(x.min(axis=1, keepdims=True), f32(0)), np.maximum(x.max(axis=1, keepdims=True), f32(0))
            scale, least, greatest = (high - low) / f32(2 ** bits - 1), 0, 2 ** bits - 1
        scale = scale.astype(np.float16).astype(f32)
        assert (scale != 0).all()
        if not symmetric:
            zero = np.clip(np.rint(-low / scale), least, greatest).astype(f32)
        codes = np.clip(np.rint(x / scale) + zero, least, greatest)
        result[:, begin:begin + block] = scale * (codes - zero)
    return result


class Format:
    def __init__(self, bits, block=32, symmetric=True):
        self.bits, self.block, self.symmetric = bits, block, symmetric

    def __call__(self, w):
        return round_to_nearest(w, self.bits, self.block or w.shape[1], self.symmetric)


def fp16(w):
    return w.astype(np.float16).astype(f32)


def as_is(w):
    return w


# ---------------------------------------------------------------------------------------------------------------------
# The model, in NumPy
# ---------------------------------------------------------------------------------------------------------------------


class Llama:
    """tiny-llama as ONNX Runtime GenAI exports it; matrices are [N, K] here."""

    def __init__(self, directory, assign):
        graph = onnx.load(os.path.join(directory, "model.onnx")).graph
        self.tensors = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer if t.name}
        self.stored = {name: np.ascontiguousarray(w.T) for name, w in self.tensors.items() if name.endswith("MatMul.weight")}
        self.matrices = {name: assign(name)(w) for name, w in self.stored.items()}
        attributes = {a.name: onnx.helper.get_attribute_value(a) for n in graph.node if n.op_type == "GroupQueryAttention" for a in n.attribute}
        self.heads, self.kv_heads, self.scale = attributes["num_heads"], attributes["kv_num_heads"], attributes["scale"]

    def norm(self, x, name):
        return x / np.sqrt((x * x).mean(axis=1, keepdims=True) + 1e-5) * self.tensors[name + "norm.weight"]

    def matmul(self, x, name):
        return x @ self.matrices[name + ".MatMul.weight"].astype(np.float64).T

    def rotate(self, x):
        cos, sin = (self.tensors[name][:len(x), None, :].astype(np.float64) for name in ("cos_cache", "sin_cache"))
        a, b = np.split(x, 2, axis=2)
        return np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=2)

    def attend(self, x, layer):
        qkv = self.matmul(x, layer + "attn.qkv_proj").reshape(len(x), self.heads + 2 * self.kv_heads, -1)
        q, k, v = np.split(qkv, [self.heads, self.heads + self.kv_heads], axis=1)
        q, k, v = self.rotate(q), self.rotate(k).repeat(self.heads // self.kv_heads, axis=1), v.repeat(self.heads // self.kv_heads, axis=1)
        scores = self.scale * np.einsum("ihd,jhd->hij", q, k) + np.triu(np.full((len(x), len(x)), -np.inf), 1)
        weights = np.exp(scores - scores.max(axis=2, keepdims=True))
        out = np.einsum("hij,jhd->ihd", weights / weights.sum(axis=2, keepdims=True), v)
        return self.matmul(out.reshape(len(x), -1), layer + "attn.o_proj")

    def logits(self, ids):
        h = self.matrices["lm_head.MatMul.weight"][ids].astype(np.float64)  # tied
        for layer in ("model.layers.0.", "model.layers.1."):
            h = h + self.attend(self.norm(h, layer + "input_layer"), layer)
            x = self.norm(h, layer + "post_attention_layer")
            gate = self.matmul(x, layer + "mlp.gate_proj")
            h = h + self.matmul(gate / (1 + np.exp(-gate)) * self.matmul(x, layer + "mlp.up_proj"), layer + "mlp.down_proj")
        return self.matmul(self.norm(h, "model.layers.2.final_norm_layer"), "lm_head")


# ---------------------------------------------------------------------------------------------------------------------
# Programs
# ---------------------------------------------------------------------------------------------------------------------


def relative_rms(got, expected):
    got, expected = got.astype(np.float64), expected.astype(np.float64)
    return float(np.sqrt(np.square(got - expected).sum() / np.square(expected).sum()))


class Tools:
    def __init__(self, phic, interpreter, scratch):
        self.phic, self.interpreter, self.scratch = phic, interpreter, scratch
        self.failures, self.checks = [], 0

    def check(self, condition, what):
        self.checks += 1
        if not condition:
            self.failures.append(what)
            print("error:", what, flush=True)

    def file(self, name):
        return os.path.join(self.scratch, name)

    def call(self, *command, code=0):
        done = subprocess.run(command, capture_output=True, text=True)
        self.check(done.returncode == code, f"{' '.join(command)}: exit code {done.returncode}, expected {code}: {done.stderr.strip()[-500:]}")
        return done

    def build(self, model, name, *flags):
        program = self.file(name)
        self.call(self.phic, "build", model, "-o", program, "--report", program + ".json", *flags)
        return program, json.load(open(program + ".json"))

    def logits(self, *command):
        ids = ",".join(map(str, prompt()))
        self.call(*command, "--tokens", ids, "--logits", self.file("logits.npy"))
        return np.load(self.file("logits.npy"))


def prompt():
    return [(7 * i * i + 3) % 576 for i in range(LENGTH)]


def check_errors(tools, what, report, stored, matrices):
    """The report's weight errors are NumPy's."""
    rows = {row["name"]: row for row in report["precision"]["weights"]}
    tools.check(set(stored) <= set(rows), f"{what}: the report lacks {set(stored) - set(rows)}")
    for name, w in stored.items():
        expected = relative_rms(matrices[name], w)
        error = rows[name].get("error", {"relative_rms": 0, "greatest": 0})
        greatest = float(np.abs(matrices[name].astype(np.float64) - w).max())
        tools.check(np.isclose(error["relative_rms"], expected, rtol=1e-9, atol=1e-12), f"{what}: {name} has error {error}, NumPy {expected}")
        tools.check(np.isclose(error["greatest"], greatest, rtol=1e-12), f"{what}: {name} has error {error}, NumPy {greatest}")


def check_onnx(tools, what, flags, assign):
    llama = Llama(FP32, assign)
    exact, report = tools.build(FP32, "exact", "--act=f32", "--kv=f32", *flags)
    check_errors(tools, what, report, llama.stored, llama.matrices)
    error = relative_rms(tools.logits(exact), llama.logits(prompt()))
    tools.check(error <= F32_LIMIT, f"{what}: logits differ from NumPy's by {error:.1e}, allowed {F32_LIMIT:.0e}")
    program, _ = tools.build(FP32, "program", *flags)
    tools.call(tools.phic, "verify", program, "--model=" + FP32)
    rows = {row["name"]: row for row in report["precision"]["weights"]}
    print(f"{what:46} {report['precision']['bits_per_weight']:6.2f} {rows['lm_head.MatMul.weight']['format']:32} "
          f"{report['precision'].get('relative_rms', 0):.5f}  {error:.1e}", flush=True)


LAYER0 = "model.layers.0."
ONNX_CASES = [
    ("as is", [], lambda name: as_is),
    ("fp16", ["--precision=fp16"], lambda name: fp16),
    ("int8", ["--precision=int8"], lambda name: Format(8)),
    ("int8 asym", ["--precision=int8", "--asym"], lambda name: Format(8, symmetric=False)),
    ("int4, LM head and embeddings int8", ["--precision=int4"], lambda name: Format(8 if "lm_head" in name else 4)),
    ("int4 everywhere", ["--precision=int4", "--lm-head=same"], lambda name: Format(4)),
    ("int4 asym", ["--precision=int4", "--asym", "--lm-head=same"], lambda name: Format(4, symmetric=False)),
    ("int4, blocks of 16", ["--precision=int4", "--block=16", "--lm-head=same"], lambda name: Format(4, 16)),
    ("int4, blocks of 64 (K = 96: a short one)", ["--precision=int4", "--block=64", "--lm-head=same"], lambda name: Format(4, 64)),
    ("int4 asym, blocks of 256", ["--precision=int4", "--block=256", "--asym", "--lm-head=same"], lambda name: Format(4, 256, False)),
    ("int8, a scale a row", ["--precision=int8", "--block=row"], lambda name: Format(8, None)),
    ("a block format", ["--precision", "u4, 48, scale = f16, zero = u4", "--lm-head=same"], lambda name: Format(4, 48, False)),
    ("mixed", ["--precision=int4", "--precision-rule", "lm_head=int8", "--precision-rule", r"layers\.0\..*=fp16"],
     lambda name: fp16 if name.startswith(LAYER0) else Format(8 if "lm_head" in name else 4)),
    ("the last rule wins", ["--precision-rule", "layers=int8", "--precision-rule", "down_proj=as-is", "--lm-head=fp16"],
     lambda name: as_is if "down_proj" in name else Format(8) if "layers" in name else fp16),
]

# Models whose forward pass is not written down here: against the interpreter, which takes the same flags.
OTHERS = [("longrope, GGUF F16", "tiny-phi35-longrope/gguf-F16", "tiny-phi35-longrope/gguf/F16"),
          ("longrope, fp16 ONNX", "tiny-phi35-longrope/ort-genai-fp16", "tiny-phi35-longrope/ort-genai/fp16-cuda"),
          ("tiny-llama, GGUF F32", "", "tiny-llama/gguf/F32")]


def find_model(here, shared):
    for path in [os.path.join(HERE, here)] * bool(here) + [os.path.join(HERE, "..", "..", "..", "shared", "models", shared)]:
        if os.path.isdir(path):
            return path
    return None


def check_other(tools, what, model):
    for name in ("fp16", "int8", "int4"):
        flags = [f"--precision={name}"]
        exact, report = tools.build(model, "exact", "--act=f32", "--kv=f32", *flags)
        expected = tools.logits(tools.interpreter, model, "--phase=fuse", "--act=f32", "--kv=f32", *flags)
        error = relative_rms(tools.logits(exact), expected)
        tools.check(error <= F32_LIMIT, f"{what} {name}: logits differ from the interpreter's by {error:.1e}")
        program, _ = tools.build(model, "program", *flags)
        tools.call(tools.phic, "verify", program, "--model=" + model)
        print(f"{what + ' ' + name:46} {report['precision']['bits_per_weight']:6.2f} {'':32} "
              f"{report['precision'].get('relative_rms', 0):.5f}  {error:.1e}", flush=True)


def check_gguf_errors(tools):
    model = os.path.join(HERE, "tiny-phi35-longrope", "gguf-F16")
    path = next(os.path.join(model, name) for name in os.listdir(model) if name.endswith(".gguf"))
    _, report = tools.build(model, "program", "--precision=int8", "--asym")
    # Some matrices are read in parts, named blk.0.attn_qkv.weight[0:96].
    tensors = {t.name: np.asarray(t.data).reshape(t.shape[::-1]).astype(f32) for t in gguf.GGUFReader(path).tensors}
    stored = {}
    for row in report["precision"]["weights"]:
        name, _, part = row["name"].partition("[")
        if "error" in row:
            first, last = map(int, part.rstrip("]").split(":")) if part else (0, None)
            stored[row["name"]] = tensors[name][first:last]
    tools.check(len(stored) > 8, f"only {len(stored)} weights of the GGUF model have an error")
    check_errors(tools, "GGUF int8 asym", report, stored, {name: Format(8, 32, False)(w) for name, w in stored.items()})


def check_same_twice(tools):
    flags = ONNX_CASES[-2][1]
    programs = []
    for name in ("once", "twice"):
        program, _ = tools.build(FP32, name, *flags)
        programs.append((open(program, "rb").read(), open(program + ".json").read()))
    tools.check(programs[0][1] == programs[1][1], "two reports of the same build differ")
    tools.check(programs[0][0] == programs[1][0], "two builds with --precision differ")


def check_inspect(tools):
    program, report = tools.build(FP32, "program", "--precision=int4")
    manifest = json.loads(tools.call(tools.phic, "inspect", "--json", program).stdout)
    tools.check(manifest["precision"] == "--precision=int4", f"inspect says precision {manifest.get('precision')}")
    errors = {row["name"]: row["relative_rms"] for row in manifest["converted_weights"]}
    wanted = {row["name"]: row["error"]["relative_rms"] for row in report["precision"]["weights"] if "error" in row}
    tools.check(errors == wanted and len(errors) == 11, "inspect and report do not agree on weight errors")
    text = tools.call(tools.phic, "build", FP32, "-o", program, "--precision=int4", "--report=-").stdout
    for word in ("rms error", "decode kernel", "u4, 32, scale = f16, zero = 8", "memory ", "tokens/s", "11 weights converted"):
        tools.check(word in text, f"the text report lacks '{word}'")


def check_refused(tools):
    """Weights that a format cannot hold, and quantized models."""
    broken = shutil.copytree(FP32, tools.file("broken"))
    tensor = next(t for t in onnx.load(os.path.join(FP32, "model.onnx"), load_external_data=False).graph.initializer
                  if t.name == LAYER0 + "mlp.up_proj.MatMul.weight")
    offset = next(int(e.value) for e in tensor.external_data if e.key == "offset")
    with open(os.path.join(broken, "model.onnx.data"), "r+b") as data:
        data.seek(offset)
        data.write(f32(1e6).tobytes())
    program = tools.file("refused")
    done = tools.call(tools.phic, "build", broken, "-o", program, "--precision=fp16", code=2)
    tools.check("weight 'model.layers.0.mlp.up_proj.MatMul.weight', row 0" in done.stderr, f"1e6 as f16: {done.stderr}")
    tools.check(not os.path.exists(program), "a refused build left its program")
    tools.call(tools.phic, "build", broken, "-o", program, "--precision=int8")  # its scale fits
    quantized = os.path.join(HERE, "tiny-llama", "ort-genai-int4")
    done = tools.call(tools.phic, "build", quantized, "-o", tools.file("none"), "--precision=int8", code=2)
    tools.check("11 weights are quantized already" in done.stderr, f"requantizing unasked: {done.stderr}")
    tools.call(tools.phic, "build", quantized, "-o", program, "--precision=int8", "--allow-requantize")
    tools.call(tools.phic, "verify", program, "--model=" + quantized)


def main():
    phic, interpreter = sys.argv[1:3]
    with tempfile.TemporaryDirectory(prefix="phic-precision-") as scratch:
        tools = Tools(phic, interpreter, scratch)
        golden = np.load(os.path.join(FP32, "golden.npz"))
        own = Llama(FP32, lambda name: as_is).logits(golden["chat.ids"])[golden["chat.pos"]]
        tools.check(relative_rms(own, golden["chat.logits"]) <= F32_LIMIT, "the reference's forward pass is not the golden's")
        print(f"{'':46} {'bits':>6} {'LM head':32} {'weights':7}  logits")
        for case in ONNX_CASES:
            check_onnx(tools, *case)
        for what, here, shared in OTHERS:
            model = find_model(here, shared)
            if model:
                check_other(tools, what, model)
            else:
                print(f"[SKIP] {what}: no ../shared/models/{shared}")
        for check in (check_gguf_errors, check_same_twice, check_inspect, check_refused):
            check(tools)
        print(f"{tools.checks} checks, {len(tools.failures)} failed")
        return 1 if tools.failures else 0


if __name__ == "__main__":
    sys.exit(main())
