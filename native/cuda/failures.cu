// failures.cu: turns a fault that a run's kernels have reported into the error message that the processor gives for it.
#include "plan.h"

namespace gatecell {
namespace cuda {

namespace {
// Returns the error of an op that samples: an invalid setting, or outputs from which nothing can be drawn.
gc_status sampling_status(const Failure& failure, const char* name) {
  const long long position = failure.position;
  switch (static_cast<Fault>(failure.fault)) {
    case Fault::kTemperature:
      return fail(GC_INVALID_ARGUMENT, "sample: expected a temperature of 0 or more, got %g", failure.value);
    case Fault::kTopK:
      return fail(GC_INVALID_ARGUMENT, "sample: expected an integer top-k of 0 or more, got %g", failure.value);
    case Fault::kTopP: return fail(GC_INVALID_ARGUMENT, "sample: expected a top-p of 0 or more, got %g", failure.value);
    case Fault::kLogits:
      return fail(GC_OUT_OF_RANGE,
                  "%s: expected finite logits, but row %lld has a NaN or no finite maximum: check the weights", name,
                  position);
    case Fault::kBias:
      return fail(GC_INVALID_ARGUMENT, "mixture_sample: expected a bias from 0 to 1e6, got %g", failure.value);
    default:
      return fail(GC_OUT_OF_RANGE, "mixture_sample: expected finite outputs, but row %lld gives no point", position);
  }
}
}  // namespace

gc_status failure_status(const gc_device_plan& p, const Failure& failure) {
  const gc_device_node& node = p.nodes[static_cast<size_t>(failure.node)];
  const auto input = [&](int i) -> const Tensor& { return p.tensors[static_cast<size_t>(node.in[i])]; };
  const long long position = failure.position;
  const int id = static_cast<int>(failure.value);
  const auto more = [&](int i) { return static_cast<long long>(failure.more[i]); };
  const auto lengths = [&](const char* what) {
    return fail(GC_OUT_OF_RANGE, "%s: expected %s from 0 to %lld, got %d in row %lld", node.name, what, more(0), id,
                position);
  };
  switch (static_cast<Fault>(failure.fault)) {
    case Fault::kId:
      return fail(GC_OUT_OF_RANGE, "%s: expected ids from 0 to %lld, got %d at position %lld", node.name, more(0), id,
                  position);
    case Fault::kTarget:
      return fail(GC_OUT_OF_RANGE,
                  "cross_entropy: expected targets from 0 to %lld, or %lld to ignore, got %d at position %lld",
                  static_cast<long long>(input(0).cols - 1), more(0), id, position);
    case Fault::kClassWeight:
      return fail(GC_OUT_OF_RANGE, "cross_entropy: expected class weights of 0 or more, got %g for class %lld",
                  failure.value, position);
    case Fault::kTemperature:
    case Fault::kTopK:
    case Fault::kTopP:
    case Fault::kLogits:
    case Fault::kBias:
    case Fault::kPoint: return sampling_status(failure, node.name);
    case Fault::kRowLength:
      return fail(GC_OUT_OF_RANGE, "%s: expected lengths from 0 to %lld, got %d for row %lld", node.name,
                  static_cast<long long>(input(0).dims[0]), id, position);
    case Fault::kLength: return lengths("lengths");
    case Fault::kInputLength: return lengths("input lengths");
    case Fault::kTargetLength: return lengths("target lengths");
    case Fault::kLabel:
      return fail(GC_OUT_OF_RANGE, "ctc: expected labels from 0 to %lld without the blank %lld, got %d in row %lld",
                  more(0), more(1), id, position);
    case Fault::kTooLong:
      return fail(GC_INVALID_ARGUMENT,
                  "ctc: expected at least %lld steps for the %lld labels of row %lld, got %lld; leave the sample out "
                  "or give more",
                  static_cast<long long>(failure.value), more(1), position, more(0));
    case Fault::kCharacter:
      return fail(GC_OUT_OF_RANGE, "%s: expected characters from 0 to %lld, got %d in row %lld", node.name, more(0), id,
                  position);
    case Fault::kWeight:
      return fail(GC_OUT_OF_RANGE, "%s: expected weights of 0 or more, got %g in row %lld", node.name, failure.value,
                  position);
    default:
      return fail(
          GC_UNSUPPORTED,
          "expected the GPU's blocks to meet, but one waited too long at step %lld: run with GATECELL_CUDA_LSTM=steps",
          position);
  }
}
}  // namespace cuda
}  // namespace gatecell
