#include "cli/policy_file.hpp"

#include "cli/local_failure.hpp"
#include "cli/local_file.hpp"

namespace troupe::cli {

outcome<policy_file> load_policy(const std::string& name, const std::filesystem::path& program) {
  std::error_code ignored;
  auto file = name;
  if (name.find('/') == std::string::npos && !std::filesystem::exists(name, ignored)) {
    const auto shipped = program.parent_path().parent_path() / "share" / "troupe" / "policies" / (name + ".yaml");
    if (std::filesystem::exists(shipped, ignored)) file = shipped.string();
  }
  TROUPE_TRY(auto text, read_text(file));
  auto parsed = scaling::parse_policy(text, file);
  if (!parsed) return failure_of_file(parsed.error());
  return policy_file{std::filesystem::path{name}.stem().string(), std::move(text), std::move(*parsed)};
}

}  // namespace troupe::cli
