# numpy_graph.py - One graph of many ops, compared with NumPy
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A graph of one node a check, built by phic and run with one thread and with several; each result within its check's tolerance of
what NumPy computes."""
import os
import subprocess
import tempfile

import numpy as np
from onnx import helper, numpy_helper, save


class NumpyGraph:
    def __init__(self, inputs, opset):
        self.inputs, self.opset = inputs, opset
        self.nodes, self.initializers, self.expected = [], [], {}

    def constant(self, values):
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def node(self, op, names, results, **attributes):
        self.nodes.append(helper.make_node(op, names, results, **attributes))
        return self.nodes[-1]

    def check(self, op, names, value, relative=0.0, others=0, **attributes):
        """relative: of the greatest of all values; 0: equal. others: results of the node before the one that is compared."""
        name = f"y{len(self.expected)}"
        node = self.node(op, names, [*(f"{name}.{i}" for i in range(others)), name], **attributes)
        self.expected[name] = (np.array(value, order="C"), relative, node)

    def run(self, phic, also=lambda phic, folder: None):
        """also: is done with the program `checks` and its model in a folder."""
        def info(name, value):
            return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
        graph = helper.make_graph(self.nodes, "checks", [info(*item) for item in self.inputs.items()],
                                  [info(name, value) for name, (value, _, _) in self.expected.items()], self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset), helper.make_opsetid("com.microsoft", 1)],
                                  ir_version=10)
        with tempfile.TemporaryDirectory(prefix="phic-checks-") as folder:
            save(model, f"{folder}/checks.onnx")
            subprocess.run([os.path.abspath(phic), "build", "checks.onnx", "-o", "checks", "--quiet"], check=True, cwd=folder)
            for name, x in self.inputs.items():
                np.save(f"{folder}/{name}.npy", x)
            given = [word for name in self.inputs for word in ("--in", f"{name}={name}.npy")]
            taken = [word for name in self.expected for word in ("--out", f"{name}={name}.npy")]
            for threads in ("1", "3"):
                subprocess.run(["./checks", *given, *taken, "--threads", threads], check=True, cwd=folder)
                for name, (value, relative, node) in self.expected.items():
                    self.compare(np.load(f"{folder}/{name}.npy"), value, relative, node)
            also(phic, folder)
        print(f"{len(self.expected)} results are NumPy's")

    @staticmethod
    def compare(found, value, relative, node):
        assert found.dtype == value.dtype and found.shape == value.shape, (node, found.dtype, found.shape, value.shape)
        if relative == 0:
            assert np.array_equal(found, value), (node, np.argwhere(found != value)[:5])
        else:
            most = relative * np.abs(value).max()
            off = np.abs(found.astype(np.float64) - value)
            assert (off <= most).all(), (node, np.argwhere(~(off <= most))[:5], off.max(), most)
