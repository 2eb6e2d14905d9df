// How U is shared out over blocks: arithmetic that needs no device.
#include <doctest/doctest.h>

#include <initializer_list>

#include "cuda/kernels/lstm_plan.h"

using namespace gatecell::cuda;

namespace {
constexpr LstmDevice kHopper = {8, 132, 227 * 1024};

// Every plan's figures hold together.
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
        for (const LstmPlan& p : {cluster_forward_plan(s, kHopper), cluster_backward_plan(s, kHopper),
                                  grid_forward_plan(s, kHopper), grid_backward_plan(s, kHopper)})
          if (p.blocks > 0) check_plan(s, p);
      }
}

TEST_CASE("lstm plans: what fits a cluster of eight blocks, either way of the recurrence") {
  const auto widest = [](int per_word, auto plan) {
    int64_t most = 0;
    for (int64_t H = 16; H <= 2048; H += 16)
      if (plan(LstmShape{H, 16, per_word}, kHopper).blocks > 0) most = H;
    return most;
  };
  CHECK(widest(2, cluster_forward_plan) == 384);
  CHECK(widest(1, cluster_forward_plan) == 256);
  CHECK(widest(2, cluster_backward_plan) == 384);
  CHECK(widest(1, cluster_backward_plan) == 256);
}

TEST_CASE("lstm plans: a wide batch takes narrower clusters, so that all slices run at once") {
  const LstmShape few = {128, 16, 2}, many = {128, 16 * 64, 2};
  CHECK(cluster_forward_plan(few, kHopper).blocks == 8);
  CHECK(cluster_forward_plan(many, kHopper).blocks == 2);
  CHECK(cluster_backward_plan(many, kHopper).blocks == 2);
  CHECK(cluster_forward_plan(few, {1, 132, kHopper.shared}).blocks == 0);  // 8 panels: more than one block holds
}

TEST_CASE("lstm plans: the grid takes what no cluster holds, and groups of blocks share out the batch") {
  const auto widest = [](int per_word, auto plan) {
    int64_t most = 0;
    for (int64_t H = 16; H <= 2112; H += 16)
      if (plan(LstmShape{H, 16, per_word}, kHopper).blocks > 0) most = H;
    return most;
  };
  CHECK(widest(2, grid_forward_plan) == 1536);
  CHECK(widest(1, grid_forward_plan) == 768);
  CHECK(widest(2, grid_backward_plan) == 1744);
  CHECK(widest(1, grid_backward_plan) == 864);
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
