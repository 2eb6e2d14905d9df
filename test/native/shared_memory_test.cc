// Packed weights that several stores share: one copy for equal weights, an own one after a change, and files that are never trusted.
// ThreadSanitizer runs the cases of the suite "threads", too.
#include "core/shared_memory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <thread>

#include "core/hash.h"
#include "core/store.h"
#include "lab.h"

using namespace gatecell;
using namespace lab;
namespace fs = std::filesystem;

namespace {
// A network for inference; all of one seed have the same weights.
struct Network {
  Graph g;
  int w_hh, y;
  explicit Network(uint64_t seed = 5, int32_t precision = GC_FLOAT) {
    Random random(seed), places(1);
    g.inference = true, g.threads = 2, g.precision = precision;
    const int table = g.param({11, 24}, random.floats(11 * 24)), ids = g.ids({3, 4}, places.ids(12, 0, 11));
    const int w_ih = g.param({4 * 72, 24}, random.floats(4 * 72 * 24, 0.3));
    w_hh = g.param({4 * 72, 72}, random.floats(4 * 72 * 72, 0.3));
    const int b = g.param({4 * 72}, random.floats(4 * 72));
    const int x = g.op(GC_OP_EMBEDDING, {table, ids}, {3, 4, 24});
    y = g.out(GC_OP_LSTM, {x, w_ih, w_hh, b}, {3, 4, 72}, {0});
    g.compile();
  }
  Floats outcome() {
    g.run();
    return g.value(y);
  }
  gc_status share(const char* folder = nullptr) { return gc_store_share(g.store(), folder); }
  int64_t shared() { return gc_store_shared_bytes(g.store()); }
  const float* pack(int id) { return g.store()->packs[id]->data(); }
};

// An empty folder that is removed at the end.
struct Folder {
  std::string path;
  Folder() {
    char name[] = "/tmp/gatecell-shared-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    path = name;
  }
  ~Folder() { fs::remove_all(path); }
  std::vector<fs::path> files() const {
    std::vector<fs::path> all;
    for (const auto& entry : fs::directory_iterator(path)) all.push_back(entry.path());
    return all;
  }
};

// Changes one byte of a file.
void flip(const fs::path& path, int64_t at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(at);
  const char byte = static_cast<char>(file.get());
  file.seekp(at);
  file.put(static_cast<char>(byte ^ 1));
}
}  // namespace

TEST_CASE("shared memory: XXH64 has the checksums of its specification") {
  CHECK(hash_bytes("", 0, 0) == 0xEF46DB3751D8E999u);
  CHECK(hash_bytes("a", 1, 0) == 0xD24EC4F1A98C6E5Bu);
  CHECK(hash_bytes("abc", 3, 0) == 0x44BC2CF5AD770999u);
  CHECK(hash_bytes("Nobody inspects the spammish repetition", 39, 0) == 0xFBCEA83C8A378BF1u);
}

TEST_CASE("shared memory: equal weights have one packed copy, changed ones their own") {
  for (const int32_t precision : {GC_FLOAT, GC_BF16, GC_INT8}) {
    CAPTURE(precision);
    const Floats expected = Network(5, precision).outcome();
    Network a(5, precision), b(5, precision), other(6, precision);
    for (Network* n : {&a, &b, &other}) REQUIRE(n->share() == GC_OK);
    for (Network* n : {&a, &b}) CHECK(difference(n->outcome(), expected) == "");
    const Floats others = other.outcome();
    CHECK(a.shared() > 0);
    CHECK(a.shared() == b.shared());
    for (int i = 0; i < a.g.store()->packs.size(); ++i) {
      CHECK(a.pack(i) == b.pack(i));
      CHECK(a.pack(i) != other.pack(i));
    }
    // b gets the weights of another network: a keeps those that they shared, and b shares with the other one.
    for (const int id : {0, 2, 3, 4}) b.g.set(id, other.g.value(id));
    CHECK(difference(b.outcome(), others) == "");
    CHECK(difference(a.outcome(), expected) == "");
    for (int i = 0; i < a.g.store()->packs.size(); ++i) {
      CHECK(b.pack(i) != a.pack(i));
      CHECK(b.pack(i) == other.pack(i));
    }
    b.g.set(b.w_hh, a.g.value(a.w_hh));
    b.outcome();
    CHECK(difference(a.outcome(), expected) == "");
    CHECK(difference(other.outcome(), others) == "");
  }
}

TEST_CASE("shared memory: packs that exist are shared at once, and gradients refuse") {
  Network a, b;
  const Floats expected = a.outcome();
  CHECK(a.shared() == 0);
  REQUIRE(a.share() == GC_OK);
  CHECK(a.shared() > 0);
  const int64_t own = gc_store_bytes(a.g.store());
  b.outcome();
  REQUIRE(b.share() == GC_OK);
  CHECK(b.pack(0) == a.pack(0));
  CHECK(gc_store_bytes(b.g.store()) == own);
  CHECK(difference(b.outcome(), expected) == "");
  Graph trains;
  trains.out(GC_OP_LINEAR, {trains.host({1, 2}), trains.param({2, 2}, {1, 2, 3, 4}), Graph::none}, {1, 2});
  trains.compile();
  CHECK(gc_store_share(trains.store(), nullptr) == GC_INVALID_ARGUMENT);
}

TEST_CASE("shared memory: files hold the packs, and a damaged or foreign one is replaced") {
  for (const int32_t precision : {GC_FLOAT, GC_BF16, GC_INT8}) {
    CAPTURE(precision);
    Folder folder;
    const Floats expected = Network(5, precision).outcome();
    const auto run = [&] {
      Network n(5, precision);
      REQUIRE(n.share(folder.path.c_str()) == GC_OK);
      CHECK(difference(n.outcome(), expected) == "");
      CHECK(n.shared() > 0);
    };
    run();
    const auto files = folder.files();
    CHECK(files.size() >= 3);
    for (const fs::path& file : files) {
      struct stat info;
      REQUIRE(stat(file.c_str(), &info) == 0);
      CHECK((info.st_mode & 077) == 0);
      const int64_t size = info.st_size;
      const std::function<void()> damages[] = {
          [&] { flip(file, 3); },                         // the magic
          [&] { flip(file, 24); },                        // the version
          [&] { flip(file, 4096 + (size - 4096) / 2); },  // the weights
          [&] { flip(file, size - 1); },
          [&] { fs::resize_file(file, static_cast<uintmax_t>(size - 1)); },
          [&] { fs::resize_file(file, static_cast<uintmax_t>(size + 4096)); },
          [&] { fs::resize_file(file, 0); },
          [&] { REQUIRE(chmod(file.c_str(), 0666) == 0); },
          [&] { fs::remove(file), fs::create_symlink("/dev/zero", file); },
          [&] { REQUIRE((fs::remove(file) && mkfifo(file.c_str(), 0600) == 0)); },
      };
      for (const auto& damage : damages) {
        damage();
        run();
        CHECK(folder.files().size() == files.size());
        REQUIRE(lstat(file.c_str(), &info) == 0);
        CHECK(info.st_size == size);
        CHECK(S_ISREG(info.st_mode));
        CHECK((info.st_mode & 077) == 0);
      }
    }
  }
}

TEST_CASE("shared memory: folders that others can write to, and those that vanish") {
  Folder folder;
  Network n;
  REQUIRE(chmod(folder.path.c_str(), 0777) == 0);
  CHECK(n.share(folder.path.c_str()) == GC_INVALID_ARGUMENT);
  CHECK(n.share("/nowhere/at all") == GC_INVALID_ARGUMENT);
  CHECK(n.share("/dev/null") == GC_INVALID_ARGUMENT);
  REQUIRE(chmod(folder.path.c_str(), 0700) == 0);
  REQUIRE(n.share(folder.path.c_str()) == GC_OK);
  fs::remove_all(folder.path);
  CHECK(gc_plan_run(n.g.plan(), GC_FORWARD) == GC_FILE_WRITE);
  CHECK(std::string(gc_last_error()).find("folder of shared weights") != std::string::npos);
  CHECK(gc_plan_run(n.g.plan(), GC_FORWARD) == GC_FILE_WRITE);
}

TEST_CASE("shared memory: pages of weights are copied when they are written") {
  Folder folder;
  std::shared_ptr<const SharedFolder> opened;
  REQUIRE(SharedFolder::open(folder.path.c_str(), &opened) == GC_OK);
  constexpr int64_t kBytes = 3 << 18;
  Block a, b;
  for (Block* block : {&a, &b}) {
    REQUIRE(block->allocate(kBytes));
    for (int64_t i = 0; i < kBytes / 4; ++i) block->floats()[i] = static_cast<float>(i);
    int64_t shared = 0;
    // The first bytes and the last ones lie on pages of others.
    REQUIRE(share_pages("test", block->data() + 64, kBytes - 128, *opened, &shared) == GC_OK);
    CHECK(shared == kBytes - 2 * 4096);
  }
  CHECK(folder.files().size() == 1);
  a.floats()[kBytes / 8] = -1;
  int64_t wrong = 0;
  for (int64_t i = 0; i < kBytes / 4; ++i) wrong += b.floats()[i] != static_cast<float>(i);
  CHECK(wrong == 0);
  CHECK(a.floats()[kBytes / 8] == -1);
  CHECK(a.floats()[kBytes / 8 + 1] == static_cast<float>(kBytes / 8 + 1));
}

TEST_SUITE("threads") {
  TEST_CASE("threads: stores that open, share and change the same weights at the same time") {
    const Floats first = Network(5).outcome(), second = Network(6).outcome();
    Folder folder;
    std::atomic<int> wrong{0};
    const auto work = [&](bool files) {
      for (int round = 0; round < 4; ++round) {
        Network n(5);
        Network source(6);
        if (n.share(files ? folder.path.c_str() : nullptr) != GC_OK) ++wrong;
        if (difference(n.outcome(), first) != "") ++wrong;
        for (const int id : {0, 2, 3, 4}) n.g.set(id, source.g.value(id));
        if (difference(n.outcome(), second) != "") ++wrong;
      }
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back(work, i % 2 == 0);
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == 0);
    for (const fs::path& file : folder.files()) CHECK(file.extension() == ".packed");
  }
}
