// Bytes as a cluster: message, JSON, name of a preset.
#include "automap/v1/cluster.pb.h"
#include "google/protobuf/util/json_util.h"
#include "simulator/cluster/cluster_proto.h"
#include "simulator/cluster/presets.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  automap::v1::Cluster cluster;
  if (cluster.ParseFromString(bytes)) automap::ClusterFromProto(cluster).status().IgnoreError();
  if (google::protobuf::util::JsonStringToMessage(bytes, &cluster).ok())
    automap::ClusterFromProto(cluster).status().IgnoreError();
  automap::ClusterPreset(bytes).status().IgnoreError();
  return 0;
}
