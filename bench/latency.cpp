// How long a committed row takes to be seen on the target, one transaction at a time.
//
//   walpack_latency SOURCE TARGET SAMPLES WARM-UP SEED
//
// Inserts a row into table `latency` of the source, then asks the target for it over an open
// connection, again and again without a pause, until it is there; the next row follows after a
// random pause of 0 to 20 ms. Prints a line for every sample after the first WARM-UP ones:
// microseconds from the commit's return to the answer that has the row, microseconds between two
// questions. An answer comes one round trip late at most, so the second figure bounds what the
// measurement adds.

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include <libpq-fe.h>

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;

constexpr std::chrono::milliseconds kPauseMax{20};
constexpr std::chrono::seconds kPatience{60};

using Connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;
using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

struct Sample {
    microseconds latency;
    microseconds question;  // mean time of one question to the target
};

Result checked(PGconn* connection, PGresult* result) {
    Result owner(result, PQclear);
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        throw std::runtime_error(PQerrorMessage(connection));
    return owner;
}

Connection connect(const char* conninfo, const char* statement) {
    Connection connection(PQconnectdb(conninfo), PQfinish);
    if (PQstatus(connection.get()) != CONNECTION_OK)
        throw std::runtime_error(PQerrorMessage(connection.get()));
    checked(connection.get(), PQprepare(connection.get(), "statement", statement, 1, nullptr));
    return connection;
}

Result execute(const Connection& connection, std::int64_t id) {
    const std::string text = std::to_string(id);
    const char* values[] = {text.c_str()};
    PGresult* result =
        PQexecPrepared(connection.get(), "statement", 1, values, nullptr, nullptr, 0);
    return checked(connection.get(), result);
}

Sample measure(const Connection& source, const Connection& target, std::int64_t id) {
    execute(source, id);
    const Clock::time_point committed = Clock::now();
    for (int questions = 1;; ++questions) {
        const bool is_there = PQntuples(execute(target, id).get()) > 0;
        const Clock::duration passed = Clock::now() - committed;
        if (is_there)
            return {std::chrono::duration_cast<microseconds>(passed),
                    std::chrono::duration_cast<microseconds>(passed / questions)};
        if (passed > kPatience) throw std::runtime_error("the row did not arrive\n");
    }
}

std::int64_t number(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        throw std::runtime_error("\"" + std::string(text) + "\" is not a number\n");
    return value;
}

std::int64_t last_id(const Connection& source) {
    PGresult* result = PQexec(source.get(), "SELECT coalesce(max(id), 0) FROM latency");
    const Result owner = checked(source.get(), result);
    return number(PQgetvalue(owner.get(), 0, 0));
}

void run(char** argument) {
    const Connection source = connect(argument[1], "INSERT INTO latency VALUES ($1, 'a row')");
    const Connection target = connect(argument[2], "SELECT id FROM latency WHERE id = $1");
    const std::int64_t samples = number(argument[3]);
    const std::int64_t warm_up = number(argument[4]);
    std::mt19937_64 random(static_cast<std::uint64_t>(number(argument[5])));
    std::uniform_int_distribution<std::int64_t> pause(0, microseconds(kPauseMax).count());
    std::int64_t id = last_id(source);
    for (std::int64_t i = -warm_up; i < samples; ++i) {
        const Sample sample = measure(source, target, ++id);
        if (i >= 0)
            std::printf("%lld\t%lld\n", static_cast<long long>(sample.latency.count()),
                        static_cast<long long>(sample.question.count()));
        std::this_thread::sleep_for(microseconds(pause(random)));
    }
}

}  // namespace

int main(int arguments, char** argument) {
    if (arguments != 6) {
        std::fputs("usage: walpack_latency SOURCE TARGET SAMPLES WARM-UP SEED\n", stderr);
        return 2;
    }
    try {
        run(argument);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "walpack_latency: %s", e.what());
        return 1;
    }
    return 0;
}
