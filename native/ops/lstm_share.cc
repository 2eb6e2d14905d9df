// lstm_share.cc: distribution of the LSTM layer to the threads of a team, by rows of the batch or by hidden units, and gate buffers per thread.
#include <algorithm>

#include "lstm.h"

namespace gatecell {
namespace {
// Returns whether each thread of a team has a gate buffer of its own (see lstm_own_gates).
bool owns_gates(const Lstm& s, int team) {
  return team > 1 && team <= s.B && !s.keep && !s.rows.has_lengths && !s.norm && lstm_split(s, team) == Split::kRows;
}

// Returns the floats of one thread's gate buffer, with a page of distance to the next one.
int64_t own_gate_floats(const Lstm& s, int team) {
  return s.panels * s.chunk * ((s.B + team - 1) / team) * 64 + 4096 / 4;
}
}  // namespace

int64_t lstm_gate_bytes(const Lstm& s, int threads) {
  int64_t floats = s.panels * s.panel_stride;
  for (int team = 2; team <= threads; ++team)
    if (owns_gates(s, team)) floats = std::max(floats, team * own_gate_floats(s, team));
  return floats * 4;
}

Split lstm_split(const Lstm& s, int team) {
  // With few rows per thread, each thread would read all of U at every step for little work. Then each thread has a part of U instead.
  const int64_t rows = s.rows.mean() / team;
  if (team == 1 || s.whole_rows()) return Split::kRows;
  return rows >= 8 || (rows >= 1 && s.panels < 2 * team) ? Split::kRows : Split::kPanels;
}

int lstm_team(const Plan& plan, const Lstm& s, double flops) {
  // The time of a product of one or two rows is that of reading its weights, which is about twice that of its arithmetic.
  const double wait = s.rows.mean() <= 2 ? 2 : 1;
  const int team = plan.team(wait * flops);
  if (lstm_split(s, team) == Split::kRows || s.T == 1) return team;
  // A barrier in every step.
  return plan.team(2.0 * static_cast<double>(64 / s.units * s.rows.mean() * s.H * s.H));
}

Share lstm_share(const Lstm& s, int index, int team) {
  if (lstm_split(s, team) == Split::kRows) return {s.rows.owned(index, team), {0, s.panels}};
  return {{0, s.B}, share(s.panels, index, team)};
}

void lstm_own_gates(Lstm& part, const Share& mine, int index, int team) {
  if (!owns_gates(part, team)) return;
  part.gates += index * own_gate_floats(part, team);
  part.panel_stride = part.chunk * (mine.rows.end - mine.rows.begin) * 64;
  part.gate_own = mine.rows;
}
}  // namespace gatecell
