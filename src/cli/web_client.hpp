#pragma once

#include "cli/http_client.hpp"
#include "fleet/web.hpp"

namespace troupe::cli {

struct web_options {
  std::string url;         ///< "https://host:port", with or without a path
  std::string ca;          ///< a file with the authorities that are believed; "": the machine's own
  std::string ca_setting;  ///< the key that names it, for messages
  duration time = 10s;     ///< of one exchange
  int stop_fd = -1;        ///< when this can be read, calls end at once; -1: never
};

/// `fleet::web` over libcurl.
class web_client : public fleet::web {
 public:
  /// @returns `errc::bad_request` for what is no URL.
  [[nodiscard]] static result<std::unique_ptr<web_client>> make(web_options options);
  [[nodiscard]] result<fleet::web_answer> exchange(const fleet::web_request& request) override;
  [[nodiscard]] bool pause(duration time) override;

 private:
  web_client(web_options options, http_client client) : options_(std::move(options)), client_(std::move(client)) {}

  web_options options_;
  http_client client_;
};

}  // namespace troupe::cli
