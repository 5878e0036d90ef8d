# corpus_ort.py - What ONNX Runtime makes of the corpus
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Run by corpus.py with a Python that has onnxruntime, which the tests otherwise do without.

    corpus_ort.py run FOLDER NAME FILE   FOLDER/FILE.npz: the results of every run of that graph and the last states, optimizations off
    corpus_ort.py quantize FOLDER NAME   FOLDER/NAME.*.onnx: what ONNX Runtime's quantizers make of that graph

Calibration data are drawn like what is fed: the numbers of quantized graphs mean nothing, their form is what users get."""
import logging
import pathlib
import sys
import warnings

import numpy as np
import onnx
import onnxruntime as ort
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static, quant_pre_process

from corpus_models import MODELS

TABLE = {model.name: model for model in MODELS}


class Calibration(CalibrationDataReader):
    def __init__(self, name, count=4):
        self.feeds = iter([TABLE[name].feeds(seed) for seed in range(count)])

    def get_next(self):
        return next(self.feeds, None)


def session_of(path):
    """Nothing fused, one thread; MatMulNBits computes as it is stated, on floats."""
    model = onnx.load(path)
    for node in model.graph.node:
        if node.op_type == "MatMulNBits":
            kept = [attribute for attribute in node.attribute if attribute.name != "accuracy_level"]
            del node.attribute[:]
            node.attribute.extend(kept)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def run(folder, name, file):
    model, session = TABLE[name], session_of(folder / f"{file}.onnx")
    types = {given.name: np.int64 if given.type == "tensor(int64)" else np.float32 for given in session.get_inputs()}
    constants = {key: np.array(value, types[key]) for key, value in model.constants.items()}
    names, results = [output.name for output in session.get_outputs()], {}
    states = {key: value for key, value in model.feeds().items() if key in model.states.values()}
    for step in range(model.runs):
        given = {**model.feeds(step), **states, **constants}
        for output, value in zip(names, session.run(None, given)):
            if output in model.states:
                states[model.states[output]] = value
            else:
                results.setdefault(output, []).append(value)
    np.savez(folder / f"{file}.npz", **{key: np.stack(values) for key, values in results.items()}, **states)


def quantize_convolutions(folder, name):
    """Static, as pairs and as operators of integers, and dynamic."""
    model = onnx.load(folder / f"{name}.onnx")
    if {opset.domain: opset.version for opset in model.opset_import}.get("", 0) < 13:
        model = onnx.version_converter.convert_version(model, 17)
    plain, prepared = str(folder / f"{name}.plain.onnx"), str(folder / f"{name}.prepared.onnx")
    onnx.save(model, plain)
    try:
        quant_pre_process(plain, prepared, skip_symbolic_shape=True)
    except Exception:  # where its shape inference gives up, the graph serves as it is
        prepared = plain
    for form, suffix in ((QuantFormat.QDQ, "qdq"), (QuantFormat.QOperator, "qop")):
        quantize_static(prepared, str(folder / f"{name}.{suffix}.onnx"), Calibration(name), quant_format=form, per_channel=True,
                        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
    quantize_dynamic(prepared, str(folder / f"{name}.dyn.onnx"), weight_type=QuantType.QUInt8)


def quantize_encoder(folder, name):
    from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer
    options, floats = ort.SessionOptions(), str(folder / f"{name}.fp32.onnx")
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = floats
    options.log_severity_level = 3
    ort.InferenceSession(str(folder / f"{name}.onnx"), options, providers=["CPUExecutionProvider"])
    quantize_dynamic(floats, str(folder / f"{name}.dyn.onnx"), weight_type=QuantType.QInt8)
    quantize_static(floats, str(folder / f"{name}.qdq.onnx"), Calibration(name), quant_format=QuantFormat.QDQ, per_channel=True,
                    op_types_to_quantize=["MatMul", "Gemm"], activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
    quantizer = MatMulNBitsQuantizer(onnx.load(floats), algo_config=DefaultWeightOnlyQuantConfig(block_size=32, is_symmetric=True, accuracy_level=4))
    quantizer.process()
    quantizer.model.save_model_to_file(str(folder / f"{name}.int4.onnx"))


def main(verb, folder, name, *file):
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    if verb == "run":
        run(pathlib.Path(folder), name, *file)
    elif name == "minilm":
        quantize_encoder(pathlib.Path(folder), name)
    else:
        quantize_convolutions(pathlib.Path(folder), name)


if __name__ == "__main__":
    main(*sys.argv[1:])
