# SPDX-License-Identifier: MIT
# The only makefile: all rules and flags. Each folder's module.mk only lists sources. `make help` lists the targets.
#
#   BUILD  where everything goes          MODE  debug or release          V=1  show commands
#   CPUS   cores of the machine to run    CC    another gcc               CMDLINE  kernel command line of the disk image

SHELL := /bin/bash
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory

BUILD   ?= build
MODE    ?= debug
CPUS    ?= 4
CMDLINE ?=
HOURS   ?= 1
SECONDS_EACH ?= 600
ifeq ($(origin CC),default)
CC := gcc
endif
PYTHON := /usr/bin/python3
export BUILD MODE CPUS

ifeq ($(filter $(MODE),debug release),)
$(error MODE is debug or release, not '$(MODE)')
endif

O   := $(BUILD)/$(MODE)
GEN := $(BUILD)/gen/gen
Q   := $(if $(V),,@)
say  = @$(if $(V),:,printf '  %-7s %s\n' '$(1)' '$(2)')

.DEFAULT_GOAL := all

# ---- what there is: filled by the module.mk files -----------------------------------------------------------------

KERNEL_SRC    := $(GEN)/syscall_dispatch.c $(GEN)/trace_emit.c $(GEN)/trace_table.c
BOOT_SRC      :=
USER_LIB_SRC  :=
USER_PROGRAMS :=
HOST_TOOLS    :=
HOST_TESTS    :=
FUZZERS       :=
LIBC_PROGRAMS :=
LIBC_SRC      :=
BOOT_FILES    := # more files of the boot image, name=path
BOOT_TREE     := # files of its packed file system, name=path

MODULES := $(sort $(wildcard $(addsuffix /module.mk,. * */* */*/* */*/*/*)))
include $(MODULES)

# ---- flags --------------------------------------------------------------------------------------------------------

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef -Werror
DEBUG_debug   := -DCONFIG_DEBUG=1 -DCONFIG_TSC_BIAS=1
DEBUG_release := -DCONFIG_DEBUG=0

FREESTANDING := -std=gnu17 -O2 -g -ffreestanding -mgeneral-regs-only -fno-pic -fno-pie -fno-omit-frame-pointer \
    -fno-asynchronous-unwind-tables -fno-strict-aliasing -fcf-protection=none $(WARNINGS)
KERNEL_CFLAGS := $(FREESTANDING) -mcmodel=kernel -mno-red-zone -fstack-protector-strong -fcallgraph-info \
    -mstack-protector-guard=tls -mstack-protector-guard-reg=gs -mstack-protector-guard-offset=40 \
    $(DEBUG_$(MODE)) -I. -Ikernel -I$(BUILD)/gen
KERNEL_ASFLAGS := -f elf64 -g -F dwarf -w+error $(filter -DCONFIG_TSC_BIAS=1,$(DEBUG_$(MODE))) -I./ -Ikernel/ -I$(BUILD)/gen/
KERNEL_LDSCRIPT := kernel/arch/x86_64/kernel.ld
KERNEL_LDFLAGS := -nostdlib -static -T $(KERNEL_LDSCRIPT) -z max-page-size=4096 -z noexecstack --build-id=sha1 \
    --fatal-warnings
USER_CFLAGS := $(FREESTANDING) -fno-stack-protector -I. -I$(BUILD)/gen
# Programs see our small stdio.h and friends, or the C library (userspace/libc).
USER_PLAIN_CFLAGS := -Iuserspace/lib
USER_LIBC_CFLAGS = -isystem $(dir $(LIBGCC))include -isystem userspace/libc/include -isystem $(NEWLIB)/include -D__DYNAMIC_REENT__
LIBGCC := $(shell $(CC) -print-libgcc-file-name)
USER_ASFLAGS := -f elf64 -g -F dwarf -w+error -I./ -Iuserspace/lib/ -I$(BUILD)/gen/
USER_LDSCRIPT := userspace/lib/user.ld
USER_LDFLAGS := -nostdlib -static -T $(USER_LDSCRIPT) -z max-page-size=4096 -z noexecstack --build-id=sha1
BOOT_CFLAGS := -std=gnu17 -O2 -g -ffreestanding -fpic -fshort-wchar -mno-red-zone -mgeneral-regs-only \
    -fno-stack-protector -fno-strict-aliasing -fcf-protection=none -fno-asynchronous-unwind-tables $(WARNINGS) \
    -DGNU_EFI_USE_MS_ABI -isystem /usr/include/efi -isystem /usr/include/efi/x86_64 -I. -Iboot -I$(BUILD)/gen
EFI_LIB := /usr/lib
HOST_CFLAGS := -std=gnu17 -O2 -g -D_GNU_SOURCE $(WARNINGS) -I. -Ikernel -I$(BUILD)/gen
FUZZ_CFLAGS := -std=gnu17 -O1 -g -D_GNU_SOURCE -DCONFIG_DEBUG=1 -fsanitize=fuzzer,address,undefined \
    -fno-sanitize-recover=all -Wall -Wextra -Werror -I. -Ikernel -I$(BUILD)/gen
TEST_CFLAGS := -std=gnu17 -O1 -g -D_GNU_SOURCE -DCONFIG_DEBUG=1 -fno-omit-frame-pointer \
    -fsanitize=address,undefined -fno-sanitize-recover=all $(WARNINGS) -I. -Ikernel -I$(BUILD)/gen

# objects FOLDER SOURCES - the object file of each source, generated sources included.
objects = $(addprefix $(1)/,$(addsuffix .o,$(basename $(patsubst $(BUILD)/%,%,$(2)))))

# A stamp file per set of flags: rewritten only when the flags change, so MODE, CC or an edit here rebuilds.
FLAGS := $(BUILD)/flags
define flags_stamp
$(FLAGS)/$(1): FORCE
	@mkdir -p $$(@D); printf '%s\n' '$$(subst ','\'',$(2))' | cmp -s - $$@ || printf '%s\n' '$$(subst ','\'',$(2))' > $$@
endef
.PHONY: FORCE
$(eval $(call flags_stamp,$(MODE)-kernel,$$(CC) $$(KERNEL_CFLAGS) $$(CFLAGS_TRACED) $$(NOT_TRACED) $$(KERNEL_ASFLAGS) $$(KERNEL_LDFLAGS) $$(KERNEL_SRC)))
$(eval $(call flags_stamp,$(MODE)-user,$$(CC) $$(USER_CFLAGS) $$(USER_PLAIN_CFLAGS) $$(USER_LIBC_CFLAGS) $$(USER_ASFLAGS) $$(USER_LDFLAGS) $$(USER_LIB_SRC)))
$(eval $(call flags_stamp,$(MODE)-boot,$$(CC) $$(BOOT_CFLAGS) $$(BOOT_SRC)))
$(eval $(call flags_stamp,$(MODE)-image,$$(CMDLINE) $$(USER_PROGRAMS) $$(BOOT_FILES) $$(BOOT_TREE)))
$(eval $(call flags_stamp,host,$$(CC) $$(HOST_CFLAGS)))
$(eval $(call flags_stamp,test,$$(CC) $$(TEST_CFLAGS)))
$(eval $(call flags_stamp,fuzz,$$(FUZZ_CFLAGS)))

# ---- generated code -----------------------------------------------------------------------------------------------

GEN_INPUT := $(wildcard kernel/abi/*.toml trace/events/*.toml userspace/interfaces/*.toml tools/gen/*.py)
GEN_FILES := $(addprefix $(GEN)/,errors.h objects.h layout.h layout.inc syscall_numbers.h syscall_user.h \
    syscall_handlers.h syscall_checks.h syscall_dispatch.c trace_events.h trace_emit.h trace_emit.c trace_emit_any.c \
    trace_table.h trace_table.c trace_schema.h)
GEN_STAMP := $(BUILD)/gen/stamp

$(BUILD)/deps-checked: tools/deps.txt
	@tools/deps.sh check build
	@mkdir -p $(@D); touch $@
$(GEN_STAMP): $(GEN_INPUT) | $(BUILD)/deps-checked
	$(call say,GEN,$(BUILD)/gen)
	$(Q)$(PYTHON) tools/gen/gen.py $(BUILD)/gen
	@touch $@
GEN_DOC := $(addprefix $(BUILD)/gen/doc/,errors.md events.md interfaces.md syscalls.md)
$(GEN_FILES) $(GEN_DOC): $(GEN_STAMP) ;

# Which services there are, and who gets which handles.
$(BUILD)/gen/manifest: userspace/services/manifest.toml tools/gen/manifest.py $(GEN_INPUT) $(FLAGS)/$(MODE)-image
	$(call say,GEN,$@)
	$(Q)$(PYTHON) tools/gen/manifest.py --programs "$(USER_PROGRAMS)" $< $@

$(BUILD)/gen/font.psf: /usr/share/consolefonts/Unifont-APL8x16.psf.gz
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D) && gzip -dc $< > $@

# Files for programs, packed (tools/image/packed.py).
$(O)/files.img: $(foreach file,$(BOOT_TREE),$(lastword $(subst =, ,$(file)))) tools/image/packed.py $(FLAGS)/$(MODE)-image
	@mkdir -p $(@D)
	$(call say,PACK,$@)
	$(Q)$(PYTHON) tools/image/packed.py $@ $(BOOT_TREE)

# ---- kernel -------------------------------------------------------------------------------------------------------

# Code that only the system call entry calls, directly or through other such code. The entry has saved all registers: there are none to
# preserve for it. No arrays there, only scalars whose address goes to known functions: a canary would cost every call.
CFLAGS_ENTRY := -fno-stack-protector -fcall-used-rbx -fcall-used-r12 -fcall-used-r13 -fcall-used-r14 -fcall-used-r15
CFLAGS_$(GEN)/syscall_dispatch.c = $(CFLAGS_ENTRY)

# Functions that can be traced (trace/function/README.md): room for a call in front of each, and a frame set up before all else. Not
# those that record, debug, patch, or run before a core's own data is known. No instruction is added for it.
CFLAGS_TRACED := -fpatchable-function-entry=5,5 -fno-shrink-wrap -fno-schedule-insns2
NOT_TRACED := kdebug/% $(BUILD)/third_party/% trace/% kernel/base/% kernel/arch/% kernel/trap/trap.c kernel/sync/% $(GEN)/trace_%

K := $(O)/kernel.o.d
KERNEL_OBJ := $(call objects,$(K),$(KERNEL_SRC))

define compile_kernel_c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(KERNEL_CFLAGS) $(if $(filter $(NOT_TRACED),$<),,$(CFLAGS_TRACED)) $(CFLAGS_$<) -MMD -MP -c $< -o $@
endef
$(K)/%.o: %.c $(FLAGS)/$(MODE)-kernel | $(GEN_STAMP)
	$(compile_kernel_c)
$(K)/%.o: $(BUILD)/%.c $(FLAGS)/$(MODE)-kernel | $(GEN_STAMP)
	$(compile_kernel_c)
$(K)/%.o: %.asm $(FLAGS)/$(MODE)-kernel | $(GEN_STAMP)
	@mkdir -p $(@D)
	$(call say,NASM,$<)
	$(Q)nasm $(KERNEL_ASFLAGS) -MD $(@:.o=.d) -MT $@ $< -o $@
	$(Q)objcopy --wildcard --strip-symbol='..@*' $@ # labels of macros, which are no functions

# The symbols, types and source lines of kdebug, and what trace events cost, are made from a first link and put into the second; they are
# the last section, so that nothing moves, which check_link.py verifies.
$(K)/blob.pass1.o: tools/gen/symtab_blob.asm $(FLAGS)/$(MODE)-kernel
	@mkdir -p $(@D)
	$(Q)nasm -f elf64 $< -o $@
$(O)/kernel.pass1.elf: $(KERNEL_OBJ) $(K)/blob.pass1.o $(KERNEL_LDSCRIPT)
	$(call say,LD,$@)
	$(Q)ld $(KERNEL_LDFLAGS) $(KERNEL_OBJ) $(K)/blob.pass1.o -o $@
$(O)/symtab.bin: $(O)/kernel.pass1.elf tools/gen/symtab.py
	$(call say,SYMTAB,$@)
	$(Q)$(PYTHON) tools/gen/symtab.py $< $@
$(O)/types.btf: $(O)/kernel.pass1.elf tools/gen/btf.py tools/gen/dwarf.py
	$(call say,TYPES,$@)
	$(Q)$(PYTHON) tools/gen/btf.py $< $@
$(O)/costs.bin: $(O)/kernel.pass1.elf tools/gen/costs.py tools/lint/elf.py
	$(call say,COSTS,$@)
	$(Q)$(PYTHON) tools/gen/costs.py $< $@
$(O)/lines.bin: $(O)/kernel.pass1.elf tools/gen/lines.py
	$(call say,LINES,$@)
	$(Q)$(PYTHON) tools/gen/lines.py $< $@
$(O)/parameters.bin: $(O)/kernel.pass1.elf tools/gen/parameters.py tools/gen/dwarf.py
	$(call say,PARAMS,$@)
	$(Q)$(PYTHON) tools/gen/parameters.py $< $@
$(O)/frames.bin: $(O)/kernel.pass1.elf tools/gen/frames.py tools/gen/dwarf.py
	$(call say,FRAMES,$@)
	$(Q)$(PYTHON) tools/gen/frames.py $< $@
$(K)/blob.o: tools/gen/symtab_blob.asm $(O)/symtab.bin $(O)/types.btf $(O)/costs.bin $(O)/lines.bin $(O)/parameters.bin $(O)/frames.bin
	$(Q)nasm -f elf64 -DBLOB='"$(O)/symtab.bin"' -DTYPES='"$(O)/types.btf"' -DCOSTS='"$(O)/costs.bin"' \
	    -DLINES='"$(O)/lines.bin"' -DPARAMETERS='"$(O)/parameters.bin"' -DFRAMES='"$(O)/frames.bin"' $< -o $@
$(O)/kernel.elf: $(KERNEL_OBJ) $(K)/blob.o $(KERNEL_LDSCRIPT) $(O)/kernel.pass1.elf
	$(call say,LD,$@)
	$(Q)ld $(KERNEL_LDFLAGS) -Map $(O)/kernel.map $(KERNEL_OBJ) $(K)/blob.o -o $@
	$(Q)$(PYTHON) tools/gen/check_link.py $(O)/kernel.pass1.elf $@

# ---- boot loader --------------------------------------------------------------------------------------------------

B := $(O)/boot.o.d
BOOT_OBJ := $(call objects,$(B),$(BOOT_SRC))
BOOT_EFI := $(O)/boot/BOOTX64.EFI
$(B)/%.o: %.c $(FLAGS)/$(MODE)-boot | $(GEN_STAMP)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(BOOT_CFLAGS) $(CFLAGS_$<) -MMD -MP -c $< -o $@
$(B)/%.o: %.asm $(FLAGS)/$(MODE)-boot | $(GEN_STAMP)
	@mkdir -p $(@D)
	$(call say,NASM,$<)
	$(Q)nasm -f elf64 -I./ -MD $(@:.o=.d) -MT $@ $< -o $@
$(O)/boot/loader.so: $(BOOT_OBJ)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)ld -nostdlib -shared -Bsymbolic -znocombreloc -z noexecstack --no-undefined -T $(EFI_LIB)/elf_x86_64_efi.lds \
	    $(EFI_LIB)/crt0-efi-x86_64.o $(BOOT_OBJ) -L$(EFI_LIB) -lgnuefi -lefi -o $@
$(BOOT_EFI): $(O)/boot/loader.so
	$(call say,OBJCOPY,$@)
	$(Q)objcopy -j .text -j .sdata -j .data -j .dynamic -j .dynsym -j .rel -j .rela -j '.rel.*' -j '.rela.*' -j .reloc \
	    --target efi-app-x86_64 --subsystem=10 $< $@

# ---- user programs ------------------------------------------------------------------------------------------------

U := $(O)/user.o.d
USER_LIB_OBJ := $(call objects,$(U),$(USER_LIB_SRC))
USER_BIN := $(addprefix $(O)/user/,$(USER_PROGRAMS))
define compile_user_c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(if $(filter $<,$(LIBC_SRC)),$(filter-out -mgeneral-regs-only,$(USER_CFLAGS)) $(USER_LIBC_CFLAGS),\
	    $(USER_CFLAGS) $(USER_PLAIN_CFLAGS)) $(CFLAGS_$<) -MMD -MP -c $< -o $@
endef
$(U)/%.o: %.c $(FLAGS)/$(MODE)-user | $(GEN_STAMP)
	$(compile_user_c)
$(U)/%.o: $(BUILD)/%.c $(FLAGS)/$(MODE)-user | $(GEN_STAMP)
	$(compile_user_c)
$(U)/%.o: %.asm $(FLAGS)/$(MODE)-user | $(GEN_STAMP)
	@mkdir -p $(@D)
	$(call say,NASM,$<)
	$(Q)nasm $(USER_ASFLAGS) -MD $(@:.o=.d) -MT $@ $< -o $@
# What a program is linked with: our library, and the C library in place of what that has better.
LIBC_LIB_OBJ := $(call objects,$(U),$(filter-out userspace/lib/stdio.c userspace/lib/exit.c,$(USER_LIB_SRC)) $(LIBC_LAYER_SRC) $(FILES_CLIENT_SRC))
program_objects = $(if $(filter $(1),$(LIBC_PROGRAMS)),$(LIBC_LIB_OBJ),$(USER_LIB_OBJ))
program_libraries = $(if $(filter $(1),$(LIBC_PROGRAMS)),$(NEWLIB)/lib/libm.a $(NEWLIB)/lib/libc.a) $(USER_$(1)_LIBS)
# Its types for kdebug are a section that is not loaded; nothing else moves.
define user_program
USER_OBJ_$(1) := $$(call objects,$(U),$$(USER_$(1)_SRC))
$(O)/user/$(1): $$(USER_OBJ_$(1)) $(call program_objects,$(1)) $(USER_LDSCRIPT) tools/gen/btf.py tools/gen/dwarf.py \
    $(FLAGS)/$(MODE)-user
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)ld $$(addprefix --defsym=stack_bytes=,$$(USER_$(1)_STACK)) $$(USER_LDFLAGS) $$(USER_OBJ_$(1)) $(call program_objects,$(1)) \
	    $$(call program_libraries,$(1)) -o $(U)/$(1)
	$$(Q)$$(PYTHON) tools/gen/btf.py --program $(U)/$(1) $(U)/$(1).btf
	$$(Q)objcopy --add-section .BTF=$(U)/$(1).btf $(U)/$(1) $$@
endef
$(foreach program,$(USER_PROGRAMS),$(eval $(call user_program,$(program))))

# ---- images -------------------------------------------------------------------------------------------------------

IMAGE_ORDER := $(filter init,$(USER_PROGRAMS)) $(filter-out init,$(USER_PROGRAMS))
$(O)/boot.img: $(USER_BIN) $(foreach file,$(BOOT_FILES),$(lastword $(subst =, ,$(file)))) tools/image/bootimg.py \
    $(FLAGS)/$(MODE)-image
	$(call say,IMAGE,$@)
	$(Q)$(PYTHON) tools/image/bootimg.py $@ $(foreach name,$(IMAGE_ORDER),$(name)=$(O)/user/$(name)) $(BOOT_FILES)
$(O)/esp.img: $(BOOT_EFI) $(O)/kernel.elf $(O)/boot.img tools/image/esp.py $(FLAGS)/$(MODE)-image
	$(call say,ESP,$@)
	$(Q)$(PYTHON) tools/image/esp.py $@ --efi $(BOOT_EFI) --kernel $(O)/kernel.elf --image $(O)/boot.img \
	    --cmdline "$(CMDLINE)"

# ---- host tools and tests -----------------------------------------------------------------------------------------

# host_program PREFIX NAME OUTPUT COMPILER FLAGS STAMP LIBRARIES - PREFIX_NAME_SRC lists its sources, PREFIX_NAME_CFLAGS
# and PREFIX_NAME_LIBS add to the common flags; so every program has objects of its own, in OUTPUT.o.d.
define compile_host_c
	@mkdir -p $$(@D)
	$$(call say,HOSTCC,$$<)
	$$(Q)$(1) $(2) $$(CFLAGS_$$<) -MMD -MP -c $$< -o $$@
endef
define host_program
HOST_OBJ += $$(call objects,$(3).o.d,$$($(1)_$(2)_SRC))
$(3).o.d/%.o: %.c $(FLAGS)/$(6) | $(GEN_STAMP)
$(call compile_host_c,$(4),$(5) $$($(1)_$(2)_CFLAGS))
$(3).o.d/%.o: $(BUILD)/%.c $(FLAGS)/$(6) | $(GEN_STAMP)
$(call compile_host_c,$(4),$(5) $$($(1)_$(2)_CFLAGS))
$(3): $$(call objects,$(3).o.d,$$($(1)_$(2)_SRC)) $(MODULES)
	@mkdir -p $$(@D)
	$$(call say,HOSTLD,$$@)
	$$(Q)$(4) $(5) $$(filter %.o,$$^) $(7) $$($(1)_$(2)_LIBS) -o $$@
endef
HOST_OBJ :=
$(foreach name,$(HOST_TOOLS),$(eval \
    $(call host_program,HOST,$(name),$(BUILD)/tools/$(name),$$(CC),$$(HOST_CFLAGS),host,)))
$(foreach name,$(HOST_TESTS),$(eval \
    $(call host_program,HOST,$(name),$(BUILD)/host/$(name),$$(CC),$$(TEST_CFLAGS),test,-lcmocka)))
$(foreach name,$(FUZZERS),$(eval \
    $(call host_program,FUZZ,$(name),$(BUILD)/fuzz/bin/$(name),clang,$$(FUZZ_CFLAGS),fuzz,)))

# ---- targets ------------------------------------------------------------------------------------------------------

.PHONY: all kernel boot user image tools host-tests install usb generate
all: kernel boot user image tools ## build everything (the default)
install: tools image ## the command spoor with all it needs (PREFIX=/usr/local DESTDIR=)
	@$(PYTHON) tools/install.py --build $(BUILD) --prefix $(or $(PREFIX),/usr/local) --destdir $(or $(DESTDIR),/)
usb: ## a disk image for a real machine, with the release kernel (CMDLINE=...)
	@$(MAKE) MODE=release image
	$(call say,USB,$(BUILD)/spoor-usb.img)
	$(Q)$(PYTHON) tools/image/esp.py $(BUILD)/spoor-usb.img --disk-id spoor-usb --efi $(BUILD)/release/boot/BOOTX64.EFI \
	    --kernel $(BUILD)/release/kernel.elf --image $(BUILD)/release/boot.img --cmdline "$(CMDLINE)"
	@echo "how to go on: tools/image/real-machine.md"
generate: $(GEN_STAMP) ## only run the generator
kernel: $(O)/kernel.elf ## the kernel
boot: $(BOOT_EFI) ## the UEFI application
user: $(USER_BIN) ## the user programs
image: $(O)/esp.img ## boot image and bootable disk
tools: $(addprefix $(BUILD)/tools/,$(HOST_TOOLS)) ## the host tools
host-tests: $(addprefix $(BUILD)/host/,$(HOST_TESTS)) ## build the host tests, without running them

.PHONY: deps demo run gdb trace
deps: ## install what is missing (apt-get, as root or through sudo)
	@tools/deps.sh install
	@tools/third_party.sh $(BUILD)/third_party || true
	@tools/newlib.sh $(BUILD)/third_party/newlib || true
# Builds inside a target use all cores, unless the user has said otherwise.
PARALLEL = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
demo: deps ## everything, from dependencies to a timeline
	@$(MAKE) $(PARALLEL) all
	@tools/spoor demo
run: all ## boot in QEMU, a shell on the terminal (CPUS=4)
	@tools/spoor run --shell
gdb: all ## boot in QEMU with gdb attached
	@tools/gdb/run.sh
trace: all ## run, capture, write a Perfetto file
	@tools/spoor trace record

.PHONY: test test-host test-system test-long test-browser soak fuzz mutants bench bench-peers check-perfetto acceptance
RUN_TESTS := $(PYTHON) tests/runner/run.py --build $(BUILD) --mode $(MODE) --host-tests "$(HOST_TESTS)" \
    --fuzzers "$(FUZZERS)"
test: ## lint, host tests, system tests; build/test.json
	@tools/deps.sh check
	@$(MAKE) $(PARALLEL) all host-tests $(BUILD)/compile_commands.json
	@$(RUN_TESTS) lint host system
test-host: tools host-tests ## host tests only
	@$(RUN_TESTS) host
test-system: all ## system tests only
	@$(RUN_TESTS) system
test-long: all ## the tests with big counts; build/long/*.json
	@$(RUN_TESTS) long
soak: all ## random load and break-ins, HOURS=1
	@HOURS=$(HOURS) $(RUN_TESTS) soak
test-browser: all ## the report and the local server in headless Chromium, which it installs
	@tools/deps.sh install browser
	@$(RUN_TESTS) browser
fuzz: $(addprefix $(BUILD)/fuzz/bin/,$(FUZZERS)) ## fuzz the parsers, SECONDS_EACH=600
	@SECONDS_EACH=$(SECONDS_EACH) $(RUN_TESTS) fuzz
mutants: generate ## do the tests notice a broken line?
	@$(RUN_TESTS) mutants
bench: ## instruction counts; build/bench.json
	@$(MAKE) $(PARALLEL) MODE=release all
	@MODE=release $(PYTHON) tools/bench/bench.py
bench-peers: all ## events/s beside babeltrace2 and trace-cmd, where installed (TRACE_DAT=FILE)
	@$(PYTHON) tools/bench/peers.py $(if $(TRACE_DAT),--trace-dat "$(TRACE_DAT)")
check-perfetto: all ## load the demo's timeline in the real thing (TP=trace_processor_shell)
	/usr/bin/python3 tests/runner/check_perfetto.py --tp "$(TP)" $(BUILD)/demo/demo.pftrace
acceptance: ## parts of an issue: passed, failed, missing (AREA=trail)
	@$(PYTHON) tools/lint/acceptance.py --build $(BUILD) $(AREA)

.PHONY: lint format manual size clean help
lint: all host-tests $(BUILD)/compile_commands.json ## all checks of form
	@$(PYTHON) tools/lint/lint.py --build $(BUILD) --mode $(MODE)
format: ## let clang-format rewrite the C sources
	@clang-format -i $$($(PYTHON) tools/lint/sources.py c)
$(BUILD)/compile_commands.json: $(MODULES) Makefile | $(GEN_STAMP)
	@$(MAKE) -nkB V=1 kernel boot user tools host-tests 2>/dev/null | $(PYTHON) tools/lint/compile_commands.py $(CC) > $@
compile_commands.json: $(BUILD)/compile_commands.json ## for clang tools and editors
	@cp $< $@
manual: $(GEN_STAMP) ## reference pages of system calls, events, errors
	@printf '  %s\n' $(BUILD)/gen/doc/*.md
size: $(O)/kernel.elf ## sizes of kernel and programs
	@size -G $(O)/kernel.elf $(USER_BIN)
clean: ## remove everything built
	rm -rf $(BUILD) compile_commands.json
print-%: ; @echo '$($*)'
help: ## list the targets
	@grep -hE '^[a-z_.-]+:.*## ' Makefile | sort | awk -F ':.*## ' '{printf "  make %-21s %s\n", $$1, $$2}'

ALL_OBJ := $(KERNEL_OBJ) $(BOOT_OBJ) $(USER_LIB_OBJ) $(LIBC_LIB_OBJ) $(foreach p,$(USER_PROGRAMS),$(USER_OBJ_$(p))) $(HOST_OBJ)
-include $(ALL_OBJ:.o=.d)
