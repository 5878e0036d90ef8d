# errors.cfg.py - One user mistake a file
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How lit runs the error tests; transcript.py says how they read."""
import os
import sys

# A module, since lit's workers are told of tests by pickling them.
sys.path.insert(0, config.test_source_root)
import transcript

config.name = "errors"
config.suffixes = [".test"]
config.test_format = transcript.ErrorTests(config.phic_bin, os.path.dirname(config.test_source_root))
