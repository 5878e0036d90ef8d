# quantize.py - A float classifier as one of 8-bit integers. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#     quantize.py FLOAT.onnx INT8.onnx        calibrated on noise: put images of yours in its place
import sys

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static


class Images(CalibrationDataReader):
    def __init__(self, path):
        (given,) = onnxruntime.InferenceSession(path).get_inputs()
        shape = [size if isinstance(size, int) else 1 for size in given.shape]
        random = np.random.default_rng(0)
        self.images = iter([{given.name: (random.random(shape) * 255 - 110).astype(np.float32)} for _ in range(8)])

    def get_next(self):
        return next(self.images, None)


source, result = sys.argv[1:]
onnx.save(onnx.version_converter.convert_version(onnx.load(source), 17), "opset17.onnx")
quantize_static("opset17.onnx", result, Images("opset17.onnx"), quant_format=QuantFormat.QDQ, per_channel=True,
                activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
