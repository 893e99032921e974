#include "differential/differential.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "differential/pgoutput_reader.h"
#include "differential/server.h"
#include "differential/stream.h"
#include "differential/walpack_reader.h"
#include "protocol/format.h"
#include "support/wait.h"

namespace walpack::differential {
namespace {

using e2e::identifier;
using e2e::literal;
using e2e::SqlError;

constexpr char kStreamStart[] = {'\x92', WALPACK_STREAM_START, '\0'};  // an array of two

std::string publication_list(const Reading& reading) {
    std::vector<std::string> names;
    for (const std::string& name : reading.publications) names.push_back(identifier(name));
    return fmt::format("{}", fmt::join(names, ","));
}

std::string from_bytea_text(const std::string& text) {
    std::string bytes;
    bytes.reserve(text.size() / 2);
    const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    for (std::size_t at = 2; at + 1 < text.size(); at += 2)
        bytes += static_cast<char>(digit(text[at]) << 4 | digit(text[at + 1]));
    return bytes;
}

std::vector<std::string> peek(Session& session, const std::string& slot,
                              const std::map<std::string, std::string>& options) {
    std::string sql = "SELECT data FROM pg_catalog.pg_logical_slot_peek_binary_changes(" +
                      literal(slot) + ", NULL, NULL";
    for (const auto& [name, value] : options) sql += ", " + literal(name) + ", " + literal(value);
    std::vector<std::string> messages;
    for (const e2e::Row& row : session.rows(sql + ')'))
        messages.push_back(from_bytea_text(row[0].value_or("")));
    return messages;
}

std::map<std::string, std::string> walpack_options(const Reading& reading) {
    std::map<std::string, std::string> options = reading.walpack_options;
    options["publication_names"] = publication_list(reading);
    options["messages"] = "on";
    if (reading.leaves_out_origins) options["origin"] = "none";
    return options;
}

template <typename Reader>
void feed(Reader& reader, const std::vector<std::string>& messages, Outcome& outcome) {
    outcome.messages = messages.size();
    for (const std::string& message : messages) {
        reader.feed(message);
        outcome.bytes += message.size();
        outcome.blocks += message.starts_with(kStreamStart) ? 1 : 0;
    }
    outcome.decoded = reader.decoded();
}

}  // namespace

std::string Reading::describe() const {
    std::string text = fmt::format("publications {}{}", fmt::join(publications, ", "),
                                   over_replication ? ", by a walsender" : "");
    for (const auto& [name, value] : walpack_options) text += fmt::format(", {}={}", name, value);
    for (const auto& [name, value] : settings) text += fmt::format(", {}={}", name, value);
    return text;
}

Reading streamed(std::vector<std::string> publications) {
    Reading reading{.publications = std::move(publications)};
    reading.walpack_options["streaming"] = "on";
    reading.settings["logical_decoding_work_mem"] = "64kB";
    return reading;
}

void Differential::SetUp() {
    static int count = 0;
    database_ = fmt::format("differential_{}_{}", ::getpid(), ++count);
    slots_ = database_;
    admin_ = std::make_unique<Session>(server_conninfo("postgres"));
    admin_->execute("CREATE DATABASE " + database_);
    source_ = std::make_unique<Session>(conninfo());
    server_text_ = std::make_unique<ServerText>(conninfo());
}

void Differential::TearDown() {
    server_text_.reset();
    source_.reset();
    drop_slots();
    admin_->execute("DROP DATABASE " + database_ + " WITH (FORCE)");
    for (const std::string& origin : origins_)
        admin_->execute("SELECT pg_replication_origin_drop(" + literal(origin) + ")");
}

std::string Differential::conninfo() const {
    return server_conninfo(database_);
}

int Differential::server_version() {
    return static_cast<int>(source().number("SHOW server_version_num"));
}

void Differential::drop_slots() {
    // A walsender needs a moment to notice that its client has gone.
    e2e::wait_until("the slots are free", e2e::seconds(20), [&] {
        return admin_->number(
                   "SELECT count(*) FROM pg_replication_slots WHERE active AND database = " +
                   literal(database_)) == 0;
    });
    admin_->execute(
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots "
        "WHERE database = " +
        literal(database_));
}

void Differential::start_decoding() {
    drop_slots();
    ++starts_;
    source().execute("SELECT pg_create_logical_replication_slot('" + slots_ +
                     "_pgoutput', 'pgoutput')");
    // A copy starts where the original does.
    source().execute("SELECT pg_copy_logical_replication_slot('" + slots_ + "_pgoutput', '" +
                     slots_ + "_walpack', false, 'walpack')");
}

Outcome Differential::read_pgoutput(const Reading& reading) {
    Outcome outcome;
    Session session(conninfo());
    flush_wal(session);
    session.execute(kTextSettings);
    std::map<std::string, std::string> options = {{"proto_version", "1"},
                                                  {"publication_names", publication_list(reading)},
                                                  {"messages", "true"}};
    if (reading.leaves_out_origins) options["origin"] = "none";
    std::vector<std::string> messages;
    try {
        messages = peek(session, slots_ + "_pgoutput", options);
    } catch (const SqlError& error) {
        outcome.refusal = error.what();
        return outcome;
    }
    PgoutputReader reader;
    feed(reader, messages, outcome);
    return outcome;
}

std::vector<std::string> Differential::receive(const Reading& reading) {
    const std::string slot = slots_ + "_walpack";
    if (reading.over_replication)
        return receive_stream(conninfo(), slot, walpack_options(reading), reading.settings);
    Session session(conninfo());
    flush_wal(session);
    for (const auto& [name, value] : reading.settings)
        session.execute("SET " + name + " = " + literal(value));
    return peek(session, slot, walpack_options(reading));
}

Outcome Differential::read_walpack(const Reading& reading) {
    Outcome outcome;
    std::vector<std::string> messages;
    try {
        messages = receive(reading);
    } catch (const SqlError& error) {
        outcome.refusal = error.what();
        return outcome;
    }
    WalpackReader reader(*server_text_);
    feed(reader, messages, outcome);
    return outcome;
}

Decoded Differential::expect_same(const Reading& reading) {
    const Outcome pgoutput = read_pgoutput(reading);
    const Outcome walpack = read_walpack(reading);
    EXPECT_EQ(pgoutput.refusal.empty(), walpack.refusal.empty())
        << reading.describe() << "\npgoutput: " << pgoutput.refusal
        << "\nwalpack:  " << walpack.refusal;
    if (!reading.may_be_refused) EXPECT_EQ(pgoutput.refusal, "") << reading.describe();
    EXPECT_EQ(difference(pgoutput.decoded, walpack.decoded), "") << reading.describe();
    return walpack.decoded;
}

void Differential::expect_refusal(const std::string& part, const Reading& reading) {
    EXPECT_NE(read_pgoutput(reading).refusal.find(part), std::string::npos)
        << "pgoutput: " << read_pgoutput(reading).refusal;
    EXPECT_NE(read_walpack(reading).refusal.find(part), std::string::npos)
        << "walpack: " << read_walpack(reading).refusal;
}

Decoded Differential::expect_same_in_every_form(const std::vector<std::string>& publications) {
    const Decoded plain = expect_same({.publications = publications});
    expect_same({.publications = publications, .walpack_options = {{"frame_bytes", "64"}}});
    Reading by_walsender = streamed(publications);
    by_walsender.walpack_options["compression"] = "zstd";
    by_walsender.over_replication = true;
    expect_same(by_walsender);
    return plain;
}

void Differential::create_origin(const std::string& name) {
    source().execute("SELECT pg_replication_origin_create(" + literal(name) + ")");
    origins_.push_back(name);
}

}  // namespace walpack::differential
