#include "e2e/random_refusals.h"

namespace walpack::e2e {
namespace {

constexpr int kUsers = 100;
constexpr int kStock = 300;

std::string stock_id(Random& random) {
    return std::to_string(random.between(1, kStock));
}

std::string change_one_in_stock(Random& random) {
    const std::string id = stock_id(random);
    const std::string other = stock_id(random);
    const std::string text = stock_id(random);
    switch (random.between(0, 3)) {
        case 0:
            return "INSERT INTO stock VALUES (" + id + ", " + other + ", 'new" + text + "')";
        case 1:
            return "UPDATE stock SET code = " + other + ", v = 'u" + text + "' WHERE id = " + id;
        case 2:
            return "UPDATE stock SET id = " + other + " WHERE id = " + id;
        default:
            return "DELETE FROM stock WHERE id = " + id;
    }
}

}  // namespace

const char* const kUserTables =
    "CREATE TABLE users (id int PRIMARY KEY, email text UNIQUE, v int);"
    "CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users, v int);"
    "CREATE TABLE plain (v int); ALTER TABLE plain REPLICA IDENTITY FULL";

std::string change_users(Random& random) {
    const std::string user = std::to_string(random.between(1, kUsers));
    const std::string order = std::to_string(random.between(1, 3 * kUsers));
    const std::string email = "'e" + std::to_string(random.between(1, 3 * kUsers)) + "'";
    const std::string v = random.chance(0.02) ? "2000" : std::to_string(random.between(1, 900));
    switch (random.between(0, 9)) {
        case 0:
        case 1:
            return "INSERT INTO users VALUES (" + user + ", " + email + ", " + v +
                   ") ON CONFLICT DO NOTHING";
        case 2:
            return "DELETE FROM orders WHERE user_id = " + user +
                   "; DELETE FROM users WHERE id = " + user;
        case 3:
            return "UPDATE users SET id = id + " + std::to_string(kUsers) + " WHERE id = " + user +
                   " AND NOT EXISTS (SELECT FROM orders WHERE user_id = " + user + ")";
        case 4:
            return "INSERT INTO orders SELECT " + order + ", id, 1 FROM users WHERE id = " + user +
                   " ON CONFLICT DO NOTHING";
        case 5:
            return "DELETE FROM orders WHERE id = " + order;
        case 6:
            return "UPDATE orders SET v = v + 1 WHERE id = " + order;
        case 7:
            return "UPDATE users SET email = " + email + " WHERE id = " + user +
                   " AND NOT EXISTS (SELECT FROM users WHERE email = " + email + ")";
        case 8:
            return "INSERT INTO plain SELECT " + v + " FROM generate_series(1, 3)";
        default:
            return "UPDATE users SET v = " + v + " WHERE id = " + user;
    }
}

const char* const kRefusingFunction =
    "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE "
    "check_violation USING MESSAGE = 'too large'; END $$";

std::string refuse_large(const std::string& table, Refusing refusing) {
    if (refusing == Refusing::at_once)
        return "ALTER TABLE " + table + " ADD CONSTRAINT small CHECK (v < 1000) NOT VALID";
    return "CREATE CONSTRAINT TRIGGER small AFTER INSERT OR UPDATE ON " + table +
           " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.v >= 1000) EXECUTE "
           "FUNCTION refuse(); ALTER TABLE " +
           table + " ENABLE ALWAYS TRIGGER small";
}

std::string accept_large(const std::string& table, Refusing refusing) {
    return refusing == Refusing::at_once ? "ALTER TABLE " + table + " DROP CONSTRAINT small"
                                         : "DROP TRIGGER small ON " + table;
}

const char* const kStockTable = "CREATE TABLE stock (id int PRIMARY KEY, code int UNIQUE, v text)";

const char* const kSourceWins =
    "{ insert_exists = \"apply\", update_exists = \"apply\", multiple_unique_conflicts = "
    "\"apply\", update_missing = \"insert\", delete_missing = \"apply\" }";

std::string change_stock(Random& random, int count) {
    std::string sql = "DO $$ BEGIN ";
    for (int i = 0; i < count; ++i)
        sql += "BEGIN " + change_one_in_stock(random) +
               "; EXCEPTION WHEN unique_violation THEN NULL; END; ";
    return sql + "END $$";
}

const char* const kSweepStock =
    "DELETE FROM stock WHERE id % 3 = 0; UPDATE stock SET v = v || '.', code = code + 1000; "
    "INSERT INTO stock SELECT g, 2000 + g, 'last' FROM generate_series(1, 300) g ON CONFLICT DO "
    "NOTHING; DELETE FROM stock WHERE id % 2 = 0";

}  // namespace walpack::e2e
