//===- Externalize.cpp - Turns embedded data into byte ranges --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A walk over the protobuf wire format: a message is a list of (key, payload), the
// key a varint of field number and wire type. See Externalize.h for what it is for.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/Externalize.h"
#include "llvm/ADT/StringRef.h"
#include <optional>

namespace phic::onnx {
namespace {

enum class ProtoMessage : uint8_t { Model, Graph, Node, Attribute, Tensor, Function, Other };

/// Messages that can hold a tensor, by field number of onnx.proto.
struct Nesting {
  ProtoMessage parent;
  uint64_t field;
  ProtoMessage child;
};
constexpr Nesting kNestings[] = {
    {ProtoMessage::Model, 7, ProtoMessage::Graph},       {ProtoMessage::Model, 25, ProtoMessage::Function},
    {ProtoMessage::Function, 7, ProtoMessage::Node},     {ProtoMessage::Graph, 1, ProtoMessage::Node},
    {ProtoMessage::Graph, 5, ProtoMessage::Tensor},      {ProtoMessage::Node, 5, ProtoMessage::Attribute},
    {ProtoMessage::Attribute, 5, ProtoMessage::Tensor},  {ProtoMessage::Attribute, 6, ProtoMessage::Graph},
    {ProtoMessage::Attribute, 10, ProtoMessage::Tensor}, {ProtoMessage::Attribute, 11, ProtoMessage::Graph},
};
// TensorProto's own fields.
constexpr uint64_t kFloatData = 4, kRawData = 9, kExternalData = 13, kDataLocation = 14;
constexpr uint64_t kExternal = 1; // TensorProto.DataLocation

enum WireType : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

ProtoMessage childOf(ProtoMessage parent, uint64_t field) {
  for (const Nesting &nesting : kNestings)
    if (nesting.parent == parent && nesting.field == field)
      return nesting.child;
  return ProtoMessage::Other;
}

void putVarint(std::string &out, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out += char(value | 0x80);
  out += char(value);
}

void putBytes(std::string &out, uint64_t field, llvm::StringRef bytes) {
  putVarint(out, field << 3 | kBytes);
  putVarint(out, bytes.size());
  out += bytes;
}

void putExternalData(std::string &out, uint64_t offset, uint64_t length) {
  auto entry = [&](llvm::StringRef key, const std::string &value) {
    std::string message;
    putBytes(message, 1, key);
    putBytes(message, 2, value);
    putBytes(out, kExternalData, message);
  };
  putVarint(out, kDataLocation << 3 | kVarint);
  putVarint(out, kExternal);
  entry("location", "");
  entry("offset", std::to_string(offset));
  entry("length", std::to_string(length));
}

llvm::Error malformed(const char *what) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), "not a readable ONNX file: %s", what);
}

class Walker {
public:
  Walker(llvm::ArrayRef<uint8_t> file, size_t maxBytes) : file(file), budget(maxBytes) {}
  llvm::Error copy(ProtoMessage kind, uint64_t begin, uint64_t end, unsigned depth, std::string &out);

private:
  struct Range {
    uint64_t begin, end;
  };
  bool varint(uint64_t &pos, uint64_t end, uint64_t &value) const;
  bool skip(uint64_t &pos, uint64_t end, uint64_t wire, Range &payload) const;
  llvm::Error append(std::string &out, uint64_t begin, uint64_t end);

  llvm::ArrayRef<uint8_t> file;
  size_t budget; ///< bytes that may still be copied
};

bool Walker::varint(uint64_t &pos, uint64_t end, uint64_t &value) const {
  value = 0;
  for (unsigned shift = 0; shift < 64 && pos < end; shift += 7) {
    uint8_t byte = file[pos++];
    value |= uint64_t(byte & 0x7f) << shift;
    if (!(byte & 0x80))
      return true;
  }
  return false;
}

/// Moves past one field's payload, which `payload` becomes (without its length).
bool Walker::skip(uint64_t &pos, uint64_t end, uint64_t wire, Range &payload) const {
  uint64_t value = 0, size = 0;
  payload.begin = pos;
  switch (wire) {
  case kVarint:
    if (!varint(pos, end, value))
      return false;
    payload.end = pos;
    return true;
  case kFixed64:
    size = 8;
    break;
  case kFixed32:
    size = 4;
    break;
  case kBytes:
    if (!varint(pos, end, size))
      return false;
    payload.begin = pos;
    break;
  default: // groups: ONNX has none
    return false;
  }
  if (size > end - pos)
    return false;
  pos += size;
  payload.end = pos;
  return true;
}

llvm::Error Walker::append(std::string &out, uint64_t begin, uint64_t end) {
  if (end - begin > budget)
    return malformed("the graph without its weights is too large");
  budget -= end - begin;
  out.append(reinterpret_cast<const char *>(file.data()) + begin, end - begin);
  return llvm::Error::success();
}

llvm::Error Walker::copy(ProtoMessage kind, uint64_t begin, uint64_t end, unsigned depth, std::string &out) {
  if (depth > kMaxMessageDepth)
    return malformed("messages are nested too deeply");
  std::optional<Range> data;
  for (uint64_t pos = begin; pos < end;) {
    uint64_t start = pos, key = 0;
    Range payload{};
    if (!varint(pos, end, key) || !skip(pos, end, key & 7, payload))
      return malformed("it is truncated or damaged");
    uint64_t field = key >> 3;
    ProtoMessage child = (key & 7) == kBytes ? childOf(kind, field) : ProtoMessage::Other;
    if (child != ProtoMessage::Other) {
      std::string message;
      if (llvm::Error error = copy(child, payload.begin, payload.end, depth + 1, message))
        return error;
      putBytes(out, field, message);
    } else if (kind == ProtoMessage::Tensor && (key & 7) == kBytes && (field == kRawData || field == kFloatData)) {
      if (data)
        return malformed("a tensor's data comes in several pieces");
      data = payload;
    } else if (llvm::Error error = append(out, start, pos)) {
      return error;
    }
  }
  if (data)
    putExternalData(out, data->begin, data->end - data->begin);
  return llvm::Error::success();
}

} // namespace

llvm::Expected<std::string> externalize(llvm::ArrayRef<uint8_t> model, size_t maxBytes) {
  std::string out;
  if (llvm::Error error = Walker(model, maxBytes).copy(ProtoMessage::Model, 0, model.size(), 0, out))
    return std::move(error);
  return out;
}

} // namespace phic::onnx
