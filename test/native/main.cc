// main of the native tests: doctest, plus --isa-found, which names the best instruction set of this machine.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>
#include <cstring>

#include "core/threads.h"
#include "gatecell/gatecell.h"

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--isa-found") == 0) {
    gc_machine machine;
    if (gc_machine_info(&machine) != GC_OK) return 1;
    std::puts(machine.isa_found);
    return 0;
  }
  // If GATECELL_ISA is refused, the engine uses another instruction set, and the tests would pass for the wrong one.
  gc_machine machine;
  if (gc_machine_info(&machine) != GC_OK || machine.isa_problem != nullptr) {
    std::fprintf(stderr, "expected to run as GATECELL_ISA asks, but %s\n", machine.isa_problem);
    return 1;
  }
  // Work is split into any number of shares, independent of the cores of this machine and of other processes.
  gatecell::oversubscribe(true);
  gatecell::govern_teams(false);
  return doctest::Context(argc, argv).run();
}
