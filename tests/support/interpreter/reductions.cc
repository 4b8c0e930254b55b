#include <algorithm>

#include "planner/rules/dim_list.h"
#include "tests/support/interpreter/operation.h"
#include "tests/support/interpreter/scalars.h"

namespace automap::interpreter {
namespace {

using Numbers = std::vector<Number>;

bool AnyAbsent(const Numbers& numbers) {
  return std::any_of(numbers.begin(), numbers.end(), IsAbsent);
}

// One array per result, from one number per result at each place.
template <typename Values>
std::vector<Array> FilledTogether(const std::vector<Block>& results, const Values& values) {
  std::vector<Array> arrays;
  for (size_t r = 0; r < results.size(); ++r) {
    arrays.push_back(results[r].Filled([&](const Dims& index) { return values(index)[r]; }));
  }
  return arrays;
}

// The elements of the first `count` operands at `index` folded into `sofar`.
void Fold(const Operation& it, size_t count, const Dims& index, Numbers& sofar) {
  Numbers arguments = sofar;
  for (size_t i = 0; i < count; ++i) arguments.push_back(it.operands[i].At(index));
  sofar = AnyAbsent(arguments) ? Numbers(count, kAbsent)
                               : Apply(*it.graph, *it.instruction, 0, arguments);
}

Numbers InitialValues(const Operation& it, size_t count) {
  Numbers values;
  for (size_t i = 0; i < count; ++i) values.push_back(it.operands[count + i].At({}));
  return values;
}

std::vector<Array> Reduce(const Operation& it) {
  const size_t inputs = it.results.size();
  const Block& first = it.operands[0];
  const DimList& reduced = it.instruction->dimensions();
  Dims ranges;
  for (const int64_t dim : reduced) ranges.push_back(first.array.dims[dim]);
  return FilledTogether(it.results, [&](const Dims& index) {
    Numbers sofar = InitialValues(it, inputs);
    Dims place(first.rank());
    for (int dim = 0, kept = 0; dim < first.rank(); ++dim) {
      if (!Contains(reduced, dim)) place[dim] = index[kept++];
    }
    ForEachIndex(ranges, [&](const Dims& r) {
      for (int i = 0; i < reduced.size(); ++i) place[reduced[i]] = first.begin(reduced[i]) + r[i];
      Fold(it, inputs, place, sofar);
    });
    return sofar;
  });
}

int64_t OneIfUnset(int64_t value) { return std::max<int64_t>(1, value); }

// The place that the window's place `k` over `y` has in an array of those sizes; false outside.
bool WindowPlace(const xla::Window& window, const Dims& k, const Dims& y, const Dims& sizes,
                 Dims& place) {
  for (size_t d = 0; d < y.size(); ++d) {
    const auto& dim = window.dimensions(static_cast<int>(d));
    const int64_t base = OneIfUnset(dim.base_dilation());
    const int64_t at = y[d] * OneIfUnset(dim.stride()) - dim.padding_low() +
                       k[d] * OneIfUnset(dim.window_dilation());
    if (at < 0 || at % base != 0 || at / base >= sizes[d]) return false;
    place[d] = at / base;
  }
  return true;
}

Dims WindowSizes(const xla::Window& window) {
  Dims sizes;
  for (const auto& dim : window.dimensions()) sizes.push_back(OneIfUnset(dim.size()));
  return sizes;
}

std::vector<Array> ReduceWindow(const Operation& it) {
  const size_t inputs = it.results.size();
  const xla::Window& window = it.instruction->window();
  return FilledTogether(it.results, [&](const Dims& index) {
    Numbers sofar = InitialValues(it, inputs);
    Dims place(index.size());
    ForEachIndex(WindowSizes(window), [&](const Dims& k) {
      if (WindowPlace(window, k, index, it.operands[0].whole, place))
        Fold(it, inputs, place, sofar);
    });
    return sofar;
  });
}

// Each element of the source is added to the element that its window selects.
std::vector<Array> SelectAndScatter(const Operation& it) {
  const Block &operand = it.operands[0], &source = it.operands[1], &result = it.results[0];
  const xla::Window& window = it.instruction->window();
  Block sum = result;
  sum.array = result.Filled([&](const Dims&) { return it.operands[2].At({}); });
  source.ForEach([&](const Dims& index) {
    Dims place(index.size()), chosen;
    ForEachIndex(WindowSizes(window), [&](const Dims& k) {
      if (!WindowPlace(window, k, index, operand.whole, place)) return;
      const bool keeps =
          !chosen.empty() && Apply(*it.graph, *it.instruction, 0,
                                   {operand.At(chosen), operand.At(place)})[0] != Number{0};
      if (!keeps) chosen = place;
    });
    if (chosen.empty() || !sum.Holds(chosen)) return;
    int64_t flat = 0;
    for (size_t d = 0; d < chosen.size(); ++d) {
      flat = flat * sum.array.dims[d] + chosen[d] - sum.offset[d];
    }
    Number& value = sum.array.values[flat];
    value = Apply(*it.graph, *it.instruction, 1, {value, source.At(index)})[0];
  });
  return {sum.array};
}

// The places along `dim` of the line through `index`, in the order of `before`, stable.
template <typename Before>
Dims OrderedLine(int64_t size, const Before& before) {
  Dims order;
  for (int64_t i = 0; i < size; ++i) {
    size_t at = order.size();
    while (at > 0 && before(i, order[at - 1])) --at;
    order.insert(order.begin() + static_cast<int64_t>(at), i);
  }
  return order;
}

std::vector<Array> Sort(const Operation& it) {
  const int64_t dim = it.instruction->dimensions_size() > 0 ? it.instruction->dimensions(0) : 0;
  return FilledTogether(it.results, [&](const Dims& index) {
    Dims a = index, b = index;
    const Dims order = OrderedLine(it.operands[0].whole[dim], [&](int64_t i, int64_t j) {
      a[dim] = i, b[dim] = j;
      Numbers pairs;
      for (const Block& operand : it.operands) {
        pairs.push_back(operand.At(a));
        pairs.push_back(operand.At(b));
      }
      return !AnyAbsent(pairs) && Apply(*it.graph, *it.instruction, 0, pairs)[0] != Number{0};
    });
    a[dim] = order[index[dim]];
    Numbers numbers;
    for (const Block& operand : it.operands) numbers.push_back(operand.At(a));
    return numbers;
  });
}

std::vector<Array> TopK(const Operation& it) {
  const Block& operand = it.operands[0];
  return FilledTogether(it.results, [&](const Dims& index) {
    Dims a = index, b = index;
    const Dims order = OrderedLine(operand.whole.back(), [&](int64_t i, int64_t j) {
      a.back() = i, b.back() = j;
      return operand.At(a).real() > operand.At(b).real();
    });
    a.back() = order[index.back()];
    return Numbers{operand.At(a), static_cast<double>(a.back())};
  });
}

// Inputs, then initial carries; outputs, then final carries. The body takes an element of each
// input and the carries, and gives an element of each output and the carries.
std::vector<Array> Scan(const Operation& it) {
  const int64_t scanned = it.instruction->dimensions(0);
  const size_t carries = it.instruction->num_carries();
  const size_t inputs = it.operands.size() - carries, outputs = it.results.size() - carries;
  std::vector<Array> arrays;
  for (size_t r = 0; r < it.results.size(); ++r) {
    const bool is_carry = r >= outputs;
    const int64_t last = it.operands[0].whole[scanned] - 1;
    arrays.push_back(it.results[r].Filled([&](const Dims& index) -> Number {
      Dims lane = index;
      if (!is_carry) lane.erase(lane.begin() + scanned);
      Numbers values;
      for (size_t c = 0; c < carries; ++c) values.push_back(it.operands[inputs + c].At(lane));
      Numbers step(outputs);
      step.insert(step.end(), values.begin(), values.end());
      for (int64_t t = 0; t <= (is_carry ? last : index[scanned]); ++t) {
        Dims place = lane;
        place.insert(place.begin() + scanned, t);
        Numbers arguments;
        for (size_t i = 0; i < inputs; ++i) arguments.push_back(it.operands[i].At(place));
        arguments.insert(arguments.end(), step.end() - static_cast<int64_t>(carries), step.end());
        if (AnyAbsent(arguments)) return kAbsent;
        step = Apply(*it.graph, *it.instruction, 0, arguments);
      }
      return step[r];
    }));
  }
  return arrays;
}

}  // namespace

std::vector<Array> EvaluateReduction(const Operation& it) {
  switch (it.opcode) {
    case Opcode::kReduce:
      return Reduce(it);
    case Opcode::kReduceWindow:
      return ReduceWindow(it);
    case Opcode::kScan:
      return Scan(it);
    case Opcode::kSelectAndScatter:
      return SelectAndScatter(it);
    case Opcode::kSort:
      return Sort(it);
    default:
      return TopK(it);
  }
}

}  // namespace automap::interpreter
