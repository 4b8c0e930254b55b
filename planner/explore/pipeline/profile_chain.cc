#include "planner/explore/pipeline/profile_chain.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"

namespace automap {
namespace {

constexpr size_t kMaxLayers = 512;
constexpr double kMilliseconds = 1e-3;

struct Measured {
  std::string name;
  double forward_s = 0, backward_s = 0, output_bytes = 0, parameter_bytes = 0;
};

absl::Status Refuse(absl::string_view path, absl::string_view value, absl::string_view expected) {
  return absl::InvalidArgumentError(
      absl::StrCat("profile.", path, ": ", value, ", must be ", expected));
}

absl::Status CheckNumber(const std::string& path, double value) {
  if (std::isfinite(value) && value >= 0 && value < 1e18) return absl::OkStatus();
  return Refuse(path, absl::StrCat(value), "a finite number >= 0");
}

// `boundary[i]`: bytes that cross a cut after layer i.
LayerChain MakeChain(const std::vector<Measured>& layers, const std::vector<double>& boundary) {
  LayerChain chain;
  for (size_t i = 0; i < layers.size(); ++i) {
    Layer layer;
    layer.cut_after = absl::StrCat(i, ":", layers[i].name);
    layer.name = layers[i].name;
    LayerTimes times;
    times.forward_scaled = {layers[i].forward_s};
    times.backward_scaled = {layers[i].backward_s};
    layer.times.push_back(times);
    layer.boundary = {boundary[i]};
    layer.saved = {layers[i].output_bytes};
    layer.variables = layer.gradients = {layers[i].parameter_bytes};
    layer.optimizer_state = {2 * layers[i].parameter_bytes};
    layer.variable_count = layers[i].parameter_bytes > 0 ? 1 : 0;
    layer.forward_operations = 1;
    chain.layers.push_back(std::move(layer));
  }
  chain.remarks.push_back(
      "measured layers: optimizer state is taken as twice the parameters, updates as free");
  return chain;
}

absl::Status CheckChain(const LayerChain& chain) {
  if (!chain.HasVariables()) return Refuse("layers", "no parameters", "some with parameters");
  Seconds total;
  for (const Layer& layer : chain.layers)
    total += layer.times[0].forward_scaled + layer.times[0].backward_scaled;
  return total.value > 0 ? absl::OkStatus() : Refuse("layers", "no time", "some with time");
}

// One file of PipeDream's format.
class TextReader {
 public:
  absl::StatusOr<LayerChain> Read(absl::string_view text) {
    int number = 0;
    for (const absl::string_view line : absl::StrSplit(text, '\n')) {
      ++number;
      const absl::string_view content = absl::StripAsciiWhitespace(line);
      if (content.empty()) continue;
      RETURN_IF_ERROR(absl::StartsWith(line, "\t") ? AddEdge(content, number)
                                                   : AddNode(content, number));
      if (nodes_.size() > kMaxLayers)
        return absl::ResourceExhaustedError(
            absl::StrCat("profile: more than ", kMaxLayers, " layers"));
    }
    return Order();
  }

 private:
  static absl::Status RefuseLine(int line, absl::string_view expected) {
    return absl::InvalidArgumentError(absl::StrCat("profile line ", line, ": must be ", expected));
  }

  static bool NodeNumber(absl::string_view word, int64_t& number) {
    word = absl::StripAsciiWhitespace(word);
    return absl::ConsumePrefix(&word, "node") && absl::SimpleAtoi(word, &number);
  }

  absl::Status AddEdge(absl::string_view line, int number) {
    const std::vector<absl::string_view> ends = absl::StrSplit(line, " -- ");
    int64_t from = 0, to = 0;
    if (ends.size() != 2 || !NodeNumber(ends[0], from) || !NodeNumber(ends[1], to))
      return RefuseLine(number, "an edge `node1 -- node2`");
    edges_.insert({from, to});
    return absl::OkStatus();
  }

  absl::Status AddNode(absl::string_view line, int number) {
    const std::vector<absl::string_view> parts = absl::StrSplit(line, " -- ");
    int64_t id = 0;
    if (parts.size() < 3 || !NodeNumber(parts[0], id))
      return RefuseLine(number, "`nodeN -- NAME -- forward_compute_time=..., ...`");
    Measured measured;
    measured.name = std::string(parts[1]);
    std::map<absl::string_view, double*> fields = {{"forward_compute_time", &measured.forward_s},
                                                   {"backward_compute_time", &measured.backward_s},
                                                   {"activation_size", &measured.output_bytes},
                                                   {"parameter_size", &measured.parameter_bytes}};
    for (absl::string_view item : absl::StrSplit(parts.back(), ", ")) {
      const std::pair<absl::string_view, absl::string_view> pair =
          absl::StrSplit(item, absl::MaxSplits('=', 1));
      const auto field = fields.find(absl::StripAsciiWhitespace(pair.first));
      if (field == fields.end()) continue;
      // A list of sizes is one of several outputs.
      double sum = 0;
      for (const absl::string_view word :
           absl::StrSplit(absl::StripSuffix(absl::StripPrefix(pair.second, "["), "]"), "; ")) {
        double value = 0;
        if (!absl::SimpleAtod(word, &value))
          return RefuseLine(number, absl::StrCat("a number after ", pair.first, "="));
        sum += value;
      }
      RETURN_IF_ERROR(CheckNumber(absl::StrCat("line ", number, ".", pair.first), sum));
      *field->second = sum;
    }
    measured.forward_s *= kMilliseconds;
    measured.backward_s *= kMilliseconds;
    if (!nodes_.emplace(id, std::move(measured)).second)
      return RefuseLine(number, "a node that was not there before");
    return absl::OkStatus();
  }

  // Kahn's algorithm, the smallest number first.
  absl::StatusOr<LayerChain> Order() {
    std::map<int64_t, int> waits;
    std::map<int64_t, std::vector<int64_t>> next;
    for (const auto& [from, to] : edges_) {
      if (!nodes_.contains(from) || !nodes_.contains(to))
        return Refuse("edges", absl::StrCat("node", from, " -- node", to), "between nodes");
      ++waits[to];
      next[from].push_back(to);
    }
    std::set<int64_t> ready;
    for (const auto& [id, node] : nodes_) {
      if (waits[id] == 0) ready.insert(id);
    }
    std::vector<int64_t> order;
    while (!ready.empty()) {
      const int64_t id = *ready.begin();
      ready.erase(ready.begin());
      order.push_back(id);
      for (const int64_t to : next[id]) {
        if (--waits[to] == 0) ready.insert(to);
      }
    }
    if (order.size() != nodes_.size()) return Refuse("edges", "a cycle", "without cycles");
    std::erase_if(order, [&](int64_t id) { return absl::StartsWith(nodes_[id].name, "Input"); });
    if (order.empty()) return Refuse("layers", "none", "at least one");
    std::map<int64_t, size_t> place;
    for (size_t i = 0; i < order.size(); ++i) place[order[i]] = i;
    std::vector<Measured> layers;
    std::vector<double> boundary(order.size(), 0.0);
    for (size_t i = 0; i < order.size(); ++i) {
      layers.push_back(nodes_[order[i]]);
      size_t last = i;
      for (const int64_t to : next[order[i]]) last = std::max(last, place[to]);
      for (size_t cut = i; cut < last; ++cut) boundary[cut] += layers.back().output_bytes;
    }
    return MakeChain(layers, boundary);
  }

  std::map<int64_t, Measured> nodes_;
  std::set<std::pair<int64_t, int64_t>> edges_;
};

absl::StatusOr<double> NumberOf(const nlohmann::json& item, const char* key,
                                const std::string& path) {
  if (!item.contains(key) || !item[key].is_number())
    return Refuse(absl::StrCat(path, ".", key), "missing", "a number");
  const double value = item[key].get<double>();
  RETURN_IF_ERROR(CheckNumber(absl::StrCat(path, ".", key), value));
  return value;
}

absl::StatusOr<LayerChain> ReadJson(absl::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("layers") || !json["layers"].is_array() ||
      json["layers"].empty()) {
    return Refuse("layers", "missing", "a list of layers");
  }
  if (json["layers"].size() > kMaxLayers)
    return absl::ResourceExhaustedError(absl::StrCat("profile: more than ", kMaxLayers, " layers"));
  std::vector<Measured> layers;
  std::vector<double> boundary;
  for (const auto& item : json["layers"]) {
    const std::string path = absl::StrCat("layers[", layers.size(), "]");
    if (!item.is_object()) return Refuse(path, "no object", "an object");
    Measured layer;
    layer.name = item.contains("name") && item["name"].is_string()
                     ? item["name"].get<std::string>()
                     : absl::StrCat("layer ", layers.size());
    ASSIGN_OR_RETURN(layer.forward_s, NumberOf(item, "forwardS", path));
    ASSIGN_OR_RETURN(layer.backward_s, NumberOf(item, "backwardS", path));
    ASSIGN_OR_RETURN(layer.output_bytes, NumberOf(item, "outputBytes", path));
    ASSIGN_OR_RETURN(layer.parameter_bytes, NumberOf(item, "parameterBytes", path));
    boundary.push_back(layer.output_bytes);
    layers.push_back(std::move(layer));
  }
  boundary.back() = 0;
  LayerChain chain = MakeChain(layers, boundary);
  if (json.contains("microBatch")) {
    ASSIGN_OR_RETURN(const double samples, NumberOf(json, "microBatch", "profile"));
    if (samples < 1 || samples != std::floor(samples) || samples > 1e9)
      return Refuse("microBatch", absl::StrCat(samples), "a whole number >= 1");
    chain.batch = static_cast<int64_t>(samples);
  }
  return chain;
}

}  // namespace

bool IsProfile(absl::string_view bytes) {
  const absl::string_view text = absl::StripLeadingAsciiWhitespace(bytes.substr(0, 1 << 16));
  if (absl::StartsWith(text, "{"))
    return absl::StrContains(text, "\"layers\"") && !absl::StrContains(text, "\"computations\"");
  return absl::StartsWith(text, "node") &&
         absl::StrContains(text.substr(0, text.find('\n')), "forward_compute_time=");
}

absl::StatusOr<LayerChain> ReadProfile(absl::string_view bytes) {
  const absl::string_view text = absl::StripLeadingAsciiWhitespace(bytes);
  absl::StatusOr<LayerChain> chain =
      absl::StartsWith(text, "{") ? ReadJson(text) : TextReader().Read(text);
  if (chain.ok()) RETURN_IF_ERROR(CheckChain(*chain));
  return chain;
}

LayerChain ChainOfMicroBatches(const LayerChain& profile, int32_t micro_batches) {
  LayerChain chain = profile;
  chain.batch *= micro_batches;
  const double m = micro_batches;
  for (Layer& layer : chain.layers) {
    for (LayerTimes& times : layer.times) {
      times.forward_scaled = times.forward_scaled * m;
      times.backward_scaled = times.backward_scaled * m;
    }
    layer.boundary = layer.boundary * m;
    layer.saved = layer.saved * m;
    layer.workspace = layer.workspace * m;
  }
  return chain;
}

}  // namespace automap
