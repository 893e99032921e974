// The list and the script of an archive, as pg_restore writes them.
#include "structure/archive.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace walpack {
namespace {

constexpr const char* kList = R"(;
; Archive created at 2026-01-01 00:00:00 UTC
;     TOC Entries: 58
;
219; 1259 16517 TABLE shop customer postgres
;	depends on: 273 217 7
3527; 0 0 SEQUENCE OWNED BY shop customer_id_seq postgres
;	depends on: 218
3372; 2606 16531 FK CONSTRAINT shop customer customer_boss_fkey some owner
2; 3079 16384 EXTENSION - citext 
)";

std::map<std::uint32_t, ArchiveEntry> by_number(const std::vector<ArchiveEntry>& list) {
    std::map<std::uint32_t, ArchiveEntry> entries;
    for (const ArchiveEntry& entry : list) entries[entry.id] = entry;
    return entries;
}

TEST(ArchiveList, TellsObjectKindNameAndDependencies) {
    const auto list = parse_archive_list(kList);
    ASSERT_EQ(list.size(), 4U);
    EXPECT_EQ(list[0].id, 219U);
    EXPECT_EQ(list[0].class_oid, 1259U);
    EXPECT_EQ(list[0].object_oid, 16517U);
    EXPECT_EQ(list[0].kind, "TABLE");
    EXPECT_EQ(list[0].schema, "shop");
    EXPECT_EQ(list[0].name, "customer");
    EXPECT_EQ(list[0].depends_on, (std::vector<std::uint32_t>{273, 217, 7}));
}

TEST(ArchiveList, KnowsKindsOfSeveralWords) {
    const auto list = parse_archive_list(kList);
    EXPECT_EQ(list[1].kind, "SEQUENCE OWNED BY");
    EXPECT_EQ(list[1].name, "customer_id_seq");
    EXPECT_EQ(list[2].kind, "FK CONSTRAINT");
    EXPECT_EQ(list[2].schema, "shop");
}

TEST(ArchiveList, DescribesAnEntryWithoutItsOwner) {
    const auto list = parse_archive_list(kList);
    EXPECT_EQ(list[0].description(), "TABLE shop customer");
    EXPECT_EQ(list[3].description(), "EXTENSION citext");
}

TEST(ArchiveList, TakesATableOfASchemaNamedAttachForATable) {
    const auto list = parse_archive_list("5; 1259 77 TABLE ATTACH t postgres\n");
    EXPECT_EQ(list[0].kind, "TABLE");
    EXPECT_EQ(list[0].schema, "ATTACH");
    EXPECT_EQ(parse_archive_list("5; 0 0 TABLE ATTACH s t postgres\n")[0].kind, "TABLE ATTACH");
}

TEST(ArchiveList, RefusesALineThatIsNoEntry) {
    EXPECT_THROW(parse_archive_list("pg_restore: error\n"), Error);
    EXPECT_THROW(parse_archive_list("5; 1259\n"), Error);
}

constexpr const char* kScript = R"(--
-- PostgreSQL database dump
--

\restrict abc

SET statement_timeout = 0;

SET default_table_access_method = heap;

--
-- TOC entry 219 (class 1259 OID 16517)
-- Dependencies: 273
-- Name: customer; Type: TABLE; Schema: shop; Owner: postgres
--

CREATE TABLE shop.customer (
    id integer
);


SET default_tablespace = fast;

SET default_table_access_method = columnar;

--
-- TOC entry 273 (class 1255 OID 16511)
-- Name: f(); Type: FUNCTION; Schema: shop; Owner: postgres
--

CREATE FUNCTION shop.f() RETURNS text LANGUAGE sql AS $$
--
-- TOC entry 3372 (class 2606 OID 1)
--
SELECT 1 $$;


-- Completed on 2026-01-01 00:00:00 UTC

--
-- PostgreSQL database dump complete
--

\unrestrict abc

)";

TEST(ArchiveScript, GivesEachEntryItsStatementsWithoutSettings) {
    const auto entries = by_number(parse_archive_list(
        "219; 1259 16517 TABLE shop customer p\n273; 1255 16511 FUNCTION shop f() p\n"));
    const auto texts = split_archive_script(kScript, entries);
    ASSERT_EQ(texts.size(), 2U);
    EXPECT_EQ(texts.at(219), "CREATE TABLE shop.customer (\n    id integer\n);");
    EXPECT_TRUE(texts.at(273).starts_with("CREATE FUNCTION shop.f()"));
    EXPECT_TRUE(texts.at(273).ends_with("SELECT 1 $$;"));
}

TEST(ArchiveScript, IsNotMisledByAHeaderInsideABody) {
    const auto entries = by_number(parse_archive_list(
        "273; 1255 16511 FUNCTION shop f() p\n3372; 2606 16531 FK CONSTRAINT shop c x p\n"));
    const auto texts = split_archive_script(kScript, entries);
    ASSERT_EQ(texts.size(), 1U);
    EXPECT_TRUE(texts.at(273).ends_with("SELECT 1 $$;"));
}

TEST(ArchiveScript, IsEmptyWithoutEntries) {
    EXPECT_TRUE(split_archive_script("--\n-- PostgreSQL database dump complete\n--\n", {}).empty());
}

TEST(SplitStatements, SplitsAtSemicolonsOutsideOfNames) {
    EXPECT_EQ(split_statements("GRANT SELECT ON t TO \"a;b\";\nGRANT ALL ON t TO c;\n"),
              (std::vector<std::string>{"GRANT SELECT ON t TO \"a;b\";", "GRANT ALL ON t TO c;"}));
}

TEST(SplitStatements, KeepsALastStatementWithoutSemicolon) {
    EXPECT_EQ(split_statements("A 'it''s;';B"), (std::vector<std::string>{"A 'it''s;';", "B"}));
    EXPECT_TRUE(split_statements(" \n").empty());
}

}  // namespace
}  // namespace walpack
