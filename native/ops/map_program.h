// map_program.h: reads and checks the map program of a node.
#pragma once
#include "../core/map_program.h"
#include "../core/op.h"

namespace gatecell {

constexpr int64_t kMapBlock = 512;  // elements of a register

// Reads and checks the attributes of `node`.
gc_status read_map(const Node& node, MapProgram& program);
}  // namespace gatecell
