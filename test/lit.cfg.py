# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# How lit runs our .mlir tests: phic's tools and FileCheck on the path, nothing else.
import os
import lit.formats

config.name = "phic"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = config.phic_test_output
config.environment["PATH"] = os.pathsep.join(
    [config.phic_bin, os.path.join(config.phic_llvm_root, "bin"), "/usr/bin", "/bin"])
# Plugins that tests load, and models that they compile.
config.substitutions += [("%plugins", config.phic_plugins), ("%models", os.path.join(config.test_source_root, "models"))]
