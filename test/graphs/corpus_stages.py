# corpus_stages.py - Graphs cut at their codes
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A graph that computes on integers, in pieces: each tensor of codes between its ops is a result, and what reads it reads an input instead, which is
fed with what ONNX Runtime has there. One code that is rounded to its neighbour then moves no other one."""
import re

import onnx
from onnx import helper

CODES = re.compile("QuantizeLinear|DynamicQuantizeLinear|QLinear.*|QGemm")


def codes_of(graph):
    """The results of ops that make codes, with scales and zero points that are found when it is run."""
    return [name for node in graph.node if CODES.fullmatch(node.op_type) for name in node.output if name]


def show_codes(path, shown):
    """The same graph that gives all codes as results, too."""
    model = onnx.load(path)
    named = {output.name for output in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in codes_of(model.graph) if name not in named)
    onnx.save(model, shown)


def cut_at_codes(shown, cut, values):
    """`values`: of all results. Returns the new inputs, by their names."""
    model = onnx.load(shown)
    read = {name for node in model.graph.node for name in node.input}
    names = {name: f"given_{i}" for i, name in enumerate(codes_of(model.graph)) if name in read}
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
    for name, given in names.items():
        value = values[name]
        model.graph.input.append(helper.make_tensor_value_info(given, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape))
    del model.graph.value_info[:]
    onnx.save(model, cut)
    return {given: values[name] for name, given in names.items()}
