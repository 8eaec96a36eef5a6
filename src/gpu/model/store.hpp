#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gpu/model/any_model.hpp"

namespace troupe::gpu {

/// Finds models by name, and keeps those that were used last ready. For one thread at a time.
class model_store {
 public:
  /// @param directories where NAME.yaml is looked for, in this order
  /// @param make_executor for so many threads
  model_store(std::vector<std::filesystem::path> directories, std::function<std::shared_ptr<executor>(int threads)> make_executor)
      : directories_(std::move(directories)), make_executor_(std::move(make_executor)) {}

  /// @returns the model, which stays until the next call; `bad_request` for a name that no model has, one of another task, or a
  /// model that cannot be used.
  result<picture_model*> get(std::string_view name, model_task task, int threads) {
    return get_as<picture_model>(name, task, threads);
  }
  result<matter*> get_matter(std::string_view name, int threads) { return get_as<matter>(name, model_task::matte, threads); }
  result<detector*> get_detector(std::string_view name, int threads) {
    return get_as<detector>(name, model_task::detect, threads);
  }
  result<embedder*> get_embedder(std::string_view name, int threads) {
    return get_as<embedder>(name, model_task::embed, threads);
  }

  /// The same, whatever the task is. The model's kind is the task's.
  result<any_model*> get_any(std::string_view name, model_task task, int threads);
  /// Bytes that loading it takes, at most; 0 if it is there, or nowhere.
  [[nodiscard]] std::size_t loading(std::string_view name) const;
  /// Of its network's file: another one has come if it differs. Empty: there is no such model.
  [[nodiscard]] std::string stamp(std::string_view name) const;
  /// Bytes of all that is kept.
  [[nodiscard]] std::size_t memory() const;
  /// What it took to make that.
  [[nodiscard]] std::chrono::milliseconds worth() const;
  void clear() noexcept { kept_.clear(); }

 private:
  struct kept {
    std::string stamp;  ///< of its files: another one has come if it differs
    int threads = 1;
    std::chrono::milliseconds took{};  ///< to load
    any_model model;
  };
  template <class Model>
  result<Model*> get_as(std::string_view name, model_task task, int threads) {
    auto found = get_any(name, task, threads);
    if (!found) return found.error();
    return &std::get<Model>(**found);
  }
  [[nodiscard]] std::filesystem::path find(std::string_view name) const;

  std::vector<std::filesystem::path> directories_;
  std::function<std::shared_ptr<executor>(int)> make_executor_;
  std::list<kept> kept_;  ///< the one used last in front
};

}  // namespace troupe::gpu
