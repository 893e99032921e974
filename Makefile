# walpack: the plugin, built by PGXS against the server that pg_config names.
#
#   make            the two libraries: walpack (the output plugin) and walpack_sql (the SQL functions)
#   make install    libraries, control file and script
#   make installcheck   regression tests, in a running server with wal_level=logical
#   make check-symbols  the libraries need no C++ runtime
#
# The output plugin is a library of its own because an administrator has to name it in
# output_plugin_libraries: what is vouched for there stays small.
#
# Targets for developers (tests, consumer, benchmarks) come from dev.mk.

# Version of the project; the extension's own stands in walpack.control.
WALPACK_VERSION = 1.0.0

MODULE_big = walpack
SQL_MODULE = walpack_sql

SQL_SOURCES    = $(sort $(wildcard plugin/sql_*.cpp))
PLUGIN_SOURCES = $(filter-out $(SQL_SOURCES),$(sort $(wildcard plugin/*.cpp)))

OBJS     = $(PLUGIN_SOURCES:.cpp=.o)
SQL_OBJS = $(SQL_SOURCES:.cpp=.o)
SQL_LIB  = $(if $(SQL_SOURCES),$(SQL_MODULE)$(DLSUFFIX))

EXTENSION = walpack
DATA      = $(wildcard plugin/walpack--*.sql)

# One test per feature, in this order; those whose file exists.
# What they share is made by setup.
REGRESS_ORDER = setup options insert update delete replica_identity toast truncate types \
                types_extension publication column_list row_filter origin messages schema_change \
                streaming two_phase errors batching decode decode_transactions decode_compressed slots \
                peek_transactions session_reuse
REGRESS       = $(foreach test,$(REGRESS_ORDER),$(if $(wildcard sql/$(test).sql),$(test)))
REGRESS_OPTS  = --inputdir=. --load-extension=walpack

# Tests of concurrent sessions; what they share is made by shared_functions. PGXS runs them after the
# others.
ISOLATION_ORDER = shared_functions slot_creation older_transaction ddl_rewrite concurrent_index \
                  publication_change type_change streamed_abort invalidation_storm busy_slot
ISOLATION       = $(foreach test,$(ISOLATION_ORDER),$(if $(wildcard specs/$(test).spec),$(test)))
ISOLATION_OPTS  = --inputdir=. --load-extension=walpack

# Names are resolved from the project's root: "protocol/format.h".
PG_CPPFLAGS = -I. -DWALPACK_VERSION='"$(WALPACK_VERSION)"'
PG_CXXFLAGS = -std=c++20 -fno-exceptions -fno-rtti -fno-threadsafe-statics \
              -fvisibility=hidden -fvisibility-inlines-hidden \
              -Wextra -Wshadow -Wno-register -Wno-unused-parameter -Wno-missing-field-initializers \
              -MMD -MP

EXTRA_CLEAN = $(SQL_MODULE).so $(SQL_OBJS) $(wildcard plugin/*.d) results output_iso regression.diffs regression.out

# Compressed messages: the plugin writes them, the SQL functions read them.
SHLIB_LINK += -llz4 -lzstd

# Bitcode serves the inlining of SQL functions by the JIT; there is nothing to inline here.
override with_llvm = no

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)

ifeq ($(wildcard $(PGXS)),)
# `make demo` and `make help` work on a machine that has no server's headers yet.
.PHONY: all install installcheck
all install installcheck:
	@echo "no PGXS of a server at \"$(PGXS)\": install the server's headers (bash .ci/install.sh," \
	    "or your packages), or name another server with PG_CONFIG=" >&2; exit 1
else
include $(PGXS)

all: $(SQL_LIB)

# Compressed messages are unpacked by the libraries that packed them.
$(SQL_MODULE)$(DLSUFFIX): $(SQL_OBJS)
	$(LINK.shared) -o $@ $(SQL_OBJS) $(LDFLAGS) $(LDFLAGS_SL) $(SHLIB_LINK)

install: install-sql-module
uninstall: uninstall-sql-module

.PHONY: install-sql-module uninstall-sql-module check-symbols
install-sql-module: $(SQL_LIB) installdirs
	$(if $(SQL_LIB),$(INSTALL_SHLIB) $(SQL_LIB) '$(DESTDIR)$(pkglibdir)/$(SQL_LIB)')

uninstall-sql-module:
	rm -f '$(DESTDIR)$(pkglibdir)/$(SQL_MODULE)$(DLSUFFIX)'

# operator new and delete, the exception and guard runtime, anything of namespace std.
check-symbols: all
	@for library in $(MODULE_big)$(DLSUFFIX) $(SQL_LIB); do \
	    if nm -D --undefined-only $$library | grep -E ' (_Zn|_Zd|__cxa|__gxx|_ZSt|_ZNSt|_ZNKSt)' \
	        | grep -v __cxa_finalize; then \
	        echo "$$library needs the C++ runtime" >&2; exit 1; \
	    fi; \
	    echo "$$library needs no C++ runtime"; \
	done

# PGXS of packaged servers tracks no header dependencies.
-include $(OBJS:.o=.d) $(SQL_OBJS:.o=.d)
endif

-include dev.mk
