#include "planner/hlo/wire_types.h"

#include <algorithm>

#include "google/protobuf/message.h"
#include "xla/hlo.pb.h"

namespace automap {
namespace {

using google::protobuf::FieldDescriptor;

uint8_t NumberBytes(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return 1;
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT64:
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return 8;
    default:
      return 4;
  }
}

// HLO has no fixed32 and fixed64 but these.
uint8_t WireBytes(const FieldDescriptor& field) {
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_FLOAT) return 4;
  return field.cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE ? 8 : 0;
}

WireKind KindOf(const FieldDescriptor& field) {
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) return WireKind::kMessage;
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) return WireKind::kText;
  return field.is_repeated() ? WireKind::kNumbers : WireKind::kNumber;
}

}  // namespace

WireTypes::WireTypes(const google::protobuf::Descriptor& root) { Add(root); }

int32_t WireTypes::IndexOf(const google::protobuf::Descriptor& message) const {
  const auto found = std::find(descriptors_.begin(), descriptors_.end(), &message);
  return found == descriptors_.end() ? -1 : static_cast<int32_t>(found - descriptors_.begin());
}

int32_t WireTypes::Add(const google::protobuf::Descriptor& message) {
  if (const int32_t known = IndexOf(message); known >= 0) return known;
  const auto index = static_cast<int32_t>(messages_.size());
  descriptors_.push_back(&message);
  messages_.emplace_back();
  const auto* empty = google::protobuf::MessageFactory::generated_factory()->GetPrototype(&message);
  messages_[index].bytes = static_cast<int64_t>(empty->SpaceUsedLong());
  messages_[index].is_literal = &message == xla::LiteralProto::descriptor();
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    WireFieldType type = {.kind = KindOf(field),
                          .is_repeated = field.is_repeated(),
                          .number_bytes = NumberBytes(field),
                          .wire_bytes = WireBytes(field)};
    if (type.kind == WireKind::kMessage) type.message = Add(*field.message_type());
    messages_[index].fields.at(static_cast<size_t>(field.number())) = type;
  }
  return index;
}

}  // namespace automap
