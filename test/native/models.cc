// models.cc: how the models of models.h are put together.
#include "models.h"

namespace lab {
int Model::state(int32_t size, int last) {
  switch (pick(4)) {
    case 0: return Graph::none;
    case 1: return parameter({size}, 0.7);
    case 2: return graph.op(GC_OP_TANH, {parameter({B_, size}, 0.7)}, {B_, size});
    default: break;
  }
  const int start = host_input({B_, size});
  if (last >= 0 && !chance(4)) graph.carry(last, start);
  return start;
}

Layer Model::prepare(Layer l) {
  const int none = Graph::none;
  const int32_t gates = l.gru ? 3 : 4, H = l.H;
  enum { kNothing, kDrops, kProjects, kPeepholes, kZones };
  int variant = pick(l.gru ? 2 : l.norm ? 3 : 5);
  if (variant == kProjects && l.whole) variant = kNothing;
  l.R = variant == kProjects ? 1 + pick(H) : H;
  const auto made = [&](const Dims& dims) { return chance(2) ? result(dims) : graph.internal(dims); };
  const int y = made({T_, B_, l.R}), hT = made({B_, l.R}), cT = l.gru ? none : made({B_, H});
  l.out = {y, hT};
  if (!l.gru) l.out.push_back(cT);
  l.in = {l.x, weights(gates * H, l.I), weights(gates * H, l.R)};
  const double size = 1 / std::sqrt(H);
  for (int i = 0; i < 2; ++i) l.in.push_back(chance(3) ? none : parameter({gates * H}, size));
  l.in.push_back(state(l.R, hT));
  l.in.push_back(l.gru ? none : state(H, cT));
  l.in.push_back(l.lengths);
  if (!l.gru) {
    l.in.push_back(variant == kPeepholes ? parameter({3 * H}, 0.5) : none);
    l.in.push_back(variant == kProjects ? weights(l.R, H) : none);
  }
  for (int32_t width : l.norm ? std::vector<int32_t>{4 * H, 4 * H, H, H} : std::vector<int32_t>())
    l.in.push_back(parameter({width}, 1));
  normalises = normalises || l.norm;
  depth += T_;
  l.attributes = {l.reverse ? 1.0 : 0.0, variant == kDrops ? 0.3 : 0, variant == kZones ? 0.2 : 0,
                  variant == kZones ? 0.1 : 0, static_cast<double>(pick(9))};
  // The reset gate first, or coupled gates.
  if (forms_ && chance(2) && !l.norm && variant != kZones) l.attributes.insert(l.attributes.end(), {0, 1});
  return l;
}

void Model::delay_line(int from, const Dims& dims) {
  const int first = host_input(dims), second = host_input(dims);
  const bool forwards = chance(2);
  if (forwards) graph.carry(from, first);
  graph.carry(first, second);
  if (!forwards) graph.carry(from, first);
  see(emit(GC_OP_TANH, {second}, dims));
}

void Model::use(const Layer& l, bool trained, bool top) {
  if (chance(3)) results.push_back(graph.out(GC_OP_TANH, {l.out[0]}, {T_, B_, l.R}));
  if (chance(3)) delay_line(l.out[1], {B_, l.R});
  if (!trained) return;
  for (size_t i = 1; i < l.out.size(); ++i)
    if (chance(2)) see(l.out[i]);
  if (top) sequences_.push_back(l);
}

void Model::fold() {
  const auto is = [&](const char* name) { return this->is(name, Around::kFold); };
  B_ = 2 + pick(4);  // room for a table of two rows that is half as long as the batch
  const bool tied = is("the table is also the head's weights"), norm = is("layer normalisation");
  const int32_t half = T_ * B_ / 2,
                V = is("a table longer than half of the batch") ? half + 1 + pick(6) : 2 + pick(half - 1);
  const int32_t E = 1 + pick(20), H = tied ? E : norm ? 8 + pick(30) : 1 + pick(40);
  int table = parameter({V, E}, 0.7);
  if (tied) tied_ = table, tokens_ = V;
  if (is("the table is made by an op")) table = graph.op(GC_OP_TANH, {table}, {V, E});
  const Doubles padding = is("the embedding has a padding id") ? Doubles{1.0 + pick(V)} : Doubles();
  const auto embedding = [&] {
    int ids = graph.ids({T_, B_}, random_.ids(T_ * B_, 0, V));
    if (is("ids made by an op")) ids = graph.op(GC_OP_FLIP, {ids}, {T_, B_}, {}, chance(2), GC_I32);
    return graph.op(GC_OP_EMBEDDING, {table, ids}, {T_, B_, E}, padding, is("the embedding is a result"));
  };
  Layer l;
  l.I = E, l.H = H, l.norm = norm, l.gru = is("a GRU reads the embedding"), l.whole = tied;
  l.reverse = chance(2), l.lengths = lengths();
  std::vector<Layer> layers;
  const int x = embedding();
  l.x = is("dropout on the embedding") ? dropout(x, {T_, B_, E}) : x;
  if (is("the embedding is a result")) results.push_back(x);
  if (is("the embedding is carried")) graph.carry(x, host_input({T_, B_, E}));
  layers.push_back(prepare(l));
  if (is("one table under two layers") || is("two layers read the embedding")) {
    if (is("one table under two layers")) l.x = embedding();
    layers.push_back(prepare(l));
  }
  for (const Layer& layer : layers) record(layer);
  const bool holds = case_ < 4;
  const int count = is("one table under two layers") ? 2 : 1;
  trained.folds = holds ? count : 0;
  inferred.folds = holds || is("a table longer than half of the batch") || is("the embedding is the loss") ? count : 0;
  if (is("the embedding is the loss")) {
    loss = x;
    return;
  }
  for (const Layer& layer : layers) use(layer, true, true);
}

int32_t Model::width_of(int32_t I, bool small) {
  if (small) return 1 + pick(3);
  int32_t H = 16;
  while (16.0 * T_ * B_ * H * (H + I) < 4.2e5) ++H;
  return H + pick(16);
}

void Model::directions() {
  const auto is = [&](const char* name) { return this->is(name, Around::kDirections); };
  T_ = 4 + pick(5), B_ = 2 + pick(4);
  const bool embeds = is("each over its own embedding of the same ids"), both = is("both are small");
  const int32_t I = 8 + pick(20), V = 1 + pick(T_ * B_ / 2);
  const int ids = embeds ? graph.ids({T_, B_}, random_.ids(T_ * B_, 0, V)) : Graph::none;
  const auto read = [&] {
    return embeds ? graph.op(GC_OP_EMBEDDING, {parameter({V, I}, 0.7), ids}, {T_, B_, I}) : sequence(I);
  };
  Layer a, b;
  a.x = b.x = read();
  if (embeds || is("different sequences")) b.x = read();
  a.I = b.I = I, a.whole = b.whole = true;
  a.H = width_of(I, is("the first is small") || both);
  b.H = is("the first is small") || is("the second is small") || is("different widths")
            ? width_of(I, !is("the first is small") && !is("different widths"))
            : a.H;
  a.reverse = chance(2), b.reverse = is("one direction twice") ? a.reverse : !a.reverse;
  a.gru = !embeds && chance(3), b.gru = is("an LSTM and a GRU") ? !a.gru : a.gru;
  a.norm = !embeds && !a.gru && a.H >= 8 && chance(6), b.norm = a.norm && !b.gru && b.H >= 8;
  a.lengths = b.lengths = lengths();
  if (is("different lengths")) b.lengths = graph.ids({B_}, some_lengths());
  a = prepare(a), b = prepare(b);
  Layer c = b;
  if (is("a third layer reads the sequence")) c.reverse = a.reverse, c = prepare(c);
  if (is("the second starts with the last state of the first")) b.in[5] = a.out[1];
  record(a);
  if (is("an op between them")) see(emit(GC_OP_TANH, {parameter({B_, 3}, 1)}, {B_, 3}));
  record(b);
  if (is("a third layer reads the sequence")) record(c), use(c, true, true);
  use(a, true, true);
  use(b, !is("the second is not trained"), true);
  trained.folds = inferred.folds = embeds ? 2 : 0;
  trained.pairs = inferred.pairs = case_ < 5 ? 1 : 0;
  trained.pairs_back = trained.pairs - (is("the second is not trained") ? 1 : 0);
  on_device.pairs = case_ < 8 && !embeds ? 1 : 0;
  on_device.pairs_back = on_device.pairs - (is("the second is not trained") ? 1 : 0);
}

void Model::stack() {
  const auto is = [&](const char* name) { return this->is(name, Around::kStack); };
  if (is("one step")) T_ = 1;
  const bool nine = is("nine layers"), state = is("the upper starts with the last state of the lower"),
             late = is("dropout between reversed layers with lengths");
  const size_t count = nine ? 9 : case_ < 4 ? 2 + static_cast<size_t>(pick(2)) : is("two directions above") ? 3 : 2;
  const bool drops = is("dropout between the layers") || late || (case_ == 0 && chance(2));
  const bool reverse = late || chance(2);
  int ends = reverse && drops && !late ? Graph::none : lengths();
  if (late && ends < 0) ends = graph.ids({B_}, some_lengths());
  int32_t I = 1 + pick(12);
  const int32_t H = nine ? 1 + pick(5) : is("layer normalisation") ? 8 + pick(8) : 1 + pick(16);
  int x = sequence(I);
  std::vector<Layer> layers;
  std::vector<std::pair<int, Doubles>> between;  // the dropout under a layer, -1: none
  for (size_t i = 0; i < count; ++i) {
    between.push_back({Graph::none, {}});
    if (i > 0 && !(is("two directions above") && i == 2)) {
      x = layers[i - 1].out[0], I = layers[i - 1].R;
      if (drops) {
        between[i] = {graph.internal({T_, B_, I}), {chance(4) ? 0 : 0.3, chance(2) ? 1.0 : 0.0, 4.0 + pick(4)}};
        x = between[i].first;
      }
    }
    Layer l;
    l.x = x, l.I = I, l.H = H, l.lengths = ends, l.whole = state;
    l.reverse = i > 0 && (is("opposite order of time") || (is("two directions above") && i == 2)) ? !reverse : reverse;
    if (i > 0 && is("different lengths")) l.lengths = graph.ids({B_}, some_lengths());
    l.norm = is("layer normalisation") && (i == 1 || chance(2));
    l.gru = is("an LSTM on a GRU") ? i == 0 : !l.norm && chance(4) && !is("two directions above");
    layers.push_back(prepare(l));
    if (i > 0 && state) layers[i].in[5] = layers[i - 1].out[1];
  }
  for (size_t i = 0; i < count; ++i) {
    if (i > 0 && is("an op between them")) see(emit(GC_OP_TANH, {parameter({B_, 3}, 1)}, {B_, 3}));
    if (between[i].first >= 0)
      graph.record(GC_OP_DROPOUT, {layers[i - 1].out[0]}, {between[i].first}, between[i].second);
    record(layers[i]);
  }
  for (size_t i = 0; i < count; ++i)
    use(layers[i], true,
        i + 1 == count || (is("two directions above") && i > 0) || (i == 0 && is("y below is read by others")));
  on_device.stacked = nine ? 8 : case_ < 4 ? static_cast<int>(count) : 0;
  on_device.pairs = on_device.pairs_back = is("two directions above") ? 1 : 0;
}

int Model::attention(int y, int32_t width) {
  const int32_t A = 1 + pick(8);
  const int none = Graph::none;
  const int queries = emit(GC_OP_LINEAR, {y, weights(A, width), parameter({A}, 0.5)}, {T_, B_, A});
  // Without a bias, whose gradient is 0 in dot-product attention: a softmax does not see what all scores have in common.
  const int keys = emit(GC_OP_LINEAR, {y, weights(A, width), none}, {T_, B_, A});
  const int ends = graph.ids({B_}, random_.ids(B_, 1, T_ + 1)), context = graph.internal({T_, B_, width});
  if (chance(2)) graph.record(GC_OP_DOT_ATTENTION, {queries, keys, y, ends}, {context}, {1 / std::sqrt(A)});
  else graph.record(GC_OP_ADDITIVE_ATTENTION, {queries, keys, parameter({A}, 1), y, ends}, {context}, {});
  return context;
}

int Model::cross_entropy(int y, int32_t width) {
  const int32_t V = tied_ >= 0 ? tokens_ : 2 + pick(12);
  const int w = tied_ >= 0 ? tied_ : weights(V, width);
  const int logits = emit(GC_OP_LINEAR, {y, w, chance(2) ? parameter({V}, 0.5) : Graph::none}, {T_, B_, V});
  return loss_of(logits, V);
}

int Model::loss_of(int logits, int32_t V) {
  Ids targets = random_.ids(T_ * B_, chance(2) ? -1 : 0, V);
  targets[0] = 0;
  std::vector<int> in = {logits, graph.ids({T_, B_}, targets)};
  Floats importance = random_.floats(V);
  for (float& f : importance) f = 0.5f + std::fabs(f);
  if (chance(3)) in.push_back(graph.host({V}, importance));
  if (chance(3)) {
    Floats of_rows = random_.floats(T_ * B_);
    for (float& w : of_rows) w = std::fabs(w);
    of_rows[0] = 1;
    if (in.size() == 2) in.push_back(Graph::none);
    in.push_back(graph.host({T_, B_}, of_rows));
  }
  return graph.out(GC_OP_CROSS_ENTROPY, in, {2}, {0, chance(3) ? 0.2 : 0});
}

void Model::output() {
  const auto is = [&](const char* name) { return this->is(name, Around::kOutput); };
  const bool tied = is("the weight is also the table of an embedding"), few = is("few classes");
  if (chance(4)) T_ = 30, B_ = 14;  // more than one block of rows
  const int32_t V = few ? 2 + pick(254) : 256 + pick(80), I = 1 + pick(24);
  const int w = weights(V, I);
  int x =
      tied ? graph.op(GC_OP_EMBEDDING, {w, graph.ids({T_, B_}, random_.ids(T_ * B_, 0, V))}, {T_, B_, I}) : sequence(I);
  if (chance(2)) x = dropout(x, {T_, B_, I});
  const auto logits_of = [&] {
    const std::vector<int> in = {x, w, chance(2) ? parameter({V}, 0.5) : Graph::none};
    return graph.op(GC_OP_LINEAR, in, {T_, B_, V}, {}, is("the logits are a result"));
  };
  int logits = logits_of();
  if (is("the logits are a result")) results.push_back(logits);
  if (is("the logits are carried")) graph.carry(logits, host_input({T_, B_, V}));
  if (is("the gradient of the logits is read")) graph.observe(logits);
  if (is("x has another reader")) see(x);
  if (is("an op between them")) logits = graph.op(GC_OP_TANH, {logits}, {T_, B_, V});
  losses_.push_back(loss_of(logits, V));
  if (is("two losses over one weight")) losses_.push_back(loss_of(logits_of(), V));
  if (is("two losses read the logits")) losses_.push_back(loss_of(logits, V));
  // The gradient of the loss is 1, or another number.
  if (chance(2)) losses_[0] = graph.out(GC_OP_AFFINE, {losses_[0]}, {2}, {chance(2) ? -0.7 : 3.0, 0.25});
  trained.joins = inferred.joins = case_ >= 4 ? 0 : is("two losses over one weight") ? 2 : 1;
  if (is("the gradient of the logits is read")) inferred.joins = 1;
  depth += 4;
}

void Model::finish() {
  std::vector<int> ys, flat, losses = losses_;
  int32_t width = 0, total = 0;
  for (const Layer& l : sequences_) ys.push_back(l.out[0]), width += l.R;
  if (!ys.empty()) {
    int y = ys.size() == 1 ? ys[0] : emit(GC_OP_CONCAT, ys, {T_, B_, width});
    if (chance(2)) y = dropout(y, {T_, B_, width});
    if (chance(2)) y = attention(y, width);
    losses.push_back(cross_entropy(y, width));
  }
  for (int id : seen_) {
    const auto n = static_cast<int32_t>(graph.count(id));
    flat.push_back(graph.op(GC_OP_RESHAPE, {id}, {n}));
    total += n;
  }
  if (!flat.empty()) {
    const int all = graph.op(GC_OP_CONCAT, flat, {total});
    losses.push_back(graph.out(GC_OP_MEAN_SQUARE, {all, graph.host({total}, random_.floats(total))}, {2}));
  }
  loss = losses[0];
  for (size_t i = 1; i < losses.size(); ++i) loss = graph.out(GC_OP_ADD, {loss, losses[i]}, {2});
  rows = T_ * B_;
  results.push_back(loss);
}
}  // namespace lab
