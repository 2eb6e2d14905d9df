// explain.cc: the choices of a plan and their reasons, as JSON for plan.explain().
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

int64_t own_bytes(const Plan& plan) {
  const auto bytes = [](const auto& list) { return static_cast<int64_t>(list.capacity() * sizeof(list[0])); };
  int64_t total = static_cast<int64_t>(sizeof(Plan)) + bytes(plan.tensors) + bytes(plan.nodes) + bytes(plan.carry) +
                  bytes(plan.observed) + bytes(plan.places) + bytes(plan.pieces) + bytes(plan.square_sums) +
                  plan.carry_copies.bytes() + bytes(plan.explanation);
  for (const Node& node : plan.nodes)
    total += bytes(node.in) + bytes(node.out) + bytes(node.attributes) + bytes(node.buffers) + bytes(node.packs) +
             bytes(node.why);
  if (plan.own_pool) total += plan.own_pool->bytes();
  if (plan.device) total += plan.device->arena_bytes + plan.device->backend.table->plan_bytes(plan.device->handle);
  return total;
}

std::string explain_plan(const Plan& plan) {
  const int64_t arena = plan.device ? plan.device->arena_bytes : plan.arena.bytes();
  std::string json = "{\"device\":" + quoted(plan.device ? "cuda" : "cpu") +
                     ",\"deviceWhy\":" + quoted(plan.device_why) + ",\"isa\":" + quoted(kernels().name) +
                     ",\"threads\":" + std::to_string(plan.threads) + ",\"arenaBytes\":" + std::to_string(arena) +
                     ",\"ownBytes\":" + std::to_string(own_bytes(plan)) +
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
