// What HLO text leaves to its reader.
#pragma once

#include "xla/hlo.pb.h"

namespace automap {

// Makes instruction names unique in the module, as they are in text within a computation only,
// writes the windows that text leaves out, and writes the program shape of every computation and the module's from parameters and roots: XLA
// loads no module without. The entry computation keeps its names. Nothing is assumed of the module:
// a computation whose parameter numbers or root are wrong gets no program shape. Linear.
void CompleteModule(xla::HloModuleProto& module);

}  // namespace automap
