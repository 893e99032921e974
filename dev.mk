# Every command of a developer; `make help` lists them. Included by the Makefile after PGXS.
#
# All of them work as root (servers then run as user postgres) and as an ordinary user.

BUILD_DIR ?= build
JOBS      ?= 2
SECONDS   ?= 60
SEED      ?=
SANITIZE  ?=
SCALE     ?= 100
REPS      ?= 3

# One build at a time in a folder, also under make -j.
CMAKE_BUILD = flock $(1) cmake --build $(1) -j $(JOBS) --target
CONSUMER    = $(call CMAKE_BUILD,$(BUILD_DIR)) walpack
CXX_FILES   = $(wildcard $(addsuffix /*.h,consumer/* plugin protocol tests/* tests/*/*) \
                         $(addsuffix /*.cpp,consumer consumer/* plugin tests/* tests/*/*))

.PHONY: help build consumer unit-tests e2e-tests test check check-suites regress-list isolation-list \
        check-isolation check-matrix check-large demo soak differential differential-tests \
        bench lint tidy cli-pages format format-check check-asan check-tsan check-plugin-asan \
        check-plugin-valgrind fuzz install-consumer clean-build

help:             ## this list
	@echo 'make [all]        the plugin alone, for the server that pg_config names'
	@echo 'make install      the plugin into that server; make installcheck tests it there'
	@sed -n 's/^\([a-z-]*\): .*## \(.*\)/make \1@\2/p' dev.mk | sort | \
	    awk -F@ '{ printf "%-29s %s\n", $$1, $$2 }'

$(BUILD_DIR)/compile_commands.json:
	cmake -S . -B $(BUILD_DIR)

build: all $(BUILD_DIR)/compile_commands.json        ## plugin and consumer; the consumer is BUILD_DIR/walpack
	$(CONSUMER)

unit-tests: $(BUILD_DIR)/compile_commands.json
	$(call CMAKE_BUILD,$(BUILD_DIR)) walpack_unit_tests

e2e-tests: $(BUILD_DIR)/compile_commands.json
	$(CONSUMER) walpack_e2e_tests

test: unit-tests                              ## unit tests, no server; FILTER='Decoder.*' for some
	$(BUILD_DIR)/walpack_unit_tests --gtest_brief=1 $(if $(FILTER),--gtest_filter='$(FILTER)')

# PGXS has a `check` whose recipe only says that there is none. A second recipe would bring a
# warning on every call of make, so that recipe is given a shell that does nothing.
check: private SHELL := /bin/true
check: check-suites                           ## everything; each suite has a line, the total comes last

check-suites: all $(BUILD_DIR)/compile_commands.json
	$(CONSUMER) walpack_unit_tests walpack_differential_tests walpack_e2e_tests
	@BUILD_DIR=$(BUILD_DIR) bash .ci/check.sh $(SUITES)

regress-list:
	@echo $(REGRESS)

isolation-list:
	@echo $(ISOLATION)

check-isolation: all                          ## concurrent sessions: specs/, on a throw-away server
	@bash .ci/regress.sh isolation

check-matrix: all $(BUILD_DIR)/compile_commands.json ## both with PostgreSQL 17, 18, 19, in unpacked roots; MATRIX_DIR= keeps them
	$(CONSUMER)
	@BUILD_DIR=$(BUILD_DIR) bash .ci/matrix.sh

check-large: all e2e-tests                    ## rows and values too large for every day: 10,000,000 rows, 900 MB; half an hour
	@BUILD_DIR=$(BUILD_DIR) bash .ci/e2e.sh --gtest_also_run_disabled_tests \
	    --gtest_filter='*.DISABLED_*'

demo:                                         ## two servers, pgbench, a kill -9, then all is compared; KEEP=1
	@KEEP='$(KEEP)' BUILD_DIR=$(BUILD_DIR) bash tests/demo.sh

# The consumer alone is sanitized, which takes time and load from nothing else.
soak: all e2e-tests                           ## the random end-to-end tests for SECONDS=60 with SEED=; SANITIZE=thread
ifneq ($(SANITIZE),)
	cmake -S . -B build-soak-$(SANITIZE) -DWALPACK_SANITIZE=$(SANITIZE) -DWALPACK_TESTS=OFF
	$(call CMAKE_BUILD,build-soak-$(SANITIZE)) walpack
	@WALPACK=$(CURDIR)/build-soak-$(SANITIZE)/walpack WALPACK_PATIENCE=5 \
	    TSAN_OPTIONS=halt_on_error=1 BUILD_DIR=$(BUILD_DIR) \
	    setarch --addr-no-randomize bash .ci/e2e.sh soak $(SECONDS) $(SEED)
else
	@BUILD_DIR=$(BUILD_DIR) bash .ci/e2e.sh soak $(SECONDS) $(SEED)
endif

differential-tests: $(BUILD_DIR)/compile_commands.json
	$(call CMAKE_BUILD,$(BUILD_DIR)) walpack_differential_tests

differential: all differential-tests          ## random workloads, walpack beside pgoutput, for SECONDS=60 with SEED=
	@BUILD_DIR=$(BUILD_DIR) bash .ci/differential.sh soak $(SECONDS) $(SEED)

bench: build                                  ## decoding, catching up, latency, beside the built-in ones; SCALE=100 REPS=3
	@BUILD_DIR=$(BUILD_DIR) SCALE=$(SCALE) REPS=$(REPS) bash bench/run.sh

lint: all $(BUILD_DIR)/compile_commands.json         ## includes, limits, format, agreement of versions and documents
	@BUILD_DIR=$(BUILD_DIR) bash .ci/lint.sh

tidy: $(BUILD_DIR)/compile_commands.json             ## clang-tidy over the consumer
	@BUILD_DIR=$(BUILD_DIR) JOBS=$(JOBS) bash .ci/tidy.sh

cli-pages: build                              ## docs/cli from the help texts of the built consumer
	BUILD_DIR=$(BUILD_DIR) bash .ci/cli_pages.sh docs/cli

format:                                       ## clang-format every source in place
	clang-format -i $(CXX_FILES)

format-check:                                 ## only say which sources clang-format would change
	clang-format --dry-run -Werror $(CXX_FILES)

# $(1): folder, $(2): value of -fsanitize=
define check_sanitized
	cmake -S . -B $(1) -DWALPACK_SANITIZE=$(2)
	$(call CMAKE_BUILD,$(1)) walpack walpack_unit_tests walpack_e2e_tests
	@BUILD_DIR=$(1) bash .ci/check.sh unit e2e
endef

check-asan: all                               ## unit and e2e tests with address and undefined sanitizers
	$(call check_sanitized,build-asan,address$(comma)undefined)

check-tsan: all                               ## unit and e2e tests with the thread sanitizer
	$(call check_sanitized,build-tsan,thread)

comma := ,

check-plugin-asan: all                        ## regress with the plugin under the address sanitizer
	@bash .ci/regress.sh asan

check-plugin-valgrind: all                    ## regress with the server under valgrind
	@bash .ci/regress.sh valgrind

fuzz:                                         ## the decoder under libFuzzer for SECONDS=60
	CC=clang CXX=clang++ cmake -S . -B build-fuzz -DWALPACK_FUZZ=ON -DWALPACK_TESTS=OFF \
	    -DWALPACK_SANITIZE=fuzzer-no-link,address,undefined
	$(call CMAKE_BUILD,build-fuzz) walpack_decoder_fuzzer
	mkdir -p build-fuzz/corpus
	build-fuzz/walpack_decoder_fuzzer -max_total_time=$(SECONDS) -max_len=65536 -print_final_stats=1 \
	    -artifact_prefix=build-fuzz/ build-fuzz/corpus $(wildcard tests/golden/v* tests/fuzz/corpus)

install-consumer: $(BUILD_DIR)/compile_commands.json ## the binary walpack, to prefix /usr/local; DESTDIR= is honoured
	$(CONSUMER)
	cmake --install $(BUILD_DIR) --prefix $(or $(PREFIX),/usr/local)

clean: clean-build                            ## all that was built
clean-build:
	rm -rf build build-asan build-tsan build-fuzz build-soak-*
