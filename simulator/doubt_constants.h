// How far the cost model is off. Written by `automap bench cost-model --write-doubt FILE`; the
// bench fails when it says something else.
#pragma once

#include "simulator/doubt.h"

namespace automap {

inline constexpr DoubtConstants kDoubt = {.compute = 0.071,
                                          .inside = 0.174,
                                          .outside = 0.228,
                                          .own = 0.059,
                                          .nine_of_ten = 1.261};

}  // namespace automap
