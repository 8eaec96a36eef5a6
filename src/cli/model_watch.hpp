#pragma once

#include "model/ports/models.hpp"

#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace troupe::cli {

/// Knows the models in a node's folders. A thread looks whether files have come, gone or changed; what is new is judged by the
/// worker program in a process of its own, with a time limit: the node reads no file of a network itself.
class model_watch : public model::ports::model_shelf {
 public:
  /// @param directories where NAME.yaml may lie; the first one that has a name counts. The first is made if it is not there.
  model_watch(std::filesystem::path worker_program, std::vector<std::filesystem::path> directories);
  ~model_watch() override;
  [[nodiscard]] std::shared_ptr<const model::installed_models> now() const override;

 private:
  /// A model and the files that it was judged by.
  struct judged {
    model::installed_model model;
    std::filesystem::path network;
    std::string stamp;
  };

  void loop();
  void look();
  [[nodiscard]] std::map<std::string, std::filesystem::path> descriptions() const;
  [[nodiscard]] judged judge(const std::string& name, const std::filesystem::path& description) const;
  [[nodiscard]] bool is_over() const;

  const std::filesystem::path worker_program_;
  const std::vector<std::filesystem::path> directories_;
  std::map<std::string, judged> known_;  ///< of the thread
  const int stop_fd_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool is_over_ = false;
  std::shared_ptr<const model::installed_models> now_;
  std::thread thread_;
};

}  // namespace troupe::cli
