// Carried states on the device, by the rules of the processor: the order of the carries does not matter, and refused steps change
// neither states nor parameters nor moments.
#include "twins.h"

using namespace lab;

namespace {
// y = tanh(x), which goes to `first`, which goes to `second`; two more states change places; ids run through a delay line of
// their own. The widths are padded on the device, so that the distances between rows differ from those on the host.
struct Delay {
  int x, first, second, left, right, ids, id_first, id_second, y, sum;
  Delay(Graph& g, bool forwards) {
    const Dims dims = {3, 21};
    x = g.host(dims), first = g.host(dims), second = g.host(dims);
    left = g.host(dims, Floats(63, 1)), right = g.host(dims, Floats(63, 2));
    ids = g.ids({5}), id_first = g.ids({5}), id_second = g.ids({5});
    y = g.out(GC_OP_TANH, {x}, dims);
    sum = g.out(GC_OP_ADD, {first, second}, dims);
    const int reversed = g.op(GC_OP_FLIP, {ids}, {5}, {}, false, GC_I32);
    g.out(GC_OP_ADD, {left, right}, dims);
    const std::vector<std::pair<int, int>> carries = {{y, first},    {first, second},      {left, right},
                                                      {right, left}, {reversed, id_first}, {id_first, id_second}};
    for (size_t i = 0; i < carries.size(); ++i) {
      const auto& [from, to] = carries[forwards ? i : carries.size() - 1 - i];
      g.carry(from, to);
    }
  }
};

// Weights, moments and states of a plan on either side.
std::vector<Floats> everything(Graph& g, const std::vector<int>& states) {
  REQUIRE(gc_plan_fetch_states(g.plan()) == GC_OK);
  std::vector<Floats> all;
  for (int id : states) all.push_back(g.value(id));
  for (int32_t group : {0, 2, 3, 4}) {
    all.emplace_back(static_cast<size_t>(g.store()->arena_floats));
    REQUIRE(gc_store_copy(g.store(), group, all.back().data(), g.store()->arena_floats) == GC_OK);
  }
  return all;
}

std::string first_change(const std::vector<Floats>& before, const std::vector<Floats>& after) {
  for (size_t i = 0; i < before.size(); ++i)
    if (const std::string wrong = difference(after[i], before[i]); !wrong.empty())
      return "array " + std::to_string(i) + ", " + wrong;
  return "";
}
}  // namespace

TEST_CASE("cuda carries: all sources are read before any target is written, whatever their order") {
  for (bool forwards : {true, false}) {
    for (bool fetches : {true, false}) {
      CAPTURE(forwards);
      CAPTURE(fetches);
      Graph cpu, device;
      device.device = GC_CUDA;
      const Delay a(cpu, forwards), b(device, forwards);
      cpu.compile(), device.compile();
      std::vector<Floats> ys(2, Floats(63, 0));
      std::vector<Ids> reversed(2, Ids(5, 0));
      Random random(71);
      for (int run = 0; run < 4; ++run) {
        const Floats x = random.floats(63);
        const Ids ids = random.ids(5, 1, 1000);
        for (Graph* g : {&cpu, &device}) {
          g->set(a.x, x);
          std::copy(ids.begin(), ids.end(), g->id_data(a.ids));
          g->run();
        }
        Floats sum = ys[ys.size() - 1];
        for (size_t i = 0; i < sum.size(); ++i) sum[i] += ys[ys.size() - 2][i];
        CHECK(difference(device.value(b.sum), sum) == "");
        ys.push_back(device.value(b.y));
        reversed.emplace_back(ids.rbegin(), ids.rend());
        if (!fetches && run < 3) continue;
        REQUIRE(gc_plan_fetch_states(device.plan()) == GC_OK);
        CHECK(difference(device.value(b.first), ys[ys.size() - 1]) == "");
        CHECK(difference(device.value(b.second), ys[ys.size() - 2]) == "");
        CHECK(device.value(b.left) == Floats(63, run % 2 == 0 ? 2 : 1));
        CHECK(device.value(b.right) == Floats(63, run % 2 == 0 ? 1 : 2));
        CHECK(device.id_value(b.id_first) == reversed[reversed.size() - 1]);
        CHECK(device.id_value(b.id_second) == reversed[reversed.size() - 2]);
        for (int id : {a.first, a.second, a.left, a.right}) CHECK(difference(device.value(id), cpu.value(id)) == "");
        for (int id : {a.id_first, a.id_second}) CHECK(device.id_value(id) == cpu.id_value(id));
      }
    }
  }
}

TEST_CASE("cuda carries: a refused step changes neither states nor parameters nor moments, as on the processor") {
  for (int refused : {0, 1, 2}) {  // the number of the step that is refused
    for (float bad : {INFINITY, NAN}) {
      CAPTURE(refused);
      CAPTURE(bad);
      std::vector<Floats> ends[2];
      for (int side : {0, 1}) {
        CAPTURE(side);
        Graph g;
        g.device = side == 0 ? GC_CPU : GC_CUDA;
        Random random(72);
        const int w = g.param({21}, random.floats(21)), x = g.host({3, 21}, random.floats(63)),
                  first = g.host({3, 21}, random.floats(63)), second = g.host({3, 21}, random.floats(63)),
                  target = g.host({3, 21}, random.floats(63));
        const int moved = g.op(GC_OP_ADD, {first, second}, {3, 21});
        const int y = g.op(GC_OP_TANH, {g.op(GC_OP_ADD, {g.op(GC_OP_MUL, {x, w}, {3, 21}), moved}, {3, 21})}, {3, 21});
        const int loss = g.out(GC_OP_MEAN_SQUARE, {y, target}, {2});
        g.carry(first, second), g.carry(y, first);
        g.compile(loss, GC_AMSGRAD);
        g.control[GC_C_LEARNING_RATE] = 0.1, g.control[GC_C_BETA1] = 0.9, g.control[GC_C_BETA2] = 0.99;
        g.control[GC_C_EPSILON] = 1e-8;
        for (int step = 0; step < 3; ++step) {
          g.control[GC_C_STEP] = step;
          const std::vector<Floats> before = everything(g, {first, second});
          const float good = g.data(target)[7];
          if (step == refused) g.data(target)[7] = bad;
          g.run(GC_TRAIN);
          g.data(target)[7] = good;
          CHECK(g.control[GC_C_APPLIED] == (step == refused ? 0 : 1));
          CHECK(first_change(before, everything(g, {first, second})).empty() == (step == refused));
        }
        // Without an update nothing is refused: the states are carried for any value of the loss.
        g.data(target)[7] = bad;
        const std::vector<Floats> before = everything(g, {first, second});
        g.run(GC_GRADIENT);
        ends[side] = everything(g, {first, second});
        CHECK(difference(ends[side][1], before[0]) == "");
        CHECK(difference(ends[side][0], before[0]) != "");
      }
      for (size_t i = 0; i < ends[0].size(); ++i) CHECK(error(ends[1][i], ends[0][i]) < 1e-5);
    }
  }
}
