// layout.cc: the layout of memory, which is computed once, as offsets from the beginning of the block that a run takes. Time runs forward
// over the nodes and back again: node i runs at i, its backward pass at 2N-1-i. Each tensor, gradient and buffer lives for an interval, and
// intervals that do not overlap share memory (first fit).
#include <algorithm>
#include <map>

#include "op.h"
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace gatecell {
namespace {

struct Interval {
  int first, last;
  int64_t bytes;  // whole cache lines
  Place place;
};

struct Layout {
  Plan& plan;
  int end;  // one past the last moment
  std::vector<Interval> intervals;
  int64_t left = int64_t{1} << 50;  // bytes that may still be requested, so that no sum of sizes overflows

  int backward_time(int node) const { return 2 * static_cast<int>(plan.nodes.size()) - 1 - node; }
  // The times at which the work of a node begins, forward and backward: with a partner or in a stack (rewrites.h) that of the first of them.
  int begin(const Node& node) const {
    if (node.stack_first >= 0) return node.stack_first;
    return node.partner >= 0 && node.partner < node.index ? node.partner : node.index;
  }
  int backward_begin(const Node& node) const {
    if (node.stack_back) return backward_time(node.stack_last);
    return backward_time(node.partner_back > node.index ? node.partner_back : node.index);
  }
  void add(int first, int last, int64_t bytes, float** to) {
    intervals.push_back({first, last, round_up(bytes, 64), {to, 0, bytes}});
    left = bytes > left ? -1 : left - bytes;
  }
};

void tensor_lives(Layout& layout) {
  Plan& plan = layout.plan;
  const size_t count = plan.tensors.size();
  std::vector<int> first(count, 0), last(count, 0), grad_first(count, -1);
  for (const Node& node : plan.nodes) {
    const int back = layout.backward_time(node.index);
    for (int id : node.in) {
      if (id < 0) continue;
      last[id] = std::max(last[id], node.trains && node.op->keeps_inputs ? back : node.index);
      if (node.trains && plan.tensors[id].wants_grad)
        grad_first[id] =
            node.stack_back ? layout.backward_begin(node) : back;  // nodes ascend: the last is first in time
    }
    for (int id : node.out) {
      if (id < 0) continue;
      first[id] = layout.begin(node);
      last[id] = std::max({last[id], node.index, node.trains && node.op->keeps_outputs ? back : 0});
    }
  }
  for (size_t i = 0; i < plan.carry.size(); i += 2) last[plan.carry[i]] = layout.end;
  if (plan.loss >= 0) grad_first[plan.loss] = static_cast<int>(plan.nodes.size());
  for (size_t id = 0; id < count; ++id) {
    Tensor& t = plan.tensors[id];
    if (t.folded) continue;
    if (t.role == GC_PARAMETER) {
      t.grad = t.wants_grad ? plan.store->grad + plan.store->params[t.slot].offset : nullptr;
      continue;
    }
    if (t.role == GC_HOST || static_cast<int>(id) == plan.loss) last[id] = layout.end;
    if (t.in_place() && !plan.on_device) t.data = reinterpret_cast<float*>(plan.host) + t.slot;
    else layout.add(t.producer < 0 ? 0 : first[id], last[id], t.bytes(), &t.data);
    if (!t.wants_grad || grad_first[id] < 0) continue;
    const bool until_end = t.producer < 0 || t.keeps_grad;
    layout.add(grad_first[id], until_end ? layout.end : layout.backward_time(t.producer), t.bytes(), &t.grad);
  }
}

void buffer_lives(Layout& layout) {
  for (Node& node : layout.plan.nodes) {
    const int back = node.trains ? layout.backward_time(node.index) : node.index;
    for (Buffer& buffer : node.buffers) {
      if (buffer.life == Life::kBackward && !node.trains) continue;
      const int first = buffer.life == Life::kBackward ? layout.backward_begin(node) : layout.begin(node);
      const int last = buffer.life == Life::kForward ? node.index : back;
      layout.add(first, last, buffer.bytes, &buffer.data);
    }
  }
}

#if defined(__SANITIZE_ADDRESS__)
// Under AddressSanitizer nothing shares memory, and poisoned bytes
// follow each piece, so that an access outside a tensor is detected.
constexpr int64_t kFence = 128;

int64_t place(std::vector<Interval>& intervals) {
  int64_t offset = 0;
  for (Interval& interval : intervals) {
    interval.place.offset = offset;
    offset += interval.bytes + kFence;
  }
  return offset;
}

void fence(char* base, const Place& place) {
  ASAN_POISON_MEMORY_REGION(base + place.offset + place.bytes,
                            static_cast<size_t>(round_up(place.bytes, 64) - place.bytes + kFence));
}
#else
void fence(char*, const Place&) {}

// Places the intervals in order of their beginnings, each in the first gap that is large enough, and returns the peak.
int64_t place(std::vector<Interval>& intervals) {
  std::vector<size_t> order(intervals.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return intervals[a].first != intervals[b].first ? intervals[a].first < intervals[b].first
                                                    : intervals[a].bytes > intervals[b].bytes;
  });
  std::map<int64_t, int64_t> gaps;    // offset -> bytes
  std::multimap<int, size_t> active;  // last moment -> interval
  int64_t peak = 0;
  const auto release = [&](size_t i) {
    int64_t offset = intervals[i].place.offset, bytes = intervals[i].bytes;
    auto next = gaps.lower_bound(offset);
    if (next != gaps.begin()) {
      auto before = std::prev(next);
      if (before->first + before->second == offset) offset = before->first, bytes += before->second, gaps.erase(before);
    }
    if (next != gaps.end() && next->first == intervals[i].place.offset + intervals[i].bytes)
      bytes += next->second, gaps.erase(next);
    gaps[offset] = bytes;
  };
  for (size_t i : order) {
    Interval& interval = intervals[i];
    while (!active.empty() && active.begin()->first < interval.first)
      release(active.begin()->second), active.erase(active.begin());
    auto gap = std::find_if(gaps.begin(), gaps.end(), [&](const auto& g) { return g.second >= interval.bytes; });
    if (gap == gaps.end() && !gaps.empty() && std::prev(gaps.end())->first + std::prev(gaps.end())->second == peak)
      gap = std::prev(gaps.end());
    const int64_t offset = interval.place.offset = gap == gaps.end() ? peak : gap->first;
    if (gap != gaps.end()) {
      const int64_t rest = gap->second - interval.bytes;
      gaps.erase(gap);
      if (rest > 0) gaps[offset + interval.bytes] = rest;
    }
    peak = std::max(peak, offset + interval.bytes);
    active.emplace(interval.last, i);
  }
  return peak;
}
#endif
}  // namespace

int64_t layout_plan(Plan& plan) {
  Layout layout{plan, 2 * static_cast<int>(plan.nodes.size()), {}};
  tensor_lives(layout);
  buffer_lives(layout);
  if (layout.left < 0) return -1;
  const int64_t bytes = place(layout.intervals);
  plan.places.reserve(layout.intervals.size());
  for (const Interval& interval : layout.intervals) plan.places.push_back(interval.place);
  return bytes;
}

void set_addresses(const Plan& plan, char* base) {
  for (const Place& place : plan.places) {
    *place.to = reinterpret_cast<float*>(base + place.offset);
    if (!plan.on_device) fence(base, place);
  }
}

void clear_fences([[maybe_unused]] const Block& block) {
#if defined(__SANITIZE_ADDRESS__)
  ASAN_UNPOISON_MEMORY_REGION(block.data(), static_cast<size_t>(block.bytes()));
#endif
}

PassArena::PassArena(Plan& plan) : plan_(plan) {
  const int64_t bytes = plan.arena.bytes();
  if (bytes == 0) return;
  block_ = plan.arena.pool().take(bytes);
  if (!block_.data()) return;
#if defined(__SANITIZE_ADDRESS__)
  plan.base = nullptr;  // forces set_addresses, which sets this plan's fences: the block may have had another plan's
#endif
  if (plan.base != block_.data()) set_addresses(plan, block_.data());
  plan.base = block_.data();
}

PassArena::~PassArena() {
  if (!block_.data()) return;
  clear_fences(block_);
  plan_.arena.pool().give(std::move(block_));
}
}  // namespace gatecell
