// Rewrites of the graph on the device: the random models of test/native around directions and stacks, compared with their
// evaluation in double, and the rewrites that the plan has.
#include <cstdlib>

#include "evaluated.h"

using namespace lab;

TEST_CASE("cuda rewrites: directions and stacks side by side, or one after the other") {
  setenv("GATECELL_CUDA_WAVEFRONT", "3", 1);
  for (Around kind : {Around::kDirections, Around::kStack}) {
    for (size_t condition = 0; condition < conditions_of(kind).size(); ++condition) {
      Model model(kind, condition, 1000 * condition);
      model.graph.device = GC_CUDA;
      Evaluated(subject_of(model)).run({1});
    }
  }
  unsetenv("GATECELL_CUDA_WAVEFRONT");
}
