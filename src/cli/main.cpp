#include "cli/cli.hpp"

#include "cli/backup_commands.hpp"
#include "cli/node_command.hpp"
#include "cli/recover_command.hpp"

#include <cstdio>
#include <exception>

// What jemalloc starts with; `MALLOC_CONF` overrides it. As many arenas as processors, not four times as many: what one thread
// gave back serves the others.
extern "C" const char* malloc_conf;
const char* malloc_conf = "narenas_ratio:1";

int main(int argc, char** argv) {
  try {
    std::error_code unknown;
    auto program = std::filesystem::read_symlink("/proc/self/exe", unknown);
    if (unknown) program = argv[0];
    return troupe::cli::run({argv + 1, argv + argc}, program,
                            {.run_node = troupe::cli::run_node,
                             .backup = troupe::cli::run_backup,
                             .verify_backup = troupe::cli::run_verify_backup,
                             .restore = troupe::cli::run_restore,
                             .recover = troupe::cli::run_recover});
  } catch (const std::exception& broken) {
    std::fprintf(stderr, "troupe: internal error: %s\n", broken.what());
    return 70;
  }
}
