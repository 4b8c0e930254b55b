#include "tests/support/random_graph.h"

#include "tests/support/hlo_text.h"
#include "tests/support/random_module/random_module.h"

namespace automap {
namespace {

// All parameters are variables; each result replaces a parameter of its shape that none replaces
// yet, two times out of three.
Roles RandomRoles(const Graph& graph, std::mt19937_64& random) {
  Roles roles;
  roles.of.assign(graph.parameters().size(), Role::kVariable);
  roles.reason.assign(graph.parameters().size(), "random");
  for (const Leaf& leaf : graph.parameters()) roles.names.push_back(leaf.name);
  std::vector<bool> is_replaced(graph.parameters().size(), false);
  for (const Leaf& output : graph.outputs()) {
    const Tensor& value = graph.tensor(output.tensor);
    roles.updated_parameter.push_back(-1);
    for (size_t p = 0; p < graph.parameters().size() && random() % 3 != 0; ++p) {
      const Tensor& parameter = graph.tensor(graph.parameters()[p].tensor);
      if (is_replaced[p] || parameter.type != value.type || parameter.shape() != value.shape()) {
        continue;
      }
      is_replaced[p] = true;
      roles.updated_parameter.back() = static_cast<int32_t>(p);
      break;
    }
  }
  return roles;
}

}  // namespace

std::unique_ptr<const RandomGraph> MakeRandomGraph(uint64_t seed) {
  std::mt19937_64 random(seed);
  RandomModule module(seed);
  for (uint64_t count = 10 + random() % 30; count > 0; --count) module.AddAny();
  auto made = std::make_unique<RandomGraph>();
  made->text = module.Text();
  made->graph = GraphFromText(made->text);
  made->roles = RandomRoles(made->graph, random);
  made->wiring = std::make_unique<const Wiring>(made->graph, made->roles);
  for (TensorId t = 0; t < made->graph.tensor_count(); ++t) {
    const Tensor& tensor = made->graph.tensor(t);
    for (int32_t dim = 0; dim < tensor.rank && !tensor.is_free; ++dim) {
      if (tensor.dims[dim] > 1) made->places.push_back({t, dim});
    }
  }
  return made;
}

}  // namespace automap
