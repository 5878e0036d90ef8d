# pack.py - What a machine with a GPU gets
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""test/device/prepare says what for.

    pack.py BUILD FOLDER [--shapes NAME,...]
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

import numpy

import npy
import shapes

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
MOST_BYTES = 50 * 10**6  # of what is copied
EDGE = 4096  # bytes of a sidecar before its weights; no trailer is longer
# Program, model, the logits of the tool that made it, and flags: what is all in f32 can be held to little.
MODELS = (
    ("fp32", "tiny-llama/ort-genai-fp32", "golden.npz", "--kv=f32"),
    ("fp16", "tiny-phi35-longrope/ort-genai-fp16", "golden.npz"),
    ("int4", "tiny-llama/ort-genai-int4", "golden_float.npz"),
    ("int4-zero", "tiny-phi3/ort-genai-int4-asym", "golden_float.npz"),
    ("k-quants", "tiny-llama/gguf-Q4_K_M/tiny-llama-Q4_K_M.gguf", "golden_dequant.npz"),
)
GENERATED = 12


class Packer:
    def __init__(self, build, folder):
        self.phic = os.path.join(build, "bin", "phic")
        self.emulated = dict(os.environ, LD_LIBRARY_PATH=os.path.join(build, "test", "emulators", "cuda", "lib"))
        self.folder = folder
        self.facts = {"version": self.run(self.phic, "--version").stdout.strip(), "programs": [], "shapes": []}
        os.makedirs(folder)
        for name in ("cuda.sh", "checks.py", "npy.py"):
            shutil.copy(os.path.join(HERE, name), folder)
        for name in ("device_instructions", "device_limits"):
            shutil.copy(os.path.join(build, "bin", name), folder)
        for name in ("instructions.txt", "kernels.ptx"):
            shutil.copy(os.path.join(TESTS, "emulators", "cuda", "tests", name), folder)
        for name in os.listdir(os.path.join(build, "test", "device", "ptx")):
            shutil.copy(os.path.join(build, "test", "device", "ptx", name), folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, *words, **how):
        return subprocess.run(words, capture_output=True, text=True, check=True, **how)

    def add_program(self, name, model, golden, *flags):
        """With what it computes on the stand-in, whose distance from the tool's logits says how far a GPU may be."""
        source = os.path.join(TESTS, "models", model)
        self.run(self.phic, "build", source, "-o", self.path(name), "-q", "--device=cuda", *flags)
        wanted = numpy.load(os.path.join(source if os.path.isdir(source) else os.path.dirname(source), golden))
        sequences = []
        for sequence in sorted(key[:-4] for key in wanted if key.endswith(".ids")):
            ids = ",".join(map(str, wanted[sequence + ".ids"]))
            golden_file, dump = f"{name}.{sequence}.golden.npy", f"{name}.{sequence}.emulator.npy"
            numpy.save(self.path(golden_file), wanted[sequence + ".logits"].astype("<f4"))
            words = [self.path(name), "--device=cuda", "--tokens", ids]
            self.run(*words, "--logits", self.path(dump), env=self.emulated)
            tokens = self.run(*words, "-n", str(GENERATED), "--temp", "0", "--ignore-eos", "--print-ids", env=self.emulated).stdout
            sequences.append({"ids": ids, "golden": golden_file, "emulator": dump, "tokens": tokens.split(),
                              "emulator_error": npy.difference(npy.read(self.path(dump)), npy.read(self.path(golden_file)))})
        self.facts["programs"].append({"name": name, "model": model, "sequences": sequences})

    def add_shape(self, name):
        """The program, and of its sidecar all but the weights."""
        with tempfile.TemporaryDirectory(prefix="phic-shape-", dir=os.path.dirname(os.path.abspath(self.folder))) as scratch:
            model = shapes.write(os.path.join(scratch, "model.gguf"), shapes.SHAPES[name])
            report = json.loads(self.run(self.phic, "check", model, "--device=cuda", "--ctx=640", "--machine=h200", "--json").stdout)
            self.run(self.phic, "build", model, "-o", os.path.join(scratch, name), "-q", "--device=cuda", "--weights=sidecar")
            shutil.move(os.path.join(scratch, name), self.path(name))
            sidecar = os.path.join(scratch, name + ".weights")
            size = os.path.getsize(sidecar)
            with open(sidecar, "rb") as file:
                head = file.read(EDGE)
                weights = int.from_bytes(head[16:24], "little")  # phi_weights_header
                file.seek(EDGE + weights)
                tail = file.read()
        assert EDGE + weights + len(tail) == size and len(tail) <= EDGE
        for end, data in (("head", head), ("tail", tail)):
            with open(self.path(f"{name}.{end}"), "wb") as file:
                file.write(data)
        shape, device = shapes.SHAPES[name], report["devices"]["cuda"]
        first, last, prefill = (device["speed"][step] for step in ("first_decode", "decode", "prefill"))
        ir = self.run(self.phic, "inspect", self.path(name), "--ir", "--device=cuda").stdout
        self.facts["shapes"].append({
            "name": name, "sidecar": name + ".weights", "weights": weights, "vocab": shape.vocab,
            "stages": len(re.findall(r"plan\.stage ", ir)), "memory": device["memory"]["total_bytes"],
            "decode_bytes": first["bytes"], "bytes_a_position": (last["bytes"] - first["bytes"]) / (last["past"] or 1),
            "multiply_adds_a_token": (prefill["integer_multiply_adds"] + prefill["f32_multiply_adds"]) / prefill["tokens"]})

    def pack(self):
        with open(self.path("facts.json"), "w") as file:
            json.dump(self.facts, file, indent=1)
        archive = self.folder.rstrip("/") + ".tar.gz"
        with tarfile.open(archive, "w:gz") as file:
            file.add(self.folder, os.path.basename(self.folder.rstrip("/")))
        size = os.path.getsize(archive)
        assert size <= MOST_BYTES, f"{archive} has {size} bytes"
        print(f"{archive}: {size / 1e6:.1f} MB; on a machine with a GPU: tar xf {os.path.basename(archive)} && "
              f"{os.path.basename(self.folder.rstrip('/'))}/cuda.sh")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("folder")
    parser.add_argument("--shapes", default="smollm2-135m,phi-3.5-mini,14b", help="of " + ", ".join(shapes.SHAPES))
    flags = parser.parse_args()
    if os.path.exists(flags.folder):
        sys.exit(f"{flags.folder} is there already")
    packer = Packer(flags.build, flags.folder)
    for program in MODELS:
        packer.add_program(*program)
    for name in flags.shapes.split(","):
        packer.add_shape(name)
    packer.pack()


if __name__ == "__main__":
    main()
