# import_faults.py - Models with one thing wrong
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Values that are not finite, tokenizers that are not whole, side files that are no files, spellings that other tools accept.

    import_faults.py PHIC [test...]
"""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import gguf
import numpy
import onnx

import gguf_copy

PHIC = os.path.abspath(sys.argv.pop(1))
MODELS = os.path.dirname(os.path.abspath(__file__))
GGUF = os.path.join(MODELS, "tiny-llama", "gguf-Q4_1", "tiny-llama-Q4_1.gguf")
KQUANTS = os.path.join(MODELS, "tiny-llama", "gguf-Q4_K_M", "tiny-llama-Q4_K_M.gguf")
ONNX = os.path.join(MODELS, "tiny-llama", "ort-genai-int4")
SIDE_FILES = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "generation_config.json",
              "config.json", "genai_config.json", "chat_template.jinja", "chat_template.json", "model.onnx", "model.onnx.data"]
NONE = 0xFFFFFFFF  # what converters write for no id


class Faults(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="phic-faults-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def build(self, model, *flags, code=0):
        done = subprocess.run([PHIC, "build", model, "-o", "program", "--cpu=x86-64-v3", "-q", *flags], cwd=self.folder,
                              capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(os.path.exists(self.path("program")), code == 0)
        return done.stderr

    def copy(self, convert=None, keys={}, source=GGUF):
        """A GGUF file of that name with some tensors changed, some keys set, or left out where they are None."""
        how = {} if convert is None else {"convert": convert}
        return gguf_copy.copy(source, self.path("model.gguf"), keys=keys, **how)

    def answer(self):
        done = subprocess.run([self.path("program"), "--tokens", "5,6,7,8", "-n", "6", "--print-ids", "--ignore-eos", "--temp", "0"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    # Values that are not finite

    def refuses_non_finite(self, model, name, row):
        said = self.build(model, code=2)
        self.assertIn(f"weight '{name}', row {row}: a value is not finite; --allow-nonfinite compiles it all the same", said)
        self.build(model, "--allow-nonfinite")
        os.remove(self.path("program"))

    def test_floats_that_are_not_finite(self):
        for value in numpy.nan, numpy.inf, -numpy.inf:
            def convert(tensor):
                data = numpy.array(tensor.data)
                if tensor.name == "output_norm.weight":
                    data[-1] = value
                return data, tensor.tensor_type
            self.refuses_non_finite(self.copy(convert), "output_norm.weight", 0)

    def test_scales_that_are_not_finite(self):
        """Byte 0 of a Q4_1 block is its scale, byte 2 its minimum; those of other formats begin with a scale, too."""
        for source, byte in (GGUF, 0), (GGUF, 2), (KQUANTS, 0):
            def convert(tensor):
                data = numpy.array(tensor.data)
                if tensor.name == "blk.1.ffn_gate.weight":
                    data[7, byte:byte + 2] = numpy.frombuffer(numpy.float16(numpy.inf).tobytes(), numpy.uint8)
                return data, tensor.tensor_type
            self.refuses_non_finite(self.copy(convert, source=source), "blk.1.ffn_gate.weight", 7)

    def test_scales_of_onnx_that_are_not_finite(self):
        shutil.copytree(ONNX, self.path("model"))
        graph = onnx.load(os.path.join(ONNX, "model.onnx"), load_external_data=False).graph
        scales = next(tensor for tensor in graph.initializer if tensor.name.endswith("down_proj.MatMul.weight_scales"))
        with open(self.path("model/model.onnx.data"), "r+b") as file:
            file.seek(int(next(entry.value for entry in scales.external_data if entry.key == "offset")))
            file.write(numpy.float32(numpy.nan).tobytes())
        self.refuses_non_finite("model", scales.name.replace("_scales", "_Q4"), 0)

    def run_program(self):
        done = subprocess.run([self.path("program"), "--tokens", "5,6,7,8", "-n", "4", "--print-ids", "--temp", "0"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr

    def test_logits_that_are_not_finite_are_told(self):
        said = "the model's logits are not finite"

        def nan(tensor):
            data = numpy.array(tensor.data)
            if tensor.name == "output_norm.weight":
                data[0] = numpy.nan
            return data, tensor.tensor_type
        self.copy(nan)
        self.build("model.gguf", "--allow-nonfinite")
        self.assertEqual(self.run_program().count(said), 1)
        os.remove(self.path("program"))

    def test_activations_that_are_not_finite_are_so_in_the_interpreter_too(self):
        """The norm's gain makes them so right before they are quantized."""
        for value in numpy.nan, numpy.inf:
            def convert(tensor):
                data = numpy.array(tensor.data)
                if tensor.name == "blk.1.ffn_norm.weight":
                    data[3] = value
                return data, tensor.tensor_type
            self.copy(convert)
            self.build("model.gguf", "--allow-nonfinite")
            done = subprocess.run([PHIC, "verify", "program"], cwd=self.folder, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            os.remove(self.path("program"))

    def test_values_beyond_the_cache_are_told(self):
        said = "the model's logits are not finite"

        def large(tensor):  # finite, but not in an f16 cache
            data = numpy.array(tensor.data)
            if tensor.name == "blk.0.attn_v.weight":
                data.reshape(-1, 20)[:, 0:2] = numpy.frombuffer(numpy.float16(65504).tobytes(), numpy.uint8)
            return data, tensor.tensor_type
        self.copy(large)
        self.build("model.gguf")
        self.assertEqual(self.run_program().count(said), 1)
        os.remove(self.path("program"))
        self.build("model.gguf", "--kv=f32")
        self.assertNotIn(said, self.run_program())

    def test_every_thread_count_names_the_same_weight(self):
        def convert(tensor):
            data = numpy.array(tensor.data)
            if tensor.name.startswith("blk."):
                data[..., :4] = 255
            return data, tensor.tensor_type
        self.copy(convert)
        said = {self.build("model.gguf", f"--jobs={jobs}", code=2) for jobs in (1, 2, 4, 4)}
        self.assertEqual(len(said), 1, said)

    # Tokenizers of GGUF files

    def test_ids_that_no_token_has(self):
        for key in "bos", "eos", "unknown", "eot":
            for value in NONE, 100000:
                self.copy(keys={f"tokenizer.ggml.{key}_token_id": (value, gguf.GGUFValueType.UINT32)})
                said = self.build("model.gguf")
                self.assertRegex(said, rf"warning: .*{value if key != 'eot' or value != NONE else ''}.* is no token", key)

    def test_files_without_a_tokenizer(self):
        self.copy(keys={"tokenizer.ggml.model": ("none", gguf.GGUFValueType.STRING)})
        self.assertIn("the file has no tokenizer: the program will take --tokens only", self.build("model.gguf"))
        self.answer()
        reader = gguf.GGUFReader(GGUF)
        self.copy(keys={name: None for name in reader.fields if name.startswith("tokenizer.")})
        self.assertIn("the file has no tokenizer: the program will take --tokens only", self.build("model.gguf"))
        self.answer()

    def test_a_merge_listed_twice(self):
        merges = gguf.GGUFReader(GGUF).fields["tokenizer.ggml.merges"].contents()
        self.copy(keys={"tokenizer.ggml.merges": (merges + merges[:1], gguf.GGUFValueType.ARRAY)})
        self.assertIn("lists '" + merges[0] + "' twice: the first time counts", self.build("model.gguf"))

    def test_what_is_not_supported_is_refused(self):
        self.copy(keys={"tokenizer.ggml.model": ("bert", gguf.GGUFValueType.STRING)})
        self.assertIn("tokenizer.ggml.model 'bert' is not supported", self.build("model.gguf", code=2))
        self.copy(keys={"tokenizer.ggml.pre": ("qwen2", gguf.GGUFValueType.STRING)})
        self.assertIn("tokenizer.ggml.pre 'qwen2' is not supported", self.build("model.gguf", code=2))

    # Side files

    def test_side_files_are_regular_files(self):
        for name in SIDE_FILES:
            for kind in "fifo", "endless", "folder":
                with self.subTest(name=name, kind=kind):
                    shutil.rmtree(self.path("model"), ignore_errors=True)
                    shutil.copytree(ONNX, self.path("model"))
                    place = self.path("model/" + name)
                    if name == "chat_template.json":  # asked where there is no other
                        os.remove(self.path("model/chat_template.jinja"))
                    if os.path.exists(place):
                        os.remove(place)
                    if kind == "fifo":
                        os.mkfifo(place)
                    elif kind == "endless":
                        os.symlink("/dev/zero", place)
                    else:
                        os.mkdir(place)
                    what = "it is a folder" if kind == "folder" else "it is no regular file"
                    self.assertIn(f"cannot read model/{name}: {what}", self.build("model", code=2))

    def test_a_sidecar_is_a_regular_file(self):
        self.build(GGUF, "--weights=sidecar")
        os.remove(self.path("program.weights"))
        for make, remove in (os.mkfifo, os.remove), (os.mkdir, os.rmdir):
            make(self.path("program.weights"))
            done = subprocess.run([self.path("program"), "--tokens", "1"], capture_output=True, text=True, timeout=60)
            self.assertIn("program.weights: it is no regular file", done.stderr)
            self.assertNotEqual(done.returncode, 0)
            remove(self.path("program.weights"))

    # ONNX as ONNX Runtime takes it

    def onnx_model(self, change, name="model.onnx"):
        shutil.rmtree(self.path("model"), ignore_errors=True)
        shutil.copytree(ONNX, self.path("model"))
        model = onnx.load(os.path.join(ONNX, "model.onnx"), load_external_data=False)
        change(model)
        os.remove(self.path("model/model.onnx"))
        onnx.save(model, self.path("model/" + name))

    def test_lengths_of_external_data_are_optional(self):
        self.build(ONNX)
        wanted = self.answer()

        def without(model):
            for tensor in model.graph.initializer:
                for i, entry in enumerate(tensor.external_data):
                    if entry.key == "length":
                        del tensor.external_data[i]
                        break

        def zero(model):
            for tensor in model.graph.initializer:
                for entry in tensor.external_data:
                    entry.value = "0" if entry.key == "length" else entry.value

        for change in without, zero:
            os.remove(self.path("program"))
            self.onnx_model(change)
            self.build("model")
            self.assertEqual(self.answer(), wanted)

    def test_contrib_ops_need_no_import(self):
        def change(model):
            kept = [opset for opset in model.opset_import if opset.domain != "com.microsoft"]
            self.assertLess(len(kept), len(model.opset_import))
            del model.opset_import[:]
            model.opset_import.extend(kept)
        self.onnx_model(change)
        self.build("model")

    def configure(self, before, after):
        with open(self.path("model/genai_config.json")) as file:
            text = file.read()
        self.assertIn(before, text)
        with open(self.path("model/genai_config.json"), "w") as file:
            file.write(text.replace(before, after))

    def test_the_configuration_names_the_graph(self):
        self.onnx_model(lambda model: None, name="phi3-mini.onnx")
        self.configure('"filename": "model.onnx"', '"filename": "phi3-mini.onnx"')
        self.build("model")
        os.remove(self.path("program"))
        with open(self.path("model/model.onnx"), "w") as file:
            file.write("another one")
        self.build("model")

    def test_settings_without_effect_are_named(self):
        self.onnx_model(lambda model: None)
        self.assertNotIn("has no effect", self.build("model"))
        os.remove(self.path("program"))
        self.configure('"num_beams": 1', '"num_beams": 4')
        self.configure('"no_repeat_ngram_size": 0', '"no_repeat_ngram_size": 3, "epsilon_cutoff": 0.1')
        self.configure('"min_length": 0', '"min_length": 20')
        said = self.build("model")
        for name in "num_beams", "no_repeat_ngram_size", "min_length", "epsilon_cutoff":
            self.assertIn(f"genai_config.json: search.{name} has no effect", said)

    def test_the_date_in_a_chat_template_is_named(self):
        self.onnx_model(lambda model: None)
        with open(self.path("model/chat_template.jinja"), "w") as file:
            file.write("{% if strftime_now is defined %}{{ strftime_now('%d') }}{% endif %}{% for m in messages %}<|im_start|>"
                       "{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n")
        self.assertIn("asks for today's date (strftime_now)", self.build("model"))


if __name__ == "__main__":
    unittest.main()
