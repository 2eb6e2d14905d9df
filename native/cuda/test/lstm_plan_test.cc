// The distribution of U to blocks, which is arithmetic that needs no device.
#include <doctest/doctest.h>

#include <initializer_list>

#include "cuda/kernels/lstm_plan.h"

using namespace gatecell::cuda;

namespace {
constexpr LstmDevice kHopper = {16, 132, 227 * 1024};
// GPCs of 16 or 18 multiprocessors, as an H100 has them.
int room(const LstmPlan& p) { return p.blocks > 8 ? 8 : static_cast<int>(132 / p.blocks); }
LstmPlan forward(const LstmShape& s, const LstmDevice& d = kHopper) { return cluster_forward_plan(s, d, false, room); }
LstmPlan backward(const LstmShape& s, const LstmDevice& d = kHopper) {
  return cluster_backward_plan(s, d, false, room);
}
LstmPlan wide_forward(const LstmShape& s, const LstmDevice& d = kHopper) {
  return cluster_forward_plan(s, d, true, room);
}
LstmPlan wide_backward(const LstmShape& s, const LstmDevice& d = kHopper) {
  return cluster_backward_plan(s, d, true, room);
}

// Checks that the figures of a plan are consistent.
void check_plan(const LstmShape& s, const LstmPlan& p) {
  CHECK(p.blocks * static_cast<unsigned>(p.panels) >= static_cast<unsigned>(s.panels()));
  CHECK(p.panels >= 1);
  CHECK(p.panels <= kMostPanels);
  CHECK(p.shared <= kHopper.shared);
}
}  // namespace

TEST_CASE("lstm plans: a cluster's blocks hold all of U, or there is none") {
  for (int per_word : {1, 2})
    for (int64_t H = 1; H <= 2048; H += H < 64 ? 1 : 17)
      for (int64_t B : {1, 16, 17, 256}) {
        const LstmShape s = {H, B, per_word};
        for (const LstmPlan& p : {forward(s), backward(s), wide_forward(s), wide_backward(s),
                                  grid_forward_plan(s, kHopper), grid_backward_plan(s, kHopper)})
          if (p.blocks > 0) check_plan(s, p);
      }
}

namespace {
// Returns the largest number of hidden units, in whole panels, for which `plan` finds room.
template <class Plan>
int64_t widest(int per_word, Plan plan) {
  int64_t most = 0;
  for (int64_t H = 16; H <= 3072; H += 16)
    if (plan(LstmShape{H, 16, per_word}, kHopper).blocks > 0) most = H;
  return most;
}
}  // namespace

TEST_CASE("lstm plans: what fits a cluster, either way of the recurrence") {
  CHECK(widest(2, forward) == 512);
  CHECK(widest(1, forward) == 288);
  CHECK(widest(2, backward) == 384);
  CHECK(widest(1, backward) == 256);
  CHECK(widest(2, wide_forward) == 576);
  CHECK(widest(1, wide_forward) == 512);
  CHECK(widest(2, wide_backward) == 512);
  CHECK(widest(1, wide_backward) == 256);
}

TEST_CASE("lstm plans: a wide batch takes narrower clusters, so that all slices run at once") {
  const LstmShape few = {128, 16, 2}, many = {128, 16 * 64, 2};
  CHECK(forward(few).blocks == 8);
  CHECK(forward(many).blocks == 2);
  CHECK(backward(many).blocks == 2);
  CHECK(forward(few, {1, 132, kHopper.shared}).blocks == 0);  // 8 panels: more than one block holds
}

TEST_CASE("lstm plans: 16 blocks where the device has room for them and U has a panel for each") {
  CHECK(wide_forward({256, 16, 2}).blocks == 16);
  CHECK(wide_forward({240, 16, 2}).blocks == 0);
  CHECK(wide_backward({256, 16, 2}).blocks == 16);
  CHECK(wide_forward({256, 16, 2}, {8, 132, kHopper.shared}).blocks == 0);
  CHECK(cluster_forward_plan({256, 16, 2}, kHopper, true, [](const LstmPlan&) { return 0; }).blocks == 0);
  // More slices than clusters at once: they follow each other.
  CHECK(wide_forward({256, 1024, 2}).blocks == 16);
}

TEST_CASE("lstm plans: what registers hold shared memory need not") {
  // 256 KB of U in each of 128 blocks, of which 128 KB lie in registers.
  const LstmPlan large = grid_forward_plan({2048, 16, 2}, kHopper);
  CHECK(large.blocks == 128);
  CHECK(large.words == 1024);
  CHECK(large.stride == 512);
  CHECK(large.shared == 64 * 512 * 4 + 8 * 16 * 64 * 4 + 16);
  CHECK(grid_forward_plan({1024, 16, 2}, kHopper).stride == 0);
  CHECK(grid_backward_plan({2048, 16, 2}, kHopper).stride == 4096 - 1024);
  CHECK(forward_share({512, 16, 2}, 2).stride == 0);
  CHECK(forward_share({512, 16, 2}, 4).stride == 256 - 96);
  for (int64_t H = 1; H <= 2112; H += 13)
    for (int per_word : {1, 2})
      for (const LstmPlan& p : {grid_forward_plan({H, 16, per_word}, kHopper), forward_share({H, 16, per_word}, 1),
                                forward_share({H, 16, per_word}, 3)}) {
        CHECK(p.stride % 32 == 0);
        CHECK(p.words % kStretch == 0);
        CHECK(p.words * per_word >= H);
      }
}

TEST_CASE("lstm plans: the grid takes what no cluster holds, and groups of blocks share out the batch") {
  CHECK(widest(2, grid_forward_plan) == 2112);  // a panel for each multiprocessor
  CHECK(widest(1, grid_forward_plan) == 1280);
  CHECK(widest(2, grid_backward_plan) == 2112);
  CHECK(widest(1, grid_backward_plan) == 1120);
  CHECK(grid_forward_plan({1024, 16, 2}, kHopper).blocks == 64);
  CHECK(grid_forward_plan({1024, 16, 2}, kHopper).groups == 1);
  CHECK(grid_forward_plan({1024, 64, 2}, kHopper).groups == 2);
  CHECK(grid_backward_plan({512, 256, 2}, kHopper).groups == 4);
  // Not more blocks than multiprocessors, for all of them must run at once.
  for (int64_t H = 16; H <= 2048; H += 16)
    for (int64_t B : {1, 64, 1000})
      for (const LstmPlan& p : {grid_forward_plan({H, B, 2}, {1, 40, kHopper.shared}),
                                grid_backward_plan({H, B, 2}, {1, 40, kHopper.shared})})
        CHECK(p.blocks * p.groups <= 40);
}

TEST_CASE("lstm plans: what is handed over back in time takes no more memory for a longer sequence") {
  const LstmShape s = {768, 16, 2};
  const LstmPlan p = grid_backward_plan(s, kHopper);
  CHECK(backward_wire(s, p, 1024) * 4 ==
        32 * 16 * 4 * 768 * 2);  // 3 MB; in places of its own each step's would take 100 MB
  CHECK(backward_wire(s, p, 1024) == backward_wire(s, p, 32));
  CHECK(backward_wire(s, p, 5) == 5 * 16 * p.words);
}
