#include "cli/cli.hpp"

#ifdef TROUPE_WITH_NODE
#include "cli/node_command.hpp"
#endif

#include <cstdio>
#include <exception>

int main(int argc, char** argv) {
  try {
    std::error_code unknown;
    auto program = std::filesystem::read_symlink("/proc/self/exe", unknown);
    if (unknown) program = argv[0];
#ifdef TROUPE_WITH_NODE
    return troupe::cli::run({argv + 1, argv + argc}, program, troupe::cli::run_node);
#else
    return troupe::cli::run({argv + 1, argv + argc}, program, nullptr);
#endif
  } catch (const std::exception& broken) {
    std::fprintf(stderr, "troupe: internal error: %s\n", broken.what());
    return 70;
  }
}
