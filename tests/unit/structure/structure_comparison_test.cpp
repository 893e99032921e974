// How what pg_dump writes of both ends is compared.
#include "structure/structure_comparison.h"

#include <gtest/gtest.h>

namespace walpack {
namespace {

using Lines = std::vector<std::string>;

ArchiveTexts texts(const std::string& lines, const std::map<std::uint32_t, std::string>& sql) {
    ArchiveTexts made;
    for (const ArchiveEntry& entry : parse_archive_list(lines)) made.entries[entry.id] = entry;
    made.statements = sql;
    return made;
}

TEST(StructureDefinitions, AreOfWhatTheTablesNeedBesideThemselves) {
    ArchiveTexts made = texts(
        "1; 1247 101 TYPE shop mood p\n2; 1259 102 TABLE shop t p\n3; 0 0 ACL shop TABLE t p\n"
        "4; 0 0 COMMENT shop TABLE t p\n5; 0 0 COMMENT shop TYPE mood p\n",
        {{1, "CREATE TYPE ..;"},
         {2, "CREATE TABLE ..;"},
         {3, "GRANT SELECT ON TABLE shop.t TO a;\nGRANT INSERT ON TABLE shop.t TO b;"},
         {4, "COMMENT ON TABLE ..;"},
         {5, "COMMENT ON TYPE ..;"}});
    made.owners[2] = "ALTER TABLE shop.t OWNER TO a;";
    const StructureDefinitions found = structure_definitions(made, false);
    EXPECT_EQ(found.size(), 3U);
    EXPECT_EQ(found.at("TYPE shop mood").statements, (Lines{"CREATE TYPE ..;"}));
    EXPECT_TRUE(found.at("TABLE shop t").statements.empty());
    EXPECT_EQ(found.at("TABLE shop t").owner, "ALTER TABLE shop.t OWNER TO a;");
    EXPECT_EQ(found.at("ACL shop TABLE t").statements.size(), 2U);
    EXPECT_TRUE(structure_definitions(made, true).contains("COMMENT shop TYPE mood"));
}

TEST(CompareStructures, NamesWhatDiffersAndWhatOneSideLacks) {
    const StructureDefinitions source = {{"TYPE s a", {{"CREATE TYPE\n    a"}, ""}},
                                         {"TYPE s b", {{"CREATE TYPE b"}, ""}},
                                         {"TYPE s same", {{"CREATE TYPE same"}, ""}}};
    const StructureDefinitions target = {{"TYPE s a", {{"CREATE TYPE x"}, ""}},
                                         {"TYPE s c", {{"CREATE TYPE c"}, ""}},
                                         {"TYPE s same", {{"CREATE TYPE same"}, ""}}};
    EXPECT_EQ(compare_structures(source, target, {}),
              (Lines{"TYPE s a: source CREATE TYPE     a | target CREATE TYPE x",
                     "TYPE s b: source CREATE TYPE b | target missing",
                     "TYPE s c: source missing | target CREATE TYPE c"}));
}

TEST(WithAllRights, IsWhereAllButMaintainAreGranted) {
    EXPECT_EQ(with_all_rights("GRANT SELECT,INSERT,REFERENCES,DELETE,TRIGGER,TRUNCATE,UPDATE ON "
                              "TABLE s.t TO a WITH GRANT OPTION;"),
              "GRANT ALL ON TABLE s.t TO a WITH GRANT OPTION;");
    for (const char* other :
         {"GRANT ALL ON TABLE s.t TO a;", "GRANT SELECT,INSERT ON TABLE s.t TO a;",
          "GRANT SELECT(id),INSERT,REFERENCES,DELETE,TRIGGER,TRUNCATE,UPDATE ON TABLE t TO a;",
          "REVOKE SELECT,INSERT,REFERENCES,DELETE,TRIGGER,TRUNCATE,UPDATE ON TABLE t FROM a;",
          "GRANT USAGE ON SEQUENCE s.t TO a;"})
        EXPECT_EQ(with_all_rights(other), other);
}

TEST(CompareStructures, LeavesOutOwnersAndGrantsOfRolesThatTheTargetLacks) {
    const StructureDefinitions source = {
        {"ACL s TABLE t",
         {{"GRANT SELECT ON TABLE s.t TO here;", "GRANT SELECT ON TABLE s.t TO gone;",
           "GRANT INSERT ON TABLE s.t TO \"the one\" WITH GRANT OPTION;",
           "REVOKE ALL ON TABLE s.t FROM PUBLIC;"},
          ""}},
        {"TABLE s t", {{}, "ALTER TABLE s.t OWNER TO gone;"}},
        {"TABLE s u", {{}, "ALTER TABLE s.u OWNER TO here;"}}};
    const StructureDefinitions target = {{"TABLE s t", {{}, "ALTER TABLE s.t OWNER TO p;"}},
                                         {"TABLE s u", {{}, "ALTER TABLE s.u OWNER TO p;"}}};
    EXPECT_EQ(
        compare_structures(source, target, {"here", "\"the one\""}),
        (Lines{"ACL s TABLE t: source GRANT SELECT ON TABLE s.t TO here; | target missing",
               "ACL s TABLE t: source GRANT INSERT ON TABLE s.t TO \"the one\" WITH GRANT OPTION; "
               "| target missing",
               "ACL s TABLE t: source REVOKE ALL ON TABLE s.t FROM PUBLIC; | target missing",
               "owner of TABLE s u: source ALTER TABLE s.u OWNER TO here; | target ALTER TABLE s.u "
               "OWNER TO p;"}));
}

}  // namespace
}  // namespace walpack
