#include "service/target_service.h"

#include <utility>

#include "base/log.h"
#include "service/target_supervisor.h"

namespace walpack {

TargetService::TargetService(Config config, Lsn position, SourceStream& source, OrderedLog& log,
                             Confirmation& confirmation, std::uint64_t system_identifier,
                             const std::atomic<bool>& is_only,
                             const std::function<void(const std::string&)>& on_state,
                             const OnCopyProgress& on_copy)
    : config_(std::move(config)),
      confirmation_(confirmation),
      on_state_(on_state),
      reader_(log.add_reader(config_.target_name, position)),
      feed_{source,
            log,
            *reader_,
            confirmation,
            confirmation.add_target(config_.target_name),
            system_identifier,
            0,
            is_only},
      thread_([this, on_copy] { run(on_copy); }) {}

TargetService::~TargetService() {
    request_stop();
    thread_.join();
    if (!leaves_) return;
    reader_->leave();
    confirmation_.remove_target(feed_.number);
}

void TargetService::run(const OnCopyProgress& on_copy) {
    try {
        const auto on_state = [this](const std::string& state) { set_state(state); };
        TargetSupervisor(config_, feed_, stop_, on_state, on_copy).run();
    } catch (...) {
        error_ = std::current_exception();
    }
    has_ended_ = true;
}

void TargetService::set_state(const std::string& state) {
    {
        const std::lock_guard lock(mutex_);
        state_ = state;
    }
    on_state_(state);
}

TargetState TargetService::state() const {
    TargetState state;
    state.name = config_.target_name;
    state.applied_lsn = confirmation_.applied(feed_.number);
    state.waiting_bytes = reader_->waiting_bytes();
    const std::lock_guard lock(mutex_);
    state.state = state_;
    return state;
}

}  // namespace walpack
