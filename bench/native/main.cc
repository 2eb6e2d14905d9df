// The kernels' microbenchmarks; README.md says how to build and run them.
#include "tables.h"

int main(int count, char** arguments) {
  benchmark::Initialize(&count, arguments);
  if (benchmark::ReportUnrecognizedArguments(count, arguments)) return 1;
  bench::register_gemm();
  bench::register_cells();
  bench::register_elementwise();
  benchmark::RunSpecifiedBenchmarks();
  gc_shutdown();
}
