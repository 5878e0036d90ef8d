# gguf_copy.py - GGUF files made of GGUF files
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
import gguf


def copy(source, target, convert=lambda tensor: (tensor.data, tensor.tensor_type), keys={}, **how):
    """Writes the keys of `source`, but `keys`, {name: (value, type), or None to leave it out}, and its tensors as `convert`
    gives them: (data, type). `how` is GGUFWriter's, which splits files."""
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(target, reader.fields["general.architecture"].contents(), **how)
    for name, value in reader.fields.items():
        if not name.startswith("GGUF.") and name != "general.architecture" and name not in keys:
            sub = value.types[-1] if len(value.types) > 1 else None
            writer.add_key_value(name, value.contents(), value.types[0], sub)
    for name, value in keys.items():
        if value is not None:
            writer.add_key_value(name, *value, gguf.GGUFValueType.STRING if isinstance(value[0], list) else None)
    for tensor in reader.tensors:
        data, kind = convert(tensor)
        writer.add_tensor(tensor.name, data, raw_shape=data.shape, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target
