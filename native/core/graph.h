// graph.h: reading and checking of the flat tables of a plan description, before anything is allocated.
#pragma once
#include "op.h"

namespace gatecell {
// Fills plan.tensors and plan.nodes, runs every op's shape check and marks what the backward pass needs.
gc_status read_graph(const gc_plan_desc& desc, Plan& plan);

// For op checks.
gc_status expect_shape(const Plan& plan, const Node& node, const Tensor& tensor, const char* what,
                       std::initializer_list<int64_t> dims);
gc_status expect_dtype(const Node& node, const Tensor& tensor, const char* what, gc_dtype dtype);
gc_status expect_same_shape(const Node& node, const Tensor& a, const Tensor& b);
}  // namespace gatecell
