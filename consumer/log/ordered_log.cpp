#include "log/ordered_log.h"

#include <utility>

#include "log/log_core.h"
#include "log/reader_state.h"

namespace walpack {

OrderedLog::OrderedLog(OrderedLogOptions options, LogIdentity identity)
    : core_(std::make_shared<LogCore>(std::move(options), std::move(identity))) {}

OrderedLog::~OrderedLog() = default;

void OrderedLog::begin_session(Lsn from) {
    core_->begin_session(from);
}

void OrderedLog::note_confirmed(Lsn confirmed) {
    core_->note_confirmed(confirmed);
}

bool OrderedLog::end_session() {
    return core_->end_session();
}

bool OrderedLog::has_room() const {
    return core_->has_room();
}

int OrderedLog::room_fd() const {
    return core_->room_fd();
}

void OrderedLog::append(LogEntry entry) {
    core_->append(std::move(entry));
}

void OrderedLog::close(std::exception_ptr error) {
    core_->close(std::move(error));
}

void OrderedLog::reset() {
    core_->reset();
}

void OrderedLog::set_durable(bool is_durable) {
    core_->set_durable(is_durable);
}

OrderedLogState OrderedLog::state() const {
    return core_->state();
}

const std::string& OrderedLog::damage() const {
    return core_->damage();
}

std::unique_ptr<LogReader> OrderedLog::add_reader(std::string target, Lsn position) {
    return std::unique_ptr<LogReader>(
        new LogReader(std::make_unique<LogReader::State>(core_, std::move(target), position)));
}

}  // namespace walpack
