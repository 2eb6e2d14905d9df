// Exchanges of several processes, as groups within this one: the same sums for any number of them, failures, and the missing.
#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "gatecell/ranks.h"
#include "lab.h"
#include "local_transport.h"
#include "ranks/group.h"

using namespace lab;

namespace {
constexpr int kShards = 8;
constexpr int64_t kFloats = (1 << 20) + 16 * 1237;  // more than a bucket, and not a multiple of it

// A store with one parameter, whose memory is its own.
struct OwnStore {
  std::vector<float> memory[4];
  gc_store* store = nullptr;
  OwnStore() {
    for (std::vector<float>& one : memory) one.resize(static_cast<size_t>(kFloats));
    const gc_param param = {0, 1, {static_cast<int32_t>(kFloats), 1}};
    REQUIRE(gc_store_create(&param, 1, kFloats, memory[0].data(), memory[1].data(), memory[2].data(), memory[3].data(),
                            &store) == GC_OK);
  }
  ~OwnStore() { gc_store_destroy(store); }
  float* grad() { return memory[1].data(); }
};

// Fills the gradient of a shard. The sizes differ so much that another order of the sums gives other bits.
void shard_gradient(float* grad, int shard) {
  for (int64_t i = 0; i < kFloats; ++i)
    grad[i] = static_cast<float>((i * 7919 + shard * 104729) % 2003 - 1001) * (shard % 3 == 0 ? 1e-4f : 1.7f);
}

double count_of(int shard) { return shard == 5 ? 0 : shard + 1; }

void add_shards(OwnStore& own, int first, int count) {
  for (int place = 0; place < count; ++place) {
    shard_gradient(own.grad(), first + place);
    if (count_of(first + place) == 0) REQUIRE(gc_store_skip_shard(own.store, place) == GC_OK);
    else REQUIRE(gatecell::add_shard(*own.store, place, count_of(first + place), 2) == GC_OK);
  }
}

double total() {
  double sum = 0;
  for (int shard = 0; shard < kShards; ++shard) sum += count_of(shard);
  return sum;
}

using Work = std::function<void(gatecell::Group&, int)>;

// Runs `work` in each of `size` processes and returns the number of those that have finished their transport.
int together(int size, double silence, const Work& work) {
  auto mail = std::make_shared<Mail>(size);
  static const std::atomic<bool> never{false};
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank)
    threads.emplace_back([&, rank] {
      gatecell::Group group(std::make_unique<LocalTransport>(mail, rank), silence, never);
      work(group, rank);
    });
  for (std::thread& one : threads) one.join();
  return mail->finished;
}
}  // namespace

TEST_CASE("the sum of shards is the same bits for any number of processes, and near the exact one") {
  OwnStore one;
  add_shards(one, 0, kShards);
  gatecell::take_shards(*one.store, 0, kFloats, total());
  Floats gradient(static_cast<size_t>(kFloats));
  Doubles exact(4, 0);
  for (int shard = 0; shard < kShards; ++shard) {
    shard_gradient(gradient.data(), shard);
    for (size_t i = 0; i < 4; ++i) exact[i] += count_of(shard) * static_cast<double>(gradient[i * 1000]) / total();
  }
  for (size_t i = 0; i < 4; ++i)
    CHECK(static_cast<double>(one.grad()[i * 1000]) == doctest::Approx(exact[i]).epsilon(1e-5));
  for (int size : {2, 4, 8}) {
    std::atomic<int> different{0};
    const int finished = together(size, 30, [&](gatecell::Group& group, int rank) {
      OwnStore own;
      for (int step = 0; step < 2; ++step) {  // the memory of the first sum is used again
        add_shards(own, rank * kShards / size, kShards / size);
        if (group.reduce(*own.store, total()) != GC_OK) ++different;
      }
      different += memcmp(own.grad(), one.grad(), static_cast<size_t>(kFloats) * 4) != 0;
      if (group.leave() != GC_OK) ++different;
    });
    CHECK(different == 0);
    CHECK(finished == size);
  }
}

TEST_CASE("the places of shards follow each other, and a total of zero gives zeros") {
  OwnStore own;
  CHECK(gc_ranks_reduce(own.store, 1) == GC_INVALID_ARGUMENT);  // no shard
  CHECK(gc_store_skip_shard(own.store, 1) == GC_INVALID_ARGUMENT);
  CHECK(gc_store_skip_shard(own.store, 0) == GC_OK);
  CHECK(gc_store_skip_shard(own.store, 2) == GC_INVALID_ARGUMENT);
  CHECK(gatecell::add_shard(*own.store, NAN, 1, 1) == GC_INVALID_ARGUMENT);
  CHECK(gc_store_skip_shard(own.store, 1) == GC_OK);
  own.grad()[3] = 5;
  CHECK(gc_ranks_reduce(own.store, 0) == GC_OK);
  CHECK(own.grad()[3] == 0);
  uint64_t before, after;
  REQUIRE(gc_store_hash(own.store, &before) == GC_OK);
  own.memory[0].back() = -0.0f;
  REQUIRE(gc_store_hash(own.store, &after) == GC_OK);
  CHECK(before != after);
}

TEST_CASE("parts of any size reach all processes") {
  std::atomic<int> wrong{0};
  together(5, 30, [&](gatecell::Group& group, int rank) {
    for (int64_t bytes : {1, 24, 100000}) {
      std::vector<char> all(static_cast<size_t>(5 * bytes));
      std::fill_n(all.begin() + rank * bytes, bytes, static_cast<char>(rank + bytes));
      if (group.gather(all.data(), bytes) != GC_OK) ++wrong;
      for (int64_t i = 0; i < 5 * bytes; ++i)
        wrong += all[static_cast<size_t>(i)] != static_cast<char>(i / bytes + bytes);
    }
    if (group.leave() != GC_OK) ++wrong;
  });
  CHECK(wrong == 0);
}

TEST_CASE(
    "a silent process is named; one that fails, leaves or makes another exchange ends the others with a sentence") {
  const auto messages = [](const Work& work, double silence) {
    std::vector<std::string> found(3);
    std::atomic<int> ended{0};
    together(3, silence, [&](gatecell::Group& group, int rank) {
      work(group, rank);
      char buffer[24] = {};
      // Rank 1 is the one that differs.
      if (rank != 1 && group.gather(buffer, 8) != GC_OK) found[static_cast<size_t>(rank)] = gc_last_error();
      ++ended;
      while (ended < 3) std::this_thread::yield();
    });
    return found;
  };
  for (const std::string& silent : {messages([](gatecell::Group&, int) {}, 0.3)[0]})
    CHECK(silent.find("sign of life from rank 1 within 0.3 s") != std::string::npos);
  const Work fails = [](gatecell::Group& group, int rank) {
    int32_t told;
    if (rank == 1) CHECK(group.fail_all("the disk is full", &told) == GC_OK);
  };
  for (int rank : {0, 2}) CHECK(messages(fails, 30)[static_cast<size_t>(rank)] == "rank 1: the disk is full");
  const Work differs = [](gatecell::Group& group, int rank) {
    char buffer[48] = {};
    if (rank == 1) CHECK(group.gather(buffer, 16) == GC_RANKS);
  };
  CHECK(messages(differs, 2)[2].find("the same exchange in all processes") != std::string::npos);
}

TEST_CASE("a library that is not there, and one without MPI") {
  gc_mpi mpi;
  CHECK(gc_mpi_open("no-such-library.so", &mpi) == GC_UNSUPPORTED);
  CHECK(std::string(gc_last_error()).find("no-such-library.so") != std::string::npos);
  CHECK(gc_mpi_open("libm.so.6", &mpi) == GC_UNSUPPORTED);
  CHECK(gc_ranks_size() == 1);
  CHECK(gc_ranks_alive() == GC_OK);
  CHECK(gc_ranks_leave() == GC_OK);
}
