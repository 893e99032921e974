// One row among thousands is refused by the target, or missing there: however many were applied at
// once, the error names exactly that row, everything before its transaction has arrived and nothing
// of it or after it has.
#include <map>
#include <regex>
#include <tuple>

#include "support/backlog.h"

namespace walpack::e2e {
namespace {

constexpr int kRows = 5000;
constexpr int kBad = 3210;

struct Refusal {
    std::string name;
    std::string change;  // of the row whose id is i, at the source
    std::string spoil;   // of the target
    std::string repair;  // the same
    std::string said;
};

const std::vector<Refusal>& refusals() {
    static const std::vector<Refusal> all = {
        {"Check", "INSERT INTO stock VALUES (i, CASE i WHEN 3210 THEN 'refused' ELSE 'new' END)",
         "ALTER TABLE stock ADD CONSTRAINT odd CHECK (v <> 'refused')",
         "ALTER TABLE stock DROP CONSTRAINT odd", "odd"},
        {"Length",
         "INSERT INTO stock VALUES (i, CASE i WHEN 3210 THEN 'far too long' ELSE 'new' END)",
         "ALTER TABLE stock ALTER v TYPE varchar(8)", "ALTER TABLE stock ALTER v TYPE text",
         "\"v\""},
        {"UpdatedToALongValue",
         "UPDATE stock SET v = CASE i WHEN 3210 THEN 'far too long' ELSE 'new' END WHERE id = i",
         "ALTER TABLE stock ALTER v TYPE varchar(8)", "ALTER TABLE stock ALTER v TYPE text",
         "\"v\""},
        {"UpdateMissing", "UPDATE stock SET v = 'new' WHERE id = i",
         "DELETE FROM stock WHERE id = 3210", "INSERT INTO stock VALUES (3210, 'old')",
         "update_missing"},
        {"DeleteMissing", "DELETE FROM stock WHERE id = i", "DELETE FROM stock WHERE id = 3210",
         "INSERT INTO stock VALUES (3210, 'old')", "delete_missing"},
        {"InsertExists", "INSERT INTO stock VALUES (i, 'new')",
         "INSERT INTO stock VALUES (3210, 'old')", "DELETE FROM stock WHERE id = 3210",
         "insert_exists"},
    };
    return all;
}

struct Settings {
    std::string name;
    std::map<std::string, std::string> values;
};

const std::vector<Settings>& settings() {
    static const std::vector<Settings> all = {
        {"Defaults", {}},
        {"FourWorkers", {{"apply_workers", "4"}, {"group_rows_max", "300"}}},
    };
    return all;
}

class ApplyRefusals : public BacklogScenario,
                      public ::testing::WithParamInterface<std::tuple<Refusal, Settings>> {
  protected:
    void SetUp() override {
        Scenario::SetUp();
        on_both("CREATE TABLE stock (id int PRIMARY KEY, v text)");
        const bool inserts = refusal().change.starts_with("INSERT");
        if (!inserts) {
            source().execute("INSERT INTO stock SELECT g, 'old' FROM generate_series(1, " +
                             std::to_string(kRows) + ") g");
        }
        for (const auto& [key, value] : std::get<Settings>(GetParam()).values) {
            consumer().set(key, value);
        }
        copy_and_stop();
        target().execute(refusal().spoil);
    }

    const Refusal& refusal() const { return std::get<Refusal>(GetParam()); }
    std::string position() { return source().value("SELECT pg_current_wal_insert_lsn()"); }

    // How many of the changed rows with `ids` bear witness of their change.
    std::int64_t applied(const std::string& ids) {
        const std::string count = " FROM stock WHERE " + ids;
        if (!refusal().change.starts_with("DELETE")) {
            return target().number("SELECT count(*)" + count + " AND v = 'new'");
        }
        return target().number("SELECT count(*) FROM generate_series(1, " + std::to_string(kRows) +
                               ") id WHERE " + ids + " AND id NOT IN (SELECT id FROM stock)");
    }

    std::string expect_bad_row_named() {
        const std::string log = expect_refusal(seconds(60));
        const std::string error = log.substr(std::min(log.find("ERROR:"), log.size()));
        EXPECT_TRUE(contains(error, "public.stock"));
        EXPECT_TRUE(contains(error, "(id)=(3210)"));
        EXPECT_TRUE(contains(error, refusal().said));
        return error;
    }

    void expect_lsn_between(const std::string& error, const std::string& from,
                            const std::string& to) {
        std::smatch found;
        ASSERT_TRUE(std::regex_search(error, found, std::regex("LSN ([0-9A-F]+/[0-9A-F]+)")));
        EXPECT_EQ(source().value("SELECT " + literal(found[1]) + "::pg_lsn BETWEEN " +
                                 literal(from) + " AND " + literal(to)),
                  "t")
            << found[1] << " is not between " << from << " and " << to;
    }

    void expect_goes_on() {
        target().execute(refusal().repair);
        consumer().start();
        expect_caught_up();
    }
};

TEST_P(ApplyRefusals, OneOfManyTransactionsStopsExactlyThere) {
    each_in_transaction(1, kBad - 1, refusal().change);
    const std::string from = position();
    each_in_transaction(kBad, kBad, refusal().change);
    const std::string to = position();
    each_in_transaction(kBad + 1, kRows, refusal().change);
    consumer().start();
    expect_lsn_between(expect_bad_row_named(), from, to);
    EXPECT_EQ(applied("id < 3210"), kBad - 1);
    EXPECT_EQ(applied("id > 3210"), 0);
    expect_goes_on();
}

TEST_P(ApplyRefusals, OneRowOfALargeTransactionLeavesNothingOfIt) {
    each_in_transaction(-20, 0, "INSERT INTO stock VALUES (i, 'before')");
    const std::string from = position();
    source().execute("DO $$ BEGIN FOR i IN 1.." + std::to_string(kRows) + " LOOP " +
                     refusal().change + "; END LOOP; END $$");
    const std::string to = position();
    each_in_transaction(6000, 6020, "INSERT INTO stock VALUES (i, 'after')");
    consumer().start();
    expect_lsn_between(expect_bad_row_named(), from, to);
    EXPECT_EQ(target().value("SELECT count(*) FROM stock WHERE v = 'before'"), "21");
    EXPECT_EQ(target().value("SELECT count(*) FROM stock WHERE v = 'after'"), "0");
    EXPECT_EQ(applied("id BETWEEN 1 AND 5000 AND id <> 3210"), 0);
    expect_goes_on();
}

// The server speaks up only when it commits, which for a transaction alone is at a sync.
class RefusedCommit : public BacklogScenario {};

TEST_F(RefusedCommit, OfALoneTransactionLeavesNothingOfIt) {
    on_both("CREATE TABLE stock (id int PRIMARY KEY, v text)");
    target().execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE "
        "check_violation USING MESSAGE = 'refused at last'; END $$; CREATE CONSTRAINT TRIGGER late "
        "AFTER INSERT ON stock DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.v = 'bad') "
        "EXECUTE FUNCTION refuse(); ALTER TABLE stock ENABLE ALWAYS TRIGGER late");
    consumer().init();
    consumer().start();
    source().execute("INSERT INTO stock VALUES (1, 'good')");
    catch_up();
    source().execute("INSERT INTO stock VALUES (2, 'bad')");
    const std::string log = expect_refusal(seconds(60));
    EXPECT_TRUE(contains(log, "could not commit"));
    EXPECT_TRUE(contains(log, "raised an exception with SQLSTATE 23514"));
    EXPECT_EQ(target().value("SELECT string_agg(v, ',') FROM stock"), "good");
    target().execute("DROP TRIGGER late ON stock");
    consumer().start();
    expect_caught_up();
}

INSTANTIATE_TEST_SUITE_P(, ApplyRefusals,
                         ::testing::Combine(::testing::ValuesIn(refusals()),
                                            ::testing::ValuesIn(settings())),
                         [](const auto& parameter) {
                             return std::get<Refusal>(parameter.param).name +
                                    std::get<Settings>(parameter.param).name;
                         });

}  // namespace
}  // namespace walpack::e2e
