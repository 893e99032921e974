#include "schema/type_catalog.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace walpack {
namespace {

CatalogType type(std::uint32_t oid, const std::string& name,
                 const std::string& schema = "pg_catalog") {
    CatalogType made;
    made.name = {oid, schema, name};
    return made;
}

CatalogType array_of(std::uint32_t oid, std::uint32_t element) {
    CatalogType made = type(oid, "_" + std::to_string(element));
    made.element_oid = element;
    return made;
}

CatalogType of_type(CatalogType made, char type_type) {
    made.type_type = type_type;
    return made;
}

TEST(TypeCatalog, SeesThroughDomainsOfDomains) {
    TypeCatalog catalog;
    catalog.add(type(1, "int4"));
    CatalogType inner = of_type(type(2, "positive", "app"), 'd');
    inner.base_oid = 1;
    inner.typmod = 7;
    catalog.add(inner);
    CatalogType outer = of_type(type(3, "small", "app"), 'd');
    outer.base_oid = 2;
    catalog.add(outer);
    const TypeShape shape = catalog.shape_of(3);
    EXPECT_EQ(shape.kind, ValueKind::int4);
    EXPECT_EQ(shape.declared.name, "small");
    EXPECT_EQ(shape.base.name, "int4");
    EXPECT_EQ(catalog.effective_typmod(3, -1), 7);
}

TEST(TypeCatalog, SendsAnArrayUnlessItsElementsAreTextOnly) {
    TypeCatalog catalog;
    catalog.add(type(1, "int4"));
    catalog.add(array_of(2, 1));
    catalog.add(of_type(type(3, "pair", "app"), 'c'));
    catalog.add(array_of(4, 3));
    EXPECT_EQ(catalog.shape_of(2).kind, ValueKind::array);
    EXPECT_EQ(catalog.shape_of(2).element_kind, ValueKind::int4);
    EXPECT_EQ(catalog.shape_of(4).kind, ValueKind::output);
    EXPECT_EQ(catalog.shape_of(4).element->name, "pair");
}

TEST(TypeCatalog, GivesTheBoundsKindOfAMultirange) {
    TypeCatalog catalog;
    catalog.add(type(1, "float8"));
    CatalogType range = of_type(type(2, "floatrange", "app"), 'r');
    range.subtype_oid = 1;
    catalog.add(range);
    CatalogType multirange = of_type(type(3, "floatmultirange", "app"), 'm');
    multirange.range_oid = 2;
    catalog.add(multirange);
    const TypeShape shape = catalog.shape_of(3);
    EXPECT_EQ(shape.kind, ValueKind::multirange);
    EXPECT_EQ(shape.element->name, "floatrange");
    EXPECT_EQ(shape.element_kind, ValueKind::float8);
}

TEST(TypeCatalog, DoesNotTakeAUsersTypeForABuiltInNamesake) {
    TypeCatalog catalog;
    catalog.add(type(1, "int4", "app"));
    EXPECT_EQ(catalog.shape_of(1).kind, ValueKind::output);
}

TEST(TypeCatalog, KnowsExtensionTypesByName) {
    TypeCatalog catalog;
    CatalogType citext = type(1, "citext", "public");
    citext.is_variable_length = true;
    catalog.add(citext);
    CatalogType hstore = type(2, "hstore", "public");
    hstore.is_variable_length = true;
    hstore.has_send = true;
    catalog.add(hstore);
    EXPECT_EQ(catalog.shape_of(1).kind, ValueKind::text);
    EXPECT_EQ(catalog.shape_of(2).kind, ValueKind::send);
}

TEST(TypeCatalog, SendsTypesThatOnlyNameObjectsAsText) {
    TypeCatalog catalog;
    catalog.add(type(1, "regclass"));
    catalog.add(of_type(type(2, "pair", "app"), 'c'));
    EXPECT_EQ(catalog.shape_of(1).kind, ValueKind::output);
    EXPECT_EQ(catalog.shape_of(2).kind, ValueKind::output);
}

TEST(TypeCatalog, KnowsKindsWhoseEqualityIsThatOfBytes) {
    EXPECT_TRUE(has_exact_equality(ValueKind::int4));
    EXPECT_TRUE(has_exact_equality(ValueKind::timetz));
    EXPECT_TRUE(has_exact_equality(ValueKind::enumeration));
}

TEST(TypeCatalog, DoesNotTrustKindsWithACoarserEquality) {
    EXPECT_FALSE(has_exact_equality(ValueKind::text));
    EXPECT_FALSE(has_exact_equality(ValueKind::numeric));
    EXPECT_FALSE(has_exact_equality(ValueKind::float8));
    EXPECT_FALSE(has_exact_equality(ValueKind::interval));
    EXPECT_FALSE(has_exact_equality(ValueKind::array));
    EXPECT_FALSE(has_exact_equality(ValueKind::output));
}

TEST(TypeCatalog, AsksForAnotherTryWhenATypeIsGone) {
    const TypeCatalog catalog;
    try {
        catalog.shape_of(1);
        FAIL() << "no error";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::connection);
    }
}

}  // namespace
}  // namespace walpack
