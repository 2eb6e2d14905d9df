// explain.cc: what the plan chose and why, as JSON for plan.explain().
#include "device_plan.h"
#include "machine.h"
#include "op.h"

namespace gatecell {
namespace {
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}
}  // namespace

std::string explain_plan(const Plan& plan, int64_t arena) {
  std::string json = "{\"device\":" + quoted(plan.device ? "cuda" : "cpu") +
                     ",\"deviceWhy\":" + quoted(plan.device_why) + ",\"isa\":" + quoted(kernels().name) +
                     ",\"threads\":" + std::to_string(plan.threads) + ",\"arenaBytes\":" + std::to_string(arena) +
                     ",\"packedBytes\":" + std::to_string(plan.store ? plan.store->packed_bytes() : 0) + ",\"nodes\":[";
  for (const Node& node : plan.nodes) {
    if (node.index) json += ',';
    const Tensor& out = plan.tensors[node.out[0]];
    int64_t bytes = 0;
    for (const Buffer& buffer : node.buffers) bytes += buffer.bytes;
    json += "{\"op\":" + quoted(node.op->name) + ",\"shape\":" + quoted(out.shape()) +
            ",\"backward\":" + (node.trains ? "true" : "false") + ",\"bufferBytes\":" + std::to_string(bytes) +
            ",\"why\":" + quoted(node.why) + "}";
  }
  json += "]";
  if (plan.device)
    json += ",\"measured\":" + std::string(plan.device->backend.table->plan_explain(plan.device->handle));
  return json + "}";
}
}  // namespace gatecell
