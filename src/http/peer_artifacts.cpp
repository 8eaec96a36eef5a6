#include "http/peer_artifacts.hpp"

#include "http/peer_copies.hpp"
#include "http/peer_lookup.hpp"

namespace troupe::http {
namespace {

/// An upload whose artifact gets copies when it is committed.
class copying_writer final : public model::ports::artifact_writer {
 public:
  copying_writer(std::unique_ptr<model::ports::artifact_writer> local, peer_copies& copies)
      : local_(std::move(local)), copies_(copies) {}

  result<void> write(std::string_view data) override { return local_->write(data); }
  result<model::artifact_ref> commit(std::string_view media_type) override {
    auto stored = local_->commit(media_type);
    if (stored) copies_.make(*stored);
    return stored;
  }

 private:
  std::unique_ptr<model::ports::artifact_writer> local_;
  peer_copies& copies_;
};

}  // namespace

struct peer_artifacts::state {
  state(model::ports::artifact_store& own, std::function<std::vector<std::string>()> peers, const copy_options& wanted)
      : local(own), options(wanted), order(std::move(peers), wanted.silent_comes_last, wanted.is_silent) {}

  model::ports::artifact_store& local;
  const copy_options options;
  stop_signal stop;
  peer_order order;
  peer_copies copies{local, order, options, stop};
  peer_lookup lookup{local, order, options, stop};
};

peer_artifacts::peer_artifacts(model::ports::artifact_store& local, std::function<std::vector<std::string>()> peers,
                               const copy_options& options)
    : state_(std::make_unique<state>(local, std::move(peers), options)) {}

peer_artifacts::~peer_artifacts() = default;

result<std::unique_ptr<model::ports::artifact_writer>> peer_artifacts::begin() {
  TROUPE_TRY(auto local, state_->local.begin());
  return std::unique_ptr<model::ports::artifact_writer>{std::make_unique<copying_writer>(std::move(local), state_->copies)};
}

result<model::artifact_ref> peer_artifacts::ingest(const std::filesystem::path& path, std::string_view media_type) {
  auto stored = state_->local.ingest(path, media_type);
  if (stored) state_->copies.make(*stored);
  return stored;
}

result<model::artifact_ref> peer_artifacts::stat(const digest& hash) const {
  auto here = state_->local.stat(hash);
  return here || here.error().code != errc::not_found ? here : state_->lookup.stat(hash);
}

result<model::ports::touched_artifact> peer_artifacts::touch(const digest& hash) {
  auto here = state_->local.touch(hash);
  if (here) state_->copies.make(here->about);
  if (here || here.error().code != errc::not_found) return here;
  TROUPE_TRY(auto about, state_->lookup.stat(hash, peer_lookup::manner::touch));
  return model::ports::touched_artifact{std::move(about), duration{}};
}

repair_outcome peer_artifacts::repair(std::span<const digest> hashes, const std::vector<std::string>& nodes,
                                      const std::string& self) {
  return state_->copies.repair(hashes, nodes, self);
}

result<std::filesystem::path> peer_artifacts::path_of(const digest& hash) const {
  auto here = state_->local.path_of(hash);
  if (here || here.error().code != errc::not_found) return here;
  TROUPE_CHECK(state_->lookup.fetch(hash));
  return state_->local.path_of(hash);
}

void peer_artifacts::stop() { state_->stop.raise(); }

peer_counts peer_artifacts::counts() const {
  peer_counts out;
  state_->copies.count(out);
  state_->lookup.count(out);
  return out;
}

}  // namespace troupe::http
