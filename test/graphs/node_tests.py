# node_tests.py - ONNX's node tests as files
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the node tests of the onnx package, which makes them in Python, for NodeTests.

    node_tests.py FOLDER

FOLDER/NAME/{model.onnx,in_0.npy,out_0.npy,...} for each test, and FOLDER/index.json: name, names of inputs and outputs, whether it
is of the selection, and tolerances. Codes of 4 bits are a byte each. What is there already, of the same version, stays."""
import hashlib
import json
import os
import pathlib
import sys
import warnings

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import numpy_helper

# The ops that phic is to have in graphs, by the step in which they came. A test is selected if it uses no others, and
# its inputs and outputs have no other types than those below; 446 of onnx 1.23.2 are.
OPS = set("""
Add Sub Mul Div Neg Pow Sqrt Exp Log Erf Tanh Sigmoid Relu Clip HardSigmoid Reciprocal Max Cast Where Equal Greater GreaterOrEqual And
IsNaN Sin Cos Reshape Transpose Squeeze Unsqueeze Flatten Slice Concat Split Gather Expand Identity
QuantizeLinear DequantizeLinear DynamicQuantizeLinear MatMulInteger ConvInteger QLinearConv QLinearMatMul
MatMul Gemm Conv MaxPool AveragePool GlobalAveragePool GlobalMaxPool BatchNormalization ReduceSum ReduceMean ReduceMax ReduceMin Softmax
LayerNormalization Pad
Resize ConvTranspose
LSTM
ArgMax GatherND GatherElements
If
""".split())
TYPES = {T.FLOAT, T.INT4, T.UINT4, T.INT8, T.UINT8, T.INT32, T.INT64, T.BOOL}
SELECTED = 446
STORED = {"float32", "float64", "float16", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool"}


def ops_of(graph):
    for node in graph.node:
        yield node.domain + "::" + node.op_type if node.domain else node.op_type
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from ops_of(attribute.g)


def is_selected(graph):
    return set(ops_of(graph)) <= OPS and all(value.type.tensor_type.elem_type in TYPES for value in [*graph.input, *graph.output])


def array_of(value):
    """None: it is no tensor, or of a type that NumPy's files do not have."""
    if isinstance(value, onnx.TensorProto):
        value = numpy_helper.to_array(value)
    if not isinstance(value, (np.ndarray, np.generic)):
        return None
    value = np.asarray(value)
    if value.dtype.name in ("int4", "uint4"):
        value = value.astype(value.dtype.name.replace("4", "8"))
    return np.array(value, order="C") if value.dtype.name in STORED else None


def write_test(folder, case):
    """Its entry in the index."""
    graph = case.model.graph
    folder.mkdir(exist_ok=True)
    (folder / "model.onnx").write_bytes(case.model.SerializeToString())
    entry = {"name": case.name, "selected": is_selected(graph), "rtol": case.rtol, "atol": case.atol, "readable": True}
    for what, infos, values in zip(("in", "out"), (graph.input, graph.output), case.data_sets[0]):
        entry[what] = [info.name for info in infos]
        for i, value in enumerate(values):
            array = array_of(value)
            if array is None:
                entry["readable"] = False
            else:
                np.save(folder / f"{what}_{i}.npy", array)
        entry["readable"] &= len(values) == len(infos)
    return entry


def main(folder):
    stamp, version = folder / "stamp", f"onnx {onnx.__version__} {hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()}"
    if stamp.exists() and stamp.read_text() == version:
        return
    warnings.filterwarnings("ignore")  # of cases that divide by zero
    from onnx.backend.test.loader import load_model_tests
    np.random.seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    index = [write_test(folder / case.name, case) for case in load_model_tests(kind="node")]
    selected = sum(entry["selected"] for entry in index)
    assert selected == SELECTED, f"{selected} of {len(index)} tests are selected, not {SELECTED}"
    (folder / "index.json").write_text(json.dumps(index, indent=0))
    stamp.write_text(version)


if __name__ == "__main__":
    main(pathlib.Path(os.path.abspath(sys.argv[1])))
