// The one exception class of the consumer.
//
// Callers act on the kind, never on the text; the table that maps a kind to retry, stop or finish
// is in service/back_off.cpp. Texts follow the server's message style: the message states the
// fact in lower case without a full stop, detail and hint are sentences, the hint says what to do.
// Row values and secrets never enter any of them.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace walpack {

enum class ErrorKind {
    config,      // what the operator gave is wrong: fix the file or the flag
    connection,  // a server or the network went away, or asked us to come back later
    protocol,    // the stream says something that it must not say: nothing more may be applied
    schema,      // a target table, column or type is missing or does not fit
    conflict,    // missing row or duplicate key on the target
    value,       // the target refused a value
    limit,       // a bound of ours was met
    cancelled,   // a stop was requested
    repeat,      // no fault: the stream is to be read again from the position, in another way
};

std::string_view to_string(ErrorKind kind);

class Error : public std::runtime_error {
  public:
    Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}

    // Builders, so that a throw reads as one sentence:
    //   throw Error(ErrorKind::config, "...").detail("...").hint("...");
    Error& detail(std::string text) & {
        detail_ = std::move(text);
        return *this;
    }
    Error&& detail(std::string text) && {
        detail_ = std::move(text);
        return std::move(*this);
    }
    Error& hint(std::string text) & {
        hint_ = std::move(text);
        return *this;
    }
    Error&& hint(std::string text) && {
        hint_ = std::move(text);
        return std::move(*this);
    }
    Error& sqlstate(std::string code) & {
        sqlstate_ = std::move(code);
        return *this;
    }
    Error&& sqlstate(std::string code) && {
        sqlstate_ = std::move(code);
        return std::move(*this);
    }
    // The column that the server named.
    Error& column(std::string name) & {
        column_ = std::move(name);
        return *this;
    }
    Error&& column(std::string name) && {
        column_ = std::move(name);
        return std::move(*this);
    }
    // The schema of the table that the server named, or whose constraint it named.
    Error& schema(std::string name) & {
        schema_ = std::move(name);
        return *this;
    }
    Error&& schema(std::string name) && {
        schema_ = std::move(name);
        return std::move(*this);
    }
    // Where in the stream: an LSN in the server's notation. The first one given stays.
    Error& at_lsn(const std::string& lsn) & {
        if (lsn_.empty()) lsn_ = lsn;
        return *this;
    }
    Error&& at_lsn(const std::string& lsn) && {
        if (lsn_.empty()) lsn_ = lsn;
        return std::move(*this);
    }

    ErrorKind kind() const { return kind_; }
    std::string message() const { return what(); }
    const std::string& detail() const { return detail_; }
    const std::string& hint() const { return hint_; }
    const std::string& sqlstate() const { return sqlstate_; }
    const std::string& column() const { return column_; }
    const std::string& schema() const { return schema_; }
    const std::string& lsn() const { return lsn_; }

    // Message, detail and hint on lines of their own, as psql prints them.
    std::string report() const;

  private:
    ErrorKind kind_;
    std::string detail_;
    std::string hint_;
    std::string sqlstate_;
    std::string column_;
    std::string schema_;
    std::string lsn_;
};

}  // namespace walpack
