#include "cli/scaling_setup.hpp"

#include "fleet/exec_provider.hpp"
#include "fleet/local_provider.hpp"

#include <fmt/format.h>

#include <sys/eventfd.h>
#include <unistd.h>

namespace troupe::cli {
namespace {

result<std::unique_ptr<fleet::provider>> provider_of(const node_config& config, const std::filesystem::path& program,
                                                     int stop_fd) {
  const auto& wanted = config.scaling;
  if (wanted.provider == "local")
    return std::make_unique<fleet::local_provider>(
        fleet::local_options{.program = program,
                             .directory = std::filesystem::absolute(wanted.directory).lexically_normal(),
                             .listen_host = "127.0.0.1",
                             .labels = wanted.labels,
                             .arguments = wanted.arguments});
  if (wanted.command.empty())
    return error{errc::bad_request,
                 "scaling.command: the provider exec needs a program, as in [/usr/local/bin/machines, --zone, b]"};
  return std::make_unique<fleet::exec_provider>(wanted.command, wanted.command_time, stop_fd);
}

}  // namespace

result<std::unique_ptr<scaling_keeper>> make_scaling_keeper(const node_config& config, std::string self,
                                                            caf::actor_system& system, actors::node_actor node,
                                                            const actors::job_ends& ends) {
  if (config.scaling.policy.empty()) return std::unique_ptr<scaling_keeper>{};
  std::error_code unknown;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", unknown);
  auto policy = load_policy(config.scaling.policy, program);
  if (!policy) return error{errc::bad_request, fmt::format("scaling.policy: {}", policy.error().detail)};
  const int stop_fd = ::eventfd(0, EFD_CLOEXEC);
  if (stop_fd < 0) return error{errc::io_failed, "no descriptor is left (ulimit -n)"};
  auto provider = provider_of(config, program, stop_fd);
  if (!provider) {
    ::close(stop_fd);
    return provider.error();
  }
  scaling_settings settings{.policy = std::move(*policy),
                            .environment = config.scaling.environment,
                            .every = config.scaling.every,
                            .self = std::move(self),
                            .silence_most = 2 * config.lease.lease_time,
                            .log = std::filesystem::absolute(config.data_directory) / "scaling.log"};
  return std::make_unique<scaling_keeper>(std::move(settings),
                                          scaling_keeper::parts{system, std::move(node), ends, *std::move(provider), stop_fd});
}

}  // namespace troupe::cli
