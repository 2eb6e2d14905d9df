// The whole LSTM op, forward and back: the bits of the float reference for any thread count, and near the double reference.
#include "lstm_lab.h"

using namespace lab;

TEST_SUITE("threads") {
  // 20 rows over 2 threads: the batch is split; 1 row over many, or 7 over 4 with many panels: the hidden units are.
  TEST_CASE("lstm: the bits of the float reference with 1 to 4 threads") {
    for (int32_t H : {5, 16, 33, 64}) {
      for (int32_t B : {1, 2, 3, 7, 20}) check_bits({H == 64 ? 2 : 3, B, 9, H}, {1, 2, 3, 4});
    }
    check_bits({1, 20, 64, 64}, {2, 4});
    check_bits({7, 7, 40, 130}, {4});
    check_bits({9, 40, 64, 64, true}, {2, 3, 4});
    check_bits({9, 3, 64, 100, true}, {2, 3});
    check_bits({9, 5, 64, 40, true}, {2, 3});
  }
}

TEST_CASE("lstm: the bits of the float reference for lengths, directions, with and without biases and states") {
  for (int32_t T = 1; T <= 7; ++T)
    for (int mode = 0; mode < 8; ++mode)
      check_bits({T, 1 + T % 3, 1 + T * 5, mode % 2 ? 17 : 6, (mode & 1) != 0, (mode & 2) != 0, (mode & 4) != 0},
                 {1, 2});
}

TEST_CASE("lstm: chains longer than a cache block keep their order") {
  check_bits({60, 20, 3, 18}, {1, 3});        // each weight gradient is a sum over 1200 rows
  check_bits({2, 3, 1100, 5}, {1, 2});        // 1100 inputs
  check_bits({2, 200, 5, 20, true}, {1, 2});  // more rows than one block of A
}

TEST_CASE("lstm: float stays near double, forward and back") {
  std::vector<Shape> shapes = {{7, 3, 9, 33}, {12, 5, 20, 64, true}, {30, 2, 8, 16, false, false, false}};
  for (int variant : variant_sets()) shapes.push_back({6, 5, 9, 19, variant % 3 == 1, true, true, variant});
  for (const Shape& s : form_shapes(6, 5, 9, 19)) shapes.push_back(s);
  for (const Shape& s : shapes) {
    const Reference values = make(s, 13);
    const Floats targets = targets_for(s, 14);
    Exact exact = widened(values);
    exact.forward();
    set_gradients(exact, targets);
    exact.backward();
    Run run(s, values, targets, 2);
    each_result(run, exact, s, [&](const char* name, const Floats& got, const Doubles& expected) {
      CAPTURE(text(s));
      CAPTURE(name);
      CHECK(error(got, expected, 1e-6) < (s.has(kNorm) ? 3e-5 : 3e-6));  // 1 / deviation magnifies roundings
    });
  }
}

TEST_CASE("lstm: bf16 products stay within their rounding of double, with the same bits for any thread count") {
  std::vector<Shape> shapes = {{6, 3, 9, 33}, {5, 20, 24, 64, true}};
  for (int variant : variant_sets())
    if (!(variant & kNorm)) shapes.push_back({5, 6, 9, 18, variant % 3 == 1, true, true, variant});
  for (int form : {0, 1, 3}) shapes.push_back({5, 6, 9, 18, form == 1, true, true, kLengths, form});
  for (const Shape& s : shapes) {
    const Reference values = make(s, 15);
    const Floats targets = targets_for(s, 16);
    Exact exact = widened(values);
    exact.forward();
    set_gradients(exact, targets);
    exact.backward();
    Run one(s, values, targets, 1, GC_BF16), three(s, values, targets, 3, GC_BF16);
    each_result(one, exact, s, [&](const char* name, const Floats& got, const Doubles& expected) {
      CAPTURE(name);
      CHECK(error(got, expected, 1e-6) < 3e-2);
    });
    Reference shape_only = values;  // the second run's results against the first's
    shape_only.y = one.graph.value(one.y), shape_only.hT = one.graph.value(one.hT),
    shape_only.cT = one.graph.value(one.cT);
    shape_only.dx = one.graph.grad(one.x), shape_only.dw_ih = one.graph.grad(one.w_ih),
    shape_only.dw_hh = one.graph.grad(one.w_hh);
    shape_only.db = one.graph.grad(one.b_ih), shape_only.dh0 = one.graph.grad(one.h0),
    shape_only.dc0 = one.graph.grad(one.c0);
    if (s.has(kPeepholes)) shape_only.dpeephole = one.graph.grad(one.peephole);
    if (s.has(kProjection)) shape_only.dw_hr = one.graph.grad(one.w_hr);
    each_result(three, shape_only, s, [&](const char* name, const Floats& got, const Floats& expected) {
      CAPTURE(name);
      CHECK(difference(got, expected) == "");
    });
  }
}

TEST_CASE("lstm: the double reference's gradient is what finite differences find") {
  std::vector<Shape> shapes = {{3, 2, 4, 5}, {3, 2, 4, 5, true}};
  for (int variant : variant_sets()) shapes.push_back({3, 3, 2, 4, variant % 2 == 1, true, true, variant});
  for (const Shape& s : form_shapes(3, 3, 2, 4)) shapes.push_back(s);
  for (const Shape& s : shapes) {
    CAPTURE(text(s));
    const Reference values = make(s, 17);
    const Floats targets = targets_for(s, 18);
    const auto loss_of = [&](Exact e) {
      e.forward();
      double sum = 0;
      size_t i = 0;
      for (const auto* part : {&e.y, &e.hT, &e.cT})
        for (double v : *part)
          sum += (v - static_cast<double>(targets[i])) * (v - static_cast<double>(targets[i])), ++i;
      return sum / static_cast<double>(targets.size());
    };
    Exact exact = widened(values);
    exact.forward();
    // In double, without the float rounding of 2 / n that the engine's loss has.
    const double scale = 2.0 / static_cast<double>(targets.size());
    set_gradients(exact, targets);
    CHECK(std::fabs(exact.dy[0] - scale * (exact.y[0] - static_cast<double>(targets[0]))) < 1e-15);
    exact.backward();
    using Member = std::vector<double> Exact::*;
    const std::pair<Member, Member> pairs[] = {{&Exact::x, &Exact::dx},
                                               {&Exact::w_ih, &Exact::dw_ih},
                                               {&Exact::w_hh, &Exact::dw_hh},
                                               {&Exact::b_ih, &Exact::db},
                                               {&Exact::b_hh, &Exact::db},
                                               {&Exact::h0, &Exact::dh0},
                                               {&Exact::c0, &Exact::dc0},
                                               {&Exact::peephole, &Exact::dpeephole},
                                               {&Exact::w_hr, &Exact::dw_hr},
                                               {&Exact::gain_ih, &Exact::dgain_ih},
                                               {&Exact::gain_hh, &Exact::dgain_hh},
                                               {&Exact::gain_c, &Exact::dgain_c},
                                               {&Exact::bias_c, &Exact::dbias_c}};
    for (const auto& [value, gradient] : pairs) {
      Doubles found;
      for (size_t i = 0; i < (exact.*value).size(); ++i) {
        const double h = 1e-5;
        Exact up = exact, down = exact;
        (up.*value)[i] += h, (down.*value)[i] -= h;
        found.push_back((loss_of(up) - loss_of(down)) / (2 * h));
      }
      if (found.empty()) continue;
      CHECK(error(found, exact.*gradient, 1e-6) < 1e-6);
    }
  }
}
