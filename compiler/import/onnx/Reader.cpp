//===- Reader.cpp - Reads .onnx files, untrusted ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The only file that sees the classes generated from onnx-ml.proto.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/Reader.h"
#include "compiler/files/InputFile.h"
#include "compiler/import/onnx/Externalize.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"
#include <cstring>

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Weverything"
#include "onnx-ml.pb.h"
#include <google/protobuf/io/coded_stream.h>
#pragma clang diagnostic pop

namespace phic::onnx {

std::string elementTypeName(ElementType type) {
  std::string name = ::onnx::TensorProto_DataType_Name(::onnx::TensorProto_DataType(int(type)));
  return name.empty() ? "type " + std::to_string(int(type)) : llvm::StringRef(name).lower();
}

const Attribute *Node::attribute(std::string_view wanted) const {
  for (const Attribute &attribute : attributes)
    if (attribute.name == wanted)
      return &attribute;
  return nullptr;
}

namespace {

llvm::Error fail(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

/// A file beside the model: relative, and without a way out of the folder.
bool staysInFolder(llvm::StringRef location) {
  if (location.empty() || llvm::sys::path::is_absolute(location) || location.contains('\0'))
    return false;
  return llvm::none_of(llvm::make_range(llvm::sys::path::begin(location), llvm::sys::path::end(location)),
                       [](llvm::StringRef part) { return part == ".."; });
}

std::string canonicalDomain(const std::string &domain) { return domain == "ai.onnx" ? "" : domain; }

} // namespace

/// Turns the parsed protobuf message into a Model.
class ProtoReader {
public:
  ProtoReader(Model &model, llvm::StringRef folder) : model(model), folder(folder) {}
  llvm::Error readModel(const ::onnx::ModelProto &proto);

private:
  llvm::Error readGraph(const ::onnx::GraphProto &proto, Graph &graph);
  llvm::Error readNode(const ::onnx::NodeProto &proto, Node &node);
  llvm::Error readAttribute(const ::onnx::AttributeProto &proto, const Node &node, Attribute &attribute);
  llvm::Error readTensor(const ::onnx::TensorProto &proto, Tensor &tensor);
  llvm::Error readElements(const ::onnx::TensorProto &proto, Tensor &tensor);
  llvm::Expected<ByteRange> readLocation(const ::onnx::TensorProto &proto, std::optional<uint64_t> wanted);
  llvm::Expected<uint32_t> openFile(const std::string &location, const std::string &tensor);

  Model &model;
  llvm::StringRef folder;
};

llvm::Expected<uint32_t> ProtoReader::openFile(const std::string &location, const std::string &tensor) {
  for (size_t i = 0; i < model.names.size(); ++i)
    if (model.names[i] == location)
      return uint32_t(i);
  if (!staysInFolder(location))
    return fail("initializer '" + tensor + "' is in '" + location + "', which is outside the model's folder");
  llvm::SmallString<256> path(folder);
  llvm::sys::path::append(path, location);
  auto buffer = mapInput(path);
  if (!buffer)
    return fail(llvm::toString(buffer.takeError()) + "; it holds initializer '" + tensor + "'");
  model.names.push_back(location);
  model.buffers.push_back(std::move(*buffer));
  return uint32_t(model.names.size() - 1);
}

/// Where an external initializer lies. A length is optional, and 0 is none: then it has the `wanted` bytes of its shape and
/// type, or, of a type that phic does not know, the rest of the file.
llvm::Expected<ByteRange> ProtoReader::readLocation(const ::onnx::TensorProto &proto, std::optional<uint64_t> wanted) {
  std::optional<std::string> location;
  std::optional<uint64_t> offset, length;
  auto number = [&](const std::string &text, std::optional<uint64_t> &into) {
    uint64_t value;
    if (into || !llvm::to_integer(text, value, 10))
      return false;
    into = value;
    return true;
  };
  for (const ::onnx::StringStringEntryProto &entry : proto.external_data()) {
    bool valid = true;
    if (entry.key() == "location")
      valid = !std::exchange(location, entry.value());
    else if (entry.key() == "offset")
      valid = number(entry.value(), offset);
    else if (entry.key() == "length")
      valid = number(entry.value(), length);
    if (!valid)
      return fail("initializer '" + proto.name() + "' has an invalid external_data entry '" + entry.key() + "'");
  }
  if (!location)
    return fail("initializer '" + proto.name() + "' is external but names no file");
  ByteRange range;
  if (!location->empty()) { // empty: the .onnx itself, see Externalize.h
    auto file = openFile(*location, proto.name());
    if (!file)
      return file.takeError();
    range.file = *file;
  }
  uint64_t size = model.buffers[range.file]->getBufferSize();
  if (length == 0)
    length = wanted;
  range.offset = offset.value_or(0);
  range.length = length ? *length : wanted.value_or(range.offset > size ? 0 : size - range.offset);
  if (range.offset > size || range.length > size - range.offset)
    return fail("initializer '" + proto.name() + "' lies at bytes " + llvm::Twine(range.offset) + " to " +
                llvm::Twine(range.offset) + " + " + llvm::Twine(range.length) + " of '" + model.names[range.file] +
                "', which has " + llvm::Twine(size) + " (truncated?)");
  return range;
}

/// Data that is a list of numbers in the message: each in a field that is wider than most of its types.
llvm::Error ProtoReader::readElements(const ::onnx::TensorProto &proto, Tensor &tensor) {
  const unsigned bits = elementBits(tensor.type), stored = std::max(bits, 8u); // two of 4 bits are one number
  if (!bits)
    return llvm::Error::success(); // of no use, which those that read it say
  bool fits = true;
  for (float value : proto.float_data())
    tensor.append(llvm::bit_cast<uint32_t>(value));
  for (double value : proto.double_data())
    tensor.append(llvm::bit_cast<uint64_t>(value));
  for (int32_t value : proto.int32_data()) {
    fits &= stored >= 32 || llvm::isIntN(stored, value) || llvm::isUIntN(stored, uint64_t(int64_t(value)));
    tensor.append(uint64_t(int64_t(value)));
  }
  for (int64_t value : proto.int64_data())
    tensor.append(uint64_t(value));
  for (uint64_t value : proto.uint64_data())
    tensor.append(value);
  const uint64_t wanted = llvm::divideCeil(uint64_t(tensor.elements()) * bits, 8u);
  if (!fits || tensor.own.size() != wanted)
    return fail("initializer '" + tensor.name + "' has " +
                (fits ? llvm::Twine(tensor.own.size() / (stored / 8)) + " numbers, its shape asks for " +
                            llvm::Twine(wanted / (stored / 8))
                      : "a number that is no " + llvm::Twine(elementTypeName(tensor.type))));
  return llvm::Error::success();
}

llvm::Error ProtoReader::readTensor(const ::onnx::TensorProto &proto, Tensor &tensor) {
  tensor.name = proto.name();
  tensor.type = ElementType(proto.data_type());
  tensor.dims.assign(proto.dims().begin(), proto.dims().end());
  int64_t elements = 1;
  for (int64_t dim : tensor.dims)
    if (dim < 0 || llvm::MulOverflow(elements, dim, elements) || elements > (int64_t(1) << 48))
      return fail("initializer '" + tensor.name + "' has an invalid shape");
  if (proto.data_location() != ::onnx::TensorProto::EXTERNAL)
    return readElements(proto, tensor);
  unsigned bits = elementBits(tensor.type);
  const uint64_t wanted = llvm::divideCeil(uint64_t(elements) * bits, 8u);
  auto range = readLocation(proto, bits ? std::optional(wanted) : std::nullopt);
  if (!range)
    return range.takeError();
  if (bits && range->length != wanted)
    return fail("initializer '" + tensor.name + "' has " + llvm::Twine(range->length) + " bytes, its shape and type (" +
                elementTypeName(tensor.type) + ") ask for " + llvm::Twine(wanted));
  if (bits)
    tensor.bytes = *range;
  return llvm::Error::success();
}

llvm::Error ProtoReader::readAttribute(const ::onnx::AttributeProto &proto, const Node &node, Attribute &attribute) {
  attribute.name = proto.name();
  switch (proto.type()) {
  case ::onnx::AttributeProto::INT:
    attribute.kind = Attribute::Kind::Integer;
    attribute.integer = proto.i();
    break;
  case ::onnx::AttributeProto::FLOAT:
    attribute.kind = Attribute::Kind::Real;
    attribute.real = proto.f();
    break;
  case ::onnx::AttributeProto::STRING:
    attribute.kind = Attribute::Kind::Text;
    attribute.text = proto.s();
    break;
  case ::onnx::AttributeProto::INTS:
    attribute.kind = Attribute::Kind::Integers;
    attribute.integers.assign(proto.ints().begin(), proto.ints().end());
    break;
  case ::onnx::AttributeProto::FLOATS:
    attribute.kind = Attribute::Kind::Reals;
    attribute.reals.assign(proto.floats().begin(), proto.floats().end());
    break;
  case ::onnx::AttributeProto::STRINGS:
    attribute.kind = Attribute::Kind::Texts;
    attribute.texts.assign(proto.strings().begin(), proto.strings().end());
    break;
  case ::onnx::AttributeProto::SPARSE_TENSOR:
    attribute.kind = Attribute::Kind::SparseTensor;
    break;
  case ::onnx::AttributeProto::TENSOR: {
    attribute.kind = Attribute::Kind::Tensor;
    auto tensor = std::make_shared<Tensor>();
    attribute.tensor = tensor;
    if (llvm::Error error = readTensor(proto.t(), *tensor))
      return error;
    if (!node.outputs.empty()) // the name by which the graph knows a Constant
      tensor->name = node.outputs.front();
    break;
  }
  case ::onnx::AttributeProto::GRAPH: {
    attribute.kind = Attribute::Kind::Graph;
    auto graph = std::make_shared<Graph>();
    attribute.graph = graph;
    return readGraph(proto.g(), *graph);
  }
  default:
    break;
  }
  return llvm::Error::success();
}

llvm::Error ProtoReader::readNode(const ::onnx::NodeProto &proto, Node &node) {
  node.op = proto.op_type();
  node.domain = canonicalDomain(proto.domain());
  node.inputs.assign(proto.input().begin(), proto.input().end());
  node.outputs.assign(proto.output().begin(), proto.output().end());
  node.name = proto.name();
  if (node.name.empty())
    node.name = node.outputs.empty() || node.outputs.front().empty() ? node.op : node.outputs.front();
  for (const ::onnx::AttributeProto &attribute : proto.attribute())
    if (llvm::Error error = readAttribute(attribute, node, node.attributes.emplace_back()))
      return error;
  return llvm::Error::success();
}

llvm::Error ProtoReader::readGraph(const ::onnx::GraphProto &proto, Graph &graph) {
  auto readInfo = [](const ::onnx::ValueInfoProto &from, ValueInfo &info) {
    info.name = from.name();
    info.type = ElementType(from.type().tensor_type().elem_type());
    info.hasShape = from.type().tensor_type().has_shape();
    for (const auto &dim : from.type().tensor_type().shape().dim()) {
      info.dims.push_back(dim.has_dim_value() ? dim.dim_value() : -1);
      info.symbols.push_back(dim.dim_param() == "?" ? "" : dim.dim_param()); // what Paddle calls each that has no size
    }
  };
  for (const ::onnx::ValueInfoProto &input : proto.input())
    readInfo(input, graph.inputs.emplace_back());
  for (const ::onnx::ValueInfoProto &output : proto.output())
    readInfo(output, graph.outputs.emplace_back());
  if (proto.sparse_initializer_size())
    return fail("sparse initializers are not supported, found '" + proto.sparse_initializer(0).values().name() + "'");
  for (const ::onnx::TensorProto &tensor : proto.initializer())
    if (llvm::Error error = readTensor(tensor, graph.initializers.emplace_back()))
      return error;
  for (const ::onnx::NodeProto &node : proto.node())
    if (llvm::Error error = readNode(node, graph.nodes.emplace_back()))
      return error;
  return llvm::Error::success();
}

llvm::Error ProtoReader::readModel(const ::onnx::ModelProto &proto) {
  if (!proto.has_graph())
    return fail("not a readable ONNX file: it has no graph");
  for (const ::onnx::OperatorSetIdProto &opset : proto.opset_import())
    model.opsets[canonicalDomain(opset.domain())] = opset.version();
  return readGraph(proto.graph(), model.root);
}

llvm::Expected<Model> Model::parse(std::unique_ptr<llvm::MemoryBuffer> bytes, llvm::StringRef folder,
                                   llvm::StringRef fileName) {
  if (bytes->getBuffer().empty())
    return fail("not a readable ONNX file: it is empty");
  auto small = externalize(llvm::arrayRefFromStringRef(bytes->getBuffer()));
  if (!small)
    return small.takeError();
  ::onnx::ModelProto proto;
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const uint8_t *>(small->data()), int(small->size()));
  stream.SetRecursionLimit(kMaxMessageDepth);
  if (!proto.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage())
    return fail("not a readable ONNX file: it is truncated or damaged");
  Model model;
  model.names.push_back(fileName.str());
  model.buffers.push_back(std::move(bytes));
  if (llvm::Error error = ProtoReader(model, folder).readModel(proto))
    return std::move(error);
  return model;
}

llvm::Expected<Model> Model::read(llvm::StringRef folder, llvm::StringRef fileName) {
  llvm::SmallString<256> path(folder);
  llvm::sys::path::append(path, fileName);
  auto buffer = mapInput(path);
  if (!buffer)
    return buffer.takeError();
  return parse(std::move(*buffer), folder, fileName);
}

int64_t Model::opset(llvm::StringRef domain) const {
  auto found = opsets.find(std::string_view(domain));
  if (found != opsets.end())
    return found->second;
  return domain == "com.microsoft" ? 1 : 0; // ONNX Runtime knows its own ops whether they are imported or not
}

} // namespace phic::onnx
