#include "schema/publication_scope.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace walpack {
namespace {

PublicationEntry entry(std::uint32_t oid, const std::string& publication) {
    PublicationEntry made;
    made.oid = oid;
    made.schema = "public";
    made.name = "t" + std::to_string(oid);
    made.publication = publication;
    made.columns = {1, 2};
    return made;
}

PublicationEntry filtered(std::uint32_t oid, const std::string& publication,
                          const std::string& filter) {
    PublicationEntry made = entry(oid, publication);
    made.row_filter = filter;
    return made;
}

PublicationEntry partition(std::uint32_t oid, const std::string& publication,
                           std::vector<std::uint32_t> ancestors) {
    PublicationEntry made = entry(oid, publication);
    made.ancestors = std::move(ancestors);
    return made;
}

PublicationEntry updated(PublicationEntry made) {
    made.publishes_updates = true;
    return made;
}

std::vector<std::uint32_t> oids(const std::vector<PublishedRelation>& relations) {
    std::vector<std::uint32_t> found;
    for (const PublishedRelation& relation : relations) found.push_back(relation.oid);
    return found;
}

TEST(PublicationScope, JoinsRowFiltersByOr) {
    const auto combined =
        combine({filtered(1, "a", "(id > 5)"), filtered(1, "b", "(v = 'x'::text)")});
    ASSERT_EQ(combined.size(), 1U);
    EXPECT_EQ(combined[0].row_filter, "((id > 5)) OR ((v = 'x'::text))");
}

TEST(PublicationScope, WritesTheSameFilterOnce) {
    const auto combined = combine({filtered(1, "a", "(id > 5)"), filtered(1, "b", "(id > 5)")});
    EXPECT_EQ(combined[0].row_filter, "((id > 5))");
}

TEST(PublicationScope, HasNoFilterWhereOnePublicationHasNone) {
    const auto combined = combine({filtered(1, "a", "(id > 5)"), entry(1, "b")});
    EXPECT_EQ(combined[0].row_filter, std::nullopt);
}

TEST(PublicationScope, RefusesColumnListsThatDiffer) {
    PublicationEntry other = entry(1, "b");
    other.columns = {1};
    try {
        (void)combine({entry(1, "a"), other});
        FAIL() << "was accepted";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::config);
        EXPECT_EQ(error.message(),
                  "publications \"a\" and \"b\" publish different columns of table \"public.t1\", "
                  "which cannot be combined");
    }
}

TEST(PublicationScope, LeavesOutPartitionsOfAListedRoot) {
    const auto combined = combine({partition(2, "leaves", {1}), partition(3, "leaves", {7, 1}),
                                   entry(1, "root"), partition(4, "leaves", {8})});
    EXPECT_THAT(oids(combined), ::testing::ElementsAre(1, 4));
}

TEST(PublicationScope, AsksOnlyTheRootsPublicationsForRowsAndColumns) {
    PublicationEntry leaf = partition(2, "leaves", {1});
    leaf.columns = {1};
    const auto combined = combine({filtered(1, "root", "(id > 5)"), leaf});
    ASSERT_EQ(combined.size(), 1U);
    EXPECT_EQ(combined[0].row_filter, "((id > 5))");
}

TEST(PublicationScope, AddsUpActionsAlsoOfPartitionsAlone) {
    const auto combined = combine({entry(1, "root"), updated(partition(2, "leaves", {1})),
                                   entry(3, "a"), updated(entry(4, "a")), entry(4, "b")});
    ASSERT_THAT(oids(combined), ::testing::ElementsAre(1, 3, 4));
    EXPECT_TRUE(combined[0].publishes_updates);
    EXPECT_FALSE(combined[1].publishes_updates);
    EXPECT_TRUE(combined[2].publishes_updates);
}

}  // namespace
}  // namespace walpack
