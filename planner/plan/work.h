// How much arithmetic an operation is.
#pragma once

#include "base/units.h"
#include "planner/graph/graph.h"

namespace automap {

// FLOPs of one execution, counted as XLA's cost analysis does, in double precision. Functions that
// a processor computes by series or table (exponential, tanh, power, ...) are counted apart.
struct Arithmetic {
  double flops = 0;
  double transcendentals = 0;
  bool operator==(const Arithmetic&) const = default;
};

// Arithmetic of one execution of a node as a whole; `f` is what an applied computation does for one
// element:
//
//   element-wise        1 per result element
//   dot                 2 x result elements x contracted sizes
//   convolution         2 x output features x batch x input features of a group x pairs of output
//                       and kernel places that meet an input element, neither padding nor dilation
//   reduce              f x (input - result elements)
//   reduce-window       f x result elements x (window - 1)
//   select-and-scatter  f_select x source elements x (window - 1) + f_scatter x source elements
//   scatter             f x update elements
//   map                 f x result elements
//   sort                elements x ceil(log2(elements))
//   fft                 8 x product of floor(log2(length)) x elements
//   triangular-solve    2 x B's elements x A's last dim;  cholesky: elements x last dim / 3
//   all-reduce          result elements
//   anything else       0: it moves values
//
// O(instructions of the applied computation), and for a convolution O(smaller of kernel and output
// places along each dim).
Arithmetic ArithmeticOf(const Graph& graph, NodeId node);

// Its flops alone.
Flops FlopsOf(const Graph& graph, NodeId node);

// Whether an operation only maps values to places: it can be part of its reader's kernel.
bool IsCheapMap(Opcode opcode);

// Whether an operation makes its result from nothing or from few values: cheaper to repeat than to
// store.
bool IsGenerator(Opcode opcode);

}  // namespace automap
