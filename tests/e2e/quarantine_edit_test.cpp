// What an edit of a held row may put in its place, and what the row waits for then.
#include <fstream>

#include "quarantine_scenario.h"
#include "support/scratch.h"

namespace walpack::e2e {
namespace {

class QuarantineEdit : public QuarantineScenario {
  protected:
    void SetUp() override {
        QuarantineScenario::SetUp();
        on_both(
            "CREATE TABLE parent (id int PRIMARY KEY, v int); "
            "CREATE TABLE child (id int PRIMARY KEY, parent_id int, v int)");
        target().execute(
            "ALTER TABLE parent ADD CONSTRAINT small CHECK (v < 1000); ALTER TABLE child ADD "
            "CONSTRAINT small CHECK (v < 1000), ADD FOREIGN KEY (parent_id) REFERENCES parent");
    }
};

// libpq would end the value there.
TEST_F(QuarantineEdit, AZeroByteIsRefused) {
    start();
    catch_up();
    source().execute("INSERT INTO parent VALUES (1, 1000)");
    catch_up();
    const std::string file = new_scratch_path("value");
    std::ofstream(file) << "9" << '\0' << "98";
    const Finished edited = quarantine({"edit", "1", "--set-file", "v=" + file});
    EXPECT_NE(edited.status, 0);
    EXPECT_TRUE(contains(edited.output, "has a zero byte")) << edited.output;
}

TEST_F(QuarantineEdit, TheTargetsKeyStaysWhereWholeRowsAreSent) {
    on_both("ALTER TABLE parent REPLICA IDENTITY FULL");
    start();
    catch_up();
    source().execute("INSERT INTO parent VALUES (1, 1000)");
    catch_up();
    const Finished edited = quarantine({"edit", "1", "--set", "id=2"});
    EXPECT_NE(edited.status, 0);
    EXPECT_TRUE(contains(edited.output, "is part of its key")) << edited.output;
    EXPECT_EQ(quarantine({"edit", "1", "--set", "v=2"}).status, 0);
    EXPECT_EQ(quarantine({"retry", "1"}).status, 0);
    source().execute("DELETE FROM parent");
    catch_up();
    EXPECT_EQ(target().value("SELECT count(*) FROM parent"), "0");
}

TEST_F(QuarantineEdit, ARowWaitsForWhatItRefersToByItsEdit) {
    start();
    catch_up();
    source().execute("INSERT INTO parent VALUES (1, 1), (2, 1000)");
    source().execute("INSERT INTO child VALUES (10, 1, 1000)");
    catch_up();
    EXPECT_EQ(behind(), "- -");
    const Finished edited = quarantine({"edit", "2", "--set", "parent_id=2"});
    EXPECT_EQ(edited.status, 0) << edited.output;
    EXPECT_EQ(quarantine({"edit", "2", "--set", "v=1"}).status, 0);
    EXPECT_NE(quarantine({"retry", "2"}).status, 0);
    EXPECT_EQ(behind(), "- 1");
    EXPECT_EQ(target().value("SELECT count(*) FROM child"), "0");
    EXPECT_EQ(quarantine({"edit", "1", "--set", "v=1"}).status, 0);
    EXPECT_EQ(quarantine({"retry", "--all"}).status, 0);
    EXPECT_EQ(target().value("SELECT parent_id FROM child"), "2");
}

}  // namespace
}  // namespace walpack::e2e
