// The LSTM cell of one panel of 16 hidden units, forward and backward.
#include "tables.h"

namespace bench {
namespace {

void count_cells(benchmark::State& state, int64_t rows) {
  state.counters["cells"] =
      benchmark::Counter(static_cast<double>(rows * 16), benchmark::Counter::kIsIterationInvariantRate);
}

void forward(benchmark::State& state, const gc_kernels& table, int64_t rows) {
  const auto gates = floats(rows * 64), before = floats(rows * 16), after = floats(rows * 16), h = floats(rows * 16);
  gc_cell cell = {};
  cell.gates = gates.get();
  cell.c_prev = before.get();
  cell.c = after.get();
  cell.h = h.get();
  cell.state_row = 16;
  cell.h_row = 16;
  cell.rows = rows;
  for (auto _ : state) {
    table.cell_forward[0](&cell);
    benchmark::ClobberMemory();
  }
  count_cells(state, rows);
}

void backward(benchmark::State& state, const gc_kernels& table, int64_t rows) {
  const auto gates = floats(rows * 64), before = floats(rows * 16), after = floats(rows * 16);
  const auto dy = floats(rows * 16), dh = floats(rows * 16), dc = floats(rows * 16);
  gc_cell_backward cell = {};
  cell.gates = gates.get();
  cell.c_prev = before.get();
  cell.c = after.get();
  cell.dy = dy.get();
  cell.dh = dh.get();
  cell.dc = dc.get();
  cell.state_row = cell.dy_row = cell.dh_row = cell.dc_row = 16;
  cell.rows = rows;
  for (auto _ : state) {
    table.cell_backward[0](&cell);
    benchmark::ClobberMemory();
  }
  count_cells(state, rows);
}
}  // namespace

void register_cells() {
  for (const gc_kernels* table : tables()) {
    for (const int64_t rows : {1, 32}) {
      add("cell_forward", table->name, std::to_string(rows),
          [=](benchmark::State& state) { forward(state, *table, rows); });
      add("cell_backward", table->name, std::to_string(rows),
          [=](benchmark::State& state) { backward(state, *table, rows); });
    }
  }
}
}  // namespace bench
