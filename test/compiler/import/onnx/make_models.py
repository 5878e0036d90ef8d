#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the small models of OnnxImportTest.cpp: make_models.py models/  (needs the onnx package).

good.onnx is a one-layer decoder with its weights embedded; each bad_*.onnx is that model with one thing wrong.
"""
import os
import sys

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

VOCAB, HIDDEN, HEADS, KV, DIM, ROWS = 16, 32, 2, 1, 16, 64
MS = "com.microsoft"


def floats(name, *shape):
    count = int(np.prod(shape))
    return numpy_helper.from_array((np.arange(count, dtype=np.float32) % 17 - 8).reshape(shape) / 16, name)


def ints(name, values, dtype=np.int64):
    return numpy_helper.from_array(np.array(values, dtype), name)


def codes(name, *shape):
    return numpy_helper.from_array((np.arange(np.prod(shape)) % 251).astype(np.uint8).reshape(shape), name)


class Decoder:
    """The parts of good.onnx, to be changed before they are saved."""

    def __init__(self):
        self.opsets = {"": 21, MS: 1}
        cache = ["batch", KV, "past", DIM]
        self.inputs = [h.make_tensor_value_info("input_ids", T.INT64, ["batch", "seq"]),
                       h.make_tensor_value_info("attention_mask", T.INT64, ["batch", "total"]),
                       h.make_tensor_value_info("past_key_values.0.key", T.FLOAT, cache),
                       h.make_tensor_value_info("past_key_values.0.value", T.FLOAT, cache)]
        self.outputs = [h.make_tensor_value_info("logits", T.FLOAT, ["batch", "seq", VOCAB]),
                        h.make_tensor_value_info("present.0.key", T.FLOAT, cache),
                        h.make_tensor_value_info("present.0.value", T.FLOAT, cache)]
        self.tensors = [floats("embed", VOCAB, HIDDEN), floats("gamma", HIDDEN), floats("cos", ROWS, DIM // 2),
                        floats("sin", ROWS, DIM // 2), codes("qkv_codes", 64, 1, 16), floats("qkv_scales", 64),
                        floats("o", HIDDEN, HIDDEN), floats("head", HIDDEN, VOCAB), ints("one", [1]), ints("1", 1)]
        self.nodes = []
        self.node("ReduceSum", ["attention_mask", "one"], ["sum"], keepdims=0)
        self.node("Sub", ["sum", "one"], ["last64"])
        self.node("Cast", ["last64"], ["seqlens"], to=T.INT32)
        self.node("Shape", ["attention_mask"], ["shape"])
        self.node("Gather", ["shape", "1"], ["total64"], axis=0)
        self.node("Cast", ["total64"], ["total"], to=T.INT32)
        self.node("Gather", ["embed", "input_ids"], ["x"])
        self.node("SimplifiedLayerNormalization", ["x", "gamma"], ["normed"], "/layers.0/norm", axis=-1, epsilon=1e-5,
                  stash_type=1)
        self.node("MatMulNBits", ["normed", "qkv_codes", "qkv_scales"], ["qkv"], "/layers.0/qkv/MatMul", domain=MS, K=32, N=64,
                  bits=4, block_size=32, accuracy_level=4)
        self.node("GroupQueryAttention", ["qkv", "", "", "past_key_values.0.key", "past_key_values.0.value", "seqlens",
                                          "total", "cos", "sin"], ["attn", "present.0.key", "present.0.value"],
                  "/layers.0/attn", domain=MS, num_heads=HEADS, kv_num_heads=KV, do_rotary=1)
        self.node("MatMul", ["attn", "o"], ["proj"], "/layers.0/o/MatMul")
        self.node("SkipSimplifiedLayerNormalization", ["x", "proj", "gamma"], ["out", "", "", "residual"], "/final", domain=MS,
                  epsilon=1e-5)
        self.node("MatMul", ["out", "head"], ["logits"], "/lm_head/MatMul")

    def node(self, op, inputs, outputs, name="", domain="", before=None, **attributes):
        made = h.make_node(op, inputs, outputs, name=name, domain=domain, **attributes)
        at = len(self.nodes) if before is None else self.nodes.index(self.find(before))
        self.nodes.insert(at, made)
        return made

    def find(self, name):
        return next(n for n in self.nodes if n.name == name or n.op_type == name)

    def tensor(self, name):
        return next(t for t in self.tensors if t.name == name)

    def replace(self, tensor):
        self.tensors = [t for t in self.tensors if t.name != tensor.name] + [tensor]

    def external(self, name, **entries):
        tensor = self.tensor(name)
        tensor.ClearField("raw_data")
        tensor.data_location = T.EXTERNAL
        for key, value in entries.items():
            tensor.external_data.add(key=key, value=str(value))

    def save(self, path):
        graph = h.make_graph(self.nodes, "g", self.inputs, self.outputs, self.tensors)
        imports = [h.make_opsetid(d, v) for d, v in self.opsets.items()]
        with open(path, "wb") as f:
            f.write(h.make_model(graph, opset_imports=imports, ir_version=10, producer_name="make_models.py").SerializeToString())


def set_attribute(node, **values):
    for name, value in values.items():
        kept = [a for a in node.attribute if a.name != name]
        del node.attribute[:]
        node.attribute.extend(kept + [h.make_attribute(name, value)])


def good(d):
    # One tensor as packed float_data: the other way to embed floats.
    d.replace(h.make_tensor("gamma", T.FLOAT, [HIDDEN], [1.0] * HIDDEN))


def longrope(d):
    """Both tables inside the branches of an If."""
    def branch(name, rows):
        made = [h.make_node("Constant", [], [f"{kind}_{name}"], value=floats("", rows, DIM // 2)) for kind in ("cos", "sin")]
        outputs = [h.make_tensor_value_info(f"{kind}_{name}", T.FLOAT, [rows, DIM // 2]) for kind in ("cos", "sin")]
        return h.make_graph(made, name, [], outputs)
    d.tensors = [t for t in d.tensors if t.name not in ("cos", "sin")] + [ints("32", 32)]
    d.node("Greater", ["total64", "32"], ["long"], before="/layers.0/norm")
    d.node("If", ["long"], ["cos", "sin"], before="/layers.0/norm", then_branch=branch("large", ROWS), else_branch=branch("small", 32))


def rotary(d):
    """As builders for DirectML write LongRoPE: separate q, k, v and one table behind the other."""
    d.inputs.append(h.make_tensor_value_info("position_ids", T.INT64, ["batch", "seq"]))
    d.tensors += [ints("24", 24), ints("split", [32, 16, 16])]
    at = "/layers.0/attn"
    d.node("ReduceMax", ["position_ids"], ["max"], before=at, keepdims=0)
    d.node("GreaterOrEqual", ["max", "24"], ["far"], before=at)
    d.node("Cast", ["far"], ["far64"], before=at, to=T.INT64)
    d.node("Mul", ["far64", "24"], ["shift"], before=at)
    d.node("Add", ["shift", "position_ids"], ["positions"], before=at)
    d.node("Split", ["qkv", "split"], ["q", "k", "v"], before=at, axis=-1)
    for name in "qk":
        d.node("RotaryEmbedding", [name, "positions", "cos", "sin"], [name + "_rot"], before=at, domain=MS, interleaved=0,
               num_heads=0, rotary_embedding_dim=0)
    attention = d.find(at)
    attention.input[:] = ["q_rot", "k_rot", "v"] + list(attention.input)[3:7]
    set_attribute(attention, do_rotary=0)


def layernorm(d):
    """Phi-2's ops: LayerNorm with bias, biases, Gelu, and the gated forms."""
    d.tensors += [floats("beta", HIDDEN), floats("bias", HIDDEN), floats("bias64", 64), floats("up", HIDDEN, 64),
                  floats("down", HIDDEN, HIDDEN)]
    norm = d.find("/layers.0/norm")
    norm.op_type = "LayerNormalization"
    norm.input.append("beta")
    final = d.find("/final")
    final.op_type = "SkipLayerNormalization"
    final.input[:] = ["x", "mlp", "gamma", "beta", "bias"]
    at = "/final"
    d.node("Add", ["bias", "proj"], ["biased"], before=at)
    d.node("MatMul", ["biased", "up"], ["up_out"], before=at)
    d.node("Add", ["up_out", "bias64"], ["up_biased"], before=at)
    d.node("Slice", ["up_biased", "begin", "half", "axis"], ["gate"], before=at)
    d.node("Slice", ["up_biased", "half", "end", "axis"], ["value"], before=at)
    d.tensors += [ints("begin", [0]), ints("half", [32]), ints("end", [2**63 - 1]), ints("axis", [-1])]
    d.node("Sigmoid", ["gate"], ["sigmoid"], before=at)
    d.node("Mul", ["gate", "sigmoid"], ["silu"], before=at)
    d.node("Mul", ["silu", "value"], ["gated"], before=at)
    d.node("Gelu", ["gated"], ["gelu"], before=at, approximate="tanh")
    d.node("BiasGelu", ["gelu", "bias"], ["gelu2"], before=at, domain=MS)
    d.node("MatMul", ["gelu2", "down"], ["mlp"], before=at)


def relu(d):
    d.node("Relu", ["proj"], ["active"], before="/final")
    d.find("/final").input[1] = "active"


def qdq(d):
    """DequantizeLinear per block, per channel and per tensor; a quantized activation."""
    int4 = h.make_tensor("qkv4", T.INT4, [HIDDEN, 64], bytes(i % 256 for i in range(HIDDEN * 32)), raw=True)
    d.tensors += [int4, floats("qkv4_scales", 2, 64), codes("o8", HIDDEN, HIDDEN), floats("o8_scales", HIDDEN),
                  codes("o8_zeros", HIDDEN), ints("head8", np.arange(VOCAB * HIDDEN).reshape(VOCAB, HIDDEN) % 251 - 125, np.int8),
                  floats("head8_scales", VOCAB, 2), ints("tied8", np.zeros((HIDDEN, VOCAB)), np.int8), floats("scale", 1),
                  ints("zero", [128], np.uint8)]
    at = "/layers.0/qkv/MatMul"
    d.node("DequantizeLinear", ["qkv4", "qkv4_scales"], ["qkv_w"], before=at, axis=0, block_size=16)
    matmul = d.find(at)
    matmul.CopyFrom(h.make_node("MatMul", ["normed", "qkv_w"], ["qkv"], name=at))
    at = "/layers.0/o/MatMul"
    d.node("DequantizeLinear", ["o8", "o8_scales", "o8_zeros"], ["o_w"], before=at, axis=1)
    d.node("QuantizeLinear", ["attn", "scale", "zero"], ["attn8"], before=at)
    d.node("DequantizeLinear", ["attn8", "scale", "zero"], ["attn_dq"], before=at)
    d.find(at).input[:] = ["attn_dq", "o_w"]
    # The head as [vocab, hidden] in blocks, transposed; the embedding per tensor, transposed.
    d.node("DequantizeLinear", ["head8", "head8_scales"], ["head_dq"], before="/lm_head/MatMul", axis=1, block_size=16)
    d.node("Transpose", ["head_dq"], ["head_w"], before="/lm_head/MatMul", perm=[1, 0])
    d.find("/lm_head/MatMul").input[1] = "head_w"
    d.node("DequantizeLinear", ["tied8", "scale"], ["tied_dq"], before="Gather")
    d.node("Transpose", ["tied_dq"], ["tied_w"], before="Gather", perm=[1, 0])
    next(n for n in d.nodes if n.input[0] == "embed").input[0] = "tied_w"


def round_trip(d, value, scale, zero, **attributes):
    """All that reads `value` reads it through QuantizeLinear and DequantizeLinear. Each has its own copy of the scale."""
    first = next(n for n in d.nodes if value in n.input)
    at = d.nodes.index(first)
    for node in d.nodes[at:]:
        node.input[:] = [value + "_dq" if name == value else name for name in node.input]
    names = []
    for copy in ("q", "dq"):
        d.tensors.append(numpy_helper.from_array(np.array(scale, np.float32), f"{value}_{copy}_scale"))
        names.append([f"{value}_{copy}_scale"] + ([] if zero is None else [f"{value}_{copy}_zero"]))
        if zero is not None:
            d.tensors.append(numpy_helper.from_array(np.array(zero), f"{value}_{copy}_zero"))
    made = [h.make_node("QuantizeLinear", [value, *names[0]], [value + "_q"], name=value + "_QuantizeLinear", **attributes),
            h.make_node("DequantizeLinear", [value + "_q", *names[1]], [value + "_dq"], name=value + "_DequantizeLinear",
                        **attributes)]
    d.nodes[at:at] = made


def qdq_activations(d):
    """Activations of every kind of stage rounded as stated: u8 and s8, one scale, and one for each column. The scales are
    no multiples of powers of two, as everything else here is: few values then lie in the middle between two codes."""
    columns = 0.0203817 * (1 + np.arange(HIDDEN) % 3)
    round_trip(d, "x", 0.0113719, np.uint8(131))
    round_trip(d, "normed", columns, np.full(HIDDEN, 3, np.int8), axis=2)
    round_trip(d, "qkv", 0.0708311, np.int8(-5))
    round_trip(d, "attn", 0.0131937, None)  # u8 from 0 on: what is negative becomes 0
    round_trip(d, "proj", 0.0403319, np.uint8(117))
    round_trip(d, "out", columns, np.full(HIDDEN, 128, np.uint8), axis=-1)


def elements(d):
    """Tensors alone, of every type, as lists of numbers and as raw data: -3, 2 where the type has them, else 5, 2."""
    d.inputs, d.outputs, d.nodes, d.tensors = [], [], [], []
    for name in ("FLOAT", "DOUBLE", "FLOAT16", "BFLOAT16", "INT4", "INT8", "INT16", "INT32", "INT64", "UINT4", "UINT8", "UINT16",
                 "UINT32", "UINT64", "BOOL"):
        values = [1, 0] if name == "BOOL" else [5, 2] if name[0] == "U" else [-3, 2]
        listed = h.make_tensor(name.lower() + "_list", T.DataType.Value(name), [2], values)
        d.tensors += [listed, numpy_helper.from_array(numpy_helper.to_array(listed), name.lower() + "_raw")]
    d.tensors += [ints("largest", [2**63 - 1]), h.make_tensor("none", T.INT64, [0], [])]


def bad_count(d):
    d.replace(h.make_tensor("one", T.INT64, [1], [1]))
    d.tensor("one").int64_data.append(2)


def bad_number(d):
    d.replace(h.make_tensor("one", T.UINT8, [1], [1]))
    d.tensor("one").int32_data[0] = 256


def bad_constants(d):
    at = "/lm_head/MatMul"
    d.node("Constant", [], ["text"], before=at, value_string="a")
    d.node("Constant", [], ["texts"], before=at, value_strings=["a", "b"])
    d.node("Constant", [], ["sparse"], before=at,
           sparse_value=h.make_sparse_tensor(floats("values", 1), ints("places", [3]), [HIDDEN]))
    d.node("Constant", [], ["nothing"], before=at)
    d.node("Constant", [], ["real"], before=at, value_float=0.5)
    d.node("Constant", [], ["reals"], before=at, value_floats=[0.5, 2.0])
    d.node("Concat", ["text", "texts", "sparse", "nothing", "real", "reals"], ["all"], "/all", before=at, axis=0)
    d.find(at).input[1] = "all"


def bad_many(d):
    d.node("Softplus", ["out"], ["soft"], "/first", before="/lm_head/MatMul")
    d.node("Fancy", ["soft"], ["fancy"], "/second", domain="my.ops", before="/lm_head/MatMul")
    d.opsets["my.ops"] = 1
    d.find("/lm_head/MatMul").input[0] = "fancy"
    set_attribute(d.find("/layers.0/qkv/MatMul"), bits=5)
    set_attribute(d.find("/layers.0/norm"), shiny=1)


def embeds(d, columns=HIDDEN):
    """good.onnx behind its embedding."""
    good(d)
    d.inputs[0] = h.make_tensor_value_info("inputs_embeds", T.FLOAT, ["batch", "seq", columns])
    d.nodes.remove(next(n for n in d.nodes if n.input[0] == "embed"))
    d.find("/layers.0/norm").input[0] = "inputs_embeds"
    d.find("/final").input[0] = "inputs_embeds"


def bad_unsorted(d):
    norm = d.find("/layers.0/norm")
    d.nodes.remove(norm)
    d.nodes.append(norm)


def bad_head_sink(d):
    d.tensors.append(floats("sink", HEADS))
    d.find("/layers.0/attn").input.extend(["", "", "sink"])


def bad_present(d):
    for output in d.outputs[1:]:
        output.name = output.name.replace("0", "1")
    attention = d.find("/layers.0/attn")
    attention.output[:] = ["attn", "present.1.key", "present.1.value"]


def bad_g_idx(d):
    d.tensors.append(ints("order", range(32), np.int32))
    d.find("/layers.0/qkv/MatMul").input.extend(["", "order"])


def bad_shape(d):
    d.tensor("embed").dims[0] = -1


def graph(nodes, inputs, outputs, tensors=(), imports=()):
    """A graph that is no decoder; inputs and outputs are infos, or names of float [2, 3]."""
    infos = [[h.make_tensor_value_info(i, T.FLOAT, [2, 3]) if isinstance(i, str) else i for i in part] for part in (inputs, outputs)]
    made = h.make_graph(nodes, "g", infos[0], infos[1], list(tensors))
    return h.make_model(made, opset_imports=[h.make_opsetid("", 21), *imports], ir_version=10, producer_name="make_models.py")


def graph_bad():
    """What users bring, in one model."""
    words = h.make_tensor("words", T.STRING, [1], [b"a"])
    info = h.make_tensor_value_info
    sparse = h.make_sparse_tensor(floats("values", 1), ints("places", [1]), [3])
    nodes = [h.make_node("Fancy", ["x"], ["fancy"], name="first", domain="my.ops"),
             h.make_node("Relu", ["x"], ["relu"], name="second", shiny=1),
             h.make_node("Add", ["x", "words"], ["sum"], name="third"),
             h.make_node("Constant", [], ["sparse"], name="fourth", sparse_value=sparse),
             h.make_node("Abs", ["text"], ["abs"], name="fifth")]
    inputs = ["x", info("text", T.STRING, [2]), info("half", T.FLOAT16, [2]),
              h.make_tensor_sequence_value_info("list", T.FLOAT, [2]), info("open", T.FLOAT, ["n", None, 3])]
    return graph(nodes, inputs, ["fancy", "relu", "sum", "sparse", "abs"], [words], [h.make_opsetid("my.ops", 1)])


def graph_cycle():
    return graph([h.make_node("Add", ["x", "b"], ["a"], name="first"), h.make_node("Relu", ["a"], ["b"], name="second"),
                  h.make_node("Add", ["b", "nothing"], ["y"], name="third")], ["x"], ["y"])


def graph_sparse():
    model = graph([h.make_node("Add", ["x", "w"], ["y"])], ["x"], ["y"])
    model.graph.sparse_initializer.append(h.make_sparse_tensor(floats("w", 1), ints("places", [1]), [3]))
    return model


GRAPHS = {"graph_bad": graph_bad, "graph_cycle": graph_cycle, "graph_sparse": graph_sparse}
CASES = {
    "good": good, "longrope": longrope, "rotary": rotary, "layernorm": layernorm, "relu": relu, "qdq": qdq,
    "qdq_activations": qdq_activations,
    "elements": elements, "bad_constants": bad_constants, "bad_count": bad_count, "bad_number": bad_number,
    "bad_many": bad_many, "embeds": embeds, "bad_embeds": lambda d: embeds(d, "hidden"), "bad_unsorted": bad_unsorted, "bad_head_sink": bad_head_sink,
    "bad_present": bad_present, "bad_g_idx": bad_g_idx, "bad_shape": bad_shape,
    "bad_folder": lambda d: d.external("embed", location="."),
    "bad_window": lambda d: set_attribute(d.find("/layers.0/attn"), local_window_size=0),
    "bad_missing_file": lambda d: d.external("embed", location="nowhere.data"),
    "bad_escape": lambda d: d.external("embed", location="../secret.data"),
    "bad_absolute": lambda d: d.external("embed", location="/etc/passwd"),
    "bad_range": lambda d: d.external("embed", location="hundred.data", offset=64, length=2048),
    "bad_length": lambda d: d.external("embed", location="hundred.data"),
    "bad_opset": lambda d: d.opsets.update({"": 99}),
    "bad_prepacked": lambda d: set_attribute(d.find("/layers.0/qkv/MatMul"), weight_prepacked=1),
    "bad_smooth": lambda d: set_attribute(d.find("/layers.0/attn"), smooth_softmax=1),
    "bad_seqlens": lambda d: d.find("Cast").input.__setitem__(0, "sum"),
    "bad_columns": lambda d: set_attribute(d.find("/layers.0/qkv/MatMul"), K=64, N=32),
    "bad_zeros": lambda d: round_trip(d, "normed", np.ones(HIDDEN), np.arange(HIDDEN, dtype=np.uint8), axis=2),
    "bad_axis": lambda d: round_trip(d, "normed", np.ones(HIDDEN), np.zeros(HIDDEN, np.uint8)),
    "bad_scales": lambda d: round_trip(d, "normed", np.ones(HIDDEN - 1), np.zeros(HIDDEN - 1, np.uint8), axis=2),
    "bad_codes": lambda d: d.replace(codes("qkv_codes", 63, 1, 16)),
}


def main(folder):
    os.makedirs(folder, exist_ok=True)
    for name, change in CASES.items():
        decoder = Decoder()
        change(decoder)
        decoder.save(os.path.join(folder, name + ".onnx"))
    for name, make in GRAPHS.items():
        with open(os.path.join(folder, name + ".onnx"), "wb") as f:
            f.write(make().SerializeToString())
    with open(os.path.join(folder, "hundred.data"), "wb") as f:
        f.write(bytes(100))


if __name__ == "__main__":
    main(sys.argv[1])
