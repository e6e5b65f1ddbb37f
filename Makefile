# haul: `make help` lists the targets.  Variants live in build/NAME; nothing needs cleaning between.

BUILD  ?= release
PREFIX ?= /usr/local
STORE  ?= s3
CC     ?= gcc
OUT    := build/$(BUILD)

# --- what Debian must provide: one list for every target -------------------------------------
PACKAGES_BUILD := gcc libc6-dev make pkg-config lua5.4 liblua5.4-dev lua-cjson-dev media-types libcurl4-openssl-dev \
                  libssl-dev libsqlite3-dev libexpat1-dev libjansson-dev libisal-dev zlib1g-dev
PACKAGES_DEMO  := ceph-mon ceph-osd radosgw curl python3
PACKAGES_TEST  := lua-busted lua-cjson lua-check python3 openssl curl strace valgrind sqlite3 \
                  swift-proxy swift-account swift-container swift-object memcached nginx-light slurm-wlm munge groff-base systemd
PACKAGES_BENCH := nginx-light curl openssl python3
PACKAGES_LINT  := clang-format lua-check
PACKAGES_FUZZ  := clang libclang-rt-14-dev

# --- flags ------------------------------------------------------------------------------------
WARN  := -Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wvla -Wmissing-prototypes -Wstrict-prototypes
HARD  := -fstack-protector-strong -fstack-clash-protection -fcf-protection=full -ftrivial-auto-var-init=zero
CFLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2 $(HARD)
CFLAGS_asan    := -O1 -g -fno-omit-frame-pointer -DHAUL_FAULTS -fsanitize=address,undefined -fno-sanitize-recover=all
CFLAGS_tsan    := -O1 -g -DHAUL_FAULTS -fsanitize=thread
CFLAGS_fuzz    := -O1 -g -DHAUL_FAULTS -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
LUA_CFLAGS     := $(shell pkg-config --cflags lua5.4 2>/dev/null)
override CFLAGS := -std=c17 -D_GNU_SOURCE $(WARN) -fPIC -pthread -Irunner $(LUA_CFLAGS) $(CFLAGS_$(BUILD)) $(CFLAGS)
override LDFLAGS := -pthread -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code -Wl,--as-needed \
                    $(filter -fsanitize%,$(CFLAGS_$(BUILD))) $(LDFLAGS)
LIBS_WIRE := -lcrypto -lexpat -ljansson -lisal -lz
LIBS      := $(LIBS_WIRE) -lcurl -lsqlite3 -llua5.4-cjson -llua5.4 -lm -ldl

# --- layers, lowest first: a file may include its own layer and those before it ----------------
LAYERS := base wire io core journal transfer source engine world script report commands
SRC    := $(foreach layer,$(LAYERS),$(wildcard runner/$(layer)/*.c))
OBJ    := $(SRC:%.c=$(OUT)/%.o)
LIB    := $(OUT)/libhaul.a
LUA    := $(shell find lua -name '*.lua' ! -name meta.lua 2>/dev/null | sort)
BENCH_TOOLS := build/release/bench/measure build/release/bench/raw build/release/bench/pace
FUZZ_SECONDS ?= 60
FUZZERS     := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/*.c))
C_FILES     = $(shell find runner tests -name '*.[ch]' | sort)
LUA_FILES   = $(shell find lua jobs docs tests -name '*.lua' | sort)
INSTALL     = $(DESTDIR)$(PREFIX)
PROBES      := $(patsubst tests/probe/%.c,$(OUT)/probe/%.so,$(wildcard tests/probe/*.c))

.PHONY: all test demo bench fuzz lint format docs man install help probes sim clean packages-%
all: haul ## builds ./haul (the default)

haul: $(OUT)/haul
	@ln -sfn build/release/haul $@

$(OUT)/haul: $(OUT)/runner/main.o $(LIB) $(OUT)/embedded.o
	@echo LD $@
	@$(CC) -pie $(LDFLAGS) -o $@ $^ $(LIBS)

$(LIB): $(OBJ)
	@rm -f $@
	@ar rcs $@ $^

$(OUT)/%.o: %.c | packages-BUILD
	@mkdir -p $(@D)
	@echo CC $<
	@$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

# The modules of lua/ as one C table, so that the binary needs no files beside it.
$(OUT)/embedded.c: lua/embed.lua $(LUA) | packages-BUILD
	@mkdir -p $(@D)
	@echo EMBED lua/
	@lua5.4 lua/embed.lua $(filter-out lua/embed.lua,$(LUA)) > $@.tmp && mv $@.tmp $@

$(OUT)/embedded.o: $(OUT)/embedded.c
	@$(CC) $(CFLAGS) -c -o $@ $<

# Pure C functions as Lua modules, for the specs alone.
probes: $(PROBES)
$(OUT)/probe/%.so: tests/probe/%.c $(LIB)
	@mkdir -p $(@D)
	@echo CC $<
	@$(CC) $(CFLAGS) -shared -MMD -MP -MF $(@:.so=.d) $(LDFLAGS) -o $@ $< $(LIB) $(filter-out -llua5.4 -llua5.4-cjson,$(LIBS))

# Every spec, and one closing line over all of them.  `tests/run FILE` runs single ones.
test: packages-BUILD packages-DEMO packages-TEST haul probes ## all of the tests
	@$(MAKE) --no-print-directory BUILD=asan build/asan/haul
	@BUILD=$(BUILD) tests/run

# The simulator: what decides, in a world of its own; some functions are replaced by the linker.
SIM_SRC  := $(wildcard tests/sim/*.c)
SIM_WRAP := journal_begin journal_commit journal_checkpoint walk_new walk_free io_wake proof_holds
sim: $(OUT)/sim
$(OUT)/sim: $(SIM_SRC:%.c=$(OUT)/%.o) $(LIB)
	@echo LD $@
	@$(CC) $(LDFLAGS) $(SIM_WRAP:%=-Wl,--wrap=%) -o $@ $^ $(LIBS)

# Installs what is missing from the list of that name, saying so; nothing is done when all is there.
packages-%:
	@sh tests/servers/packages.sh $(PACKAGES_$*)

# Uploads, is killed, carries on, downloads, compares.  STORE=dir needs no server.
demo: $(if $(filter dir,$(STORE)),,packages-DEMO) haul ## the whole story against a real S3 server; STORE=dir: without one
	@sh tests/demo/demo.sh $(STORE)

# Measured on the release build whatever BUILD says.
bench: packages-BENCH ## haul beside raw loops and other tools, and the goals; BENCH_ROUNDS= BENCH_ONLY=
	@$(MAKE) --no-print-directory BUILD=release haul $(BENCH_TOOLS)
	@sh tests/bench/bench.sh

build/release/bench/%: tests/bench/%.c | packages-BUILD
	@mkdir -p $(@D)
	@echo CC $<
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< -lssl -lcrypto

# Seeds are in tests/fuzz/corpus/NAME; what a run finds goes to build/fuzz/corpus/NAME.
fuzz: packages-BUILD packages-FUZZ ## each parser against random input, FUZZ_SECONDS=60 each
	@$(MAKE) --no-print-directory BUILD=fuzz CC=clang $(FUZZERS)
	@for name in $(notdir $(FUZZERS)); do \
	    mkdir -p build/fuzz/corpus/$$name; \
	    build/fuzz/$$name -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 -max_len=16384 \
	        -print_final_stats=1 -artifact_prefix=build/fuzz/$$name- build/fuzz/corpus/$$name \
	        $$(ls -d tests/fuzz/corpus/$$name 2>/dev/null) >build/fuzz/$$name.log 2>&1 \
	        || { tail -40 build/fuzz/$$name.log; exit 1; }; \
	    awk -v name=$$name '/executed_units/ { n = $$2 } END { print "FUZZ " name ": " n " inputs, nothing found" }' \
	        build/fuzz/$$name.log; \
	done

build/fuzz/%: tests/fuzz/%.c build/fuzz/libhaul.a
	@echo FUZZER $@
	@$(CC) $(CFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $< $(LIB) $(LIBS)

lint: packages-LINT ## formatting of C, and luacheck
	@clang-format --dry-run -Werror $(C_FILES)
	@luacheck -q $(LUA_FILES)

format: packages-LINT ## formats all C in place
	@clang-format -i $(C_FILES)

# What the manual and lua/haul/meta.lua tell of options, events and flags is made of what haul says of itself.
docs: haul ## the marked regions of docs/*.md, and lua/haul/meta.lua
	@$(OUT)/haul help --json | lua5.4 docs/generate.lua manual $(wildcard docs/*.md)
	@$(OUT)/haul help --json | lua5.4 docs/generate.lua meta >$(OUT)/meta.lua
	@cmp -s $(OUT)/meta.lua lua/haul/meta.lua || cp $(OUT)/meta.lua lua/haul/meta.lua

man: haul ## the man pages, into build/man
	@mkdir -p build/man
	@$(OUT)/haul help --json | lua5.4 docs/generate.lua man build/man

install: haul man ## into $(DESTDIR)$(PREFIX)
	@install -d $(INSTALL)/bin $(INSTALL)/share/haul/jobs $(INSTALL)/share/haul/lua/haul $(INSTALL)/share/doc/haul \
	    $(INSTALL)/share/man/man1 $(INSTALL)/share/man/man5 $(INSTALL)/lib/systemd/system
	@install -m 755 $(OUT)/haul $(INSTALL)/bin/haul
	@install -m 644 jobs/*.lua $(INSTALL)/share/haul/jobs
	@install -m 755 jobs/*.sh $(INSTALL)/share/haul/jobs
	@install -m 644 lua/haul/meta.lua $(INSTALL)/share/haul/lua/haul
	@install -m 644 README.md docs/*.md $(INSTALL)/share/doc/haul
	@install -m 644 build/man/haul.1 $(INSTALL)/share/man/man1
	@install -m 644 build/man/haul-job.5 $(INSTALL)/share/man/man5
	@for unit in docs/systemd/*; do \
	    sed 's|@PREFIX@|$(PREFIX)|' "$$unit" >$(INSTALL)/lib/systemd/system/$${unit##*/} || exit 1; done

clean: ## removes everything that was built
	@rm -rf build haul

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile
	@echo "BUILD=release|asan|tsan chooses the variant, PREFIX= and DESTDIR= where to install"

-include $(OBJ:.o=.d) $(OUT)/runner/main.d $(PROBES:.so=.d) $(SIM_SRC:%.c=$(OUT)/%.d)
