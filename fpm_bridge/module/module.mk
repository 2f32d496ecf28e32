# SPDX-License-Identifier: GPL-2.0-or-later
# Builds one of berth's modules against the FRR that is installed here: make FRR_TREE=$(scripts/frr-tree) OUT=folder
# Included by a module's Makefile, which says NAME, and perhaps GENERATED (objects that it makes itself, with HEADERS, which must be
# there first), LIBRARIES, PROBES (flags), and FOREIGN (symbols that are not FRR's, a pattern of awk's).
#
# Linked twice: the first time tells what is imported from FRR. The second time each of these is weak, and imports.c has the
# list. An FRR of another release that lacks one then still loads the module, which sees the hole and stays inert; a strong
# import would fail in dlopen(), and keep the daemon from starting. Of each source there is one object: its imports are made weak
# by objcopy.
OUT ?= .
S := $(FRR_TREE)/src
B := $(FRR_TREE)/build
COMMON := $(dir $(lastword $(MAKEFILE_LIST)))
SOURCES := $(sort $(wildcard *.c)) $(notdir $(wildcard $(COMMON)*.c))
CFLAGS ?= -O2 -g
FLAGS := -std=gnu11 -D_GNU_SOURCE -fms-extensions -fPIC -Wall -Wextra -Werror=implicit-function-declaration \
	-Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers -DHAVE_CONFIG_H -I$(COMMON) -I../proto -I$(OUT) -I$(B) -I$(B)/lib -I$(S) -I$(S)/lib \
	-I$(S)/include $(shell pkg-config --cflags libyang 2>/dev/null)

# Signatures are asked for, versions are not compared: $(call probe,X) is -DBERTH_X where the lines that X has compile.
ASK := $(CC) $(FLAGS) -Werror=incompatible-pointer-types -Werror=implicit-function-declaration -fsyntax-only -x c -
probe = $(shell printf '%b\n' $($(1)) | $(ASK) 2>/dev/null && echo -DBERTH_$(1))

COMPILE = $(CC) $(FLAGS) $(CFLAGS) $(PROBES) $(EXTRA_CFLAGS)
OBJECTS := $(SOURCES:%.c=$(OUT)/obj/%.o) $(GENERATED)
vpath %.c $(COMMON)

all: $(OUT)/$(NAME).so

$(OUT)/obj/%.o: %.c $(HEADERS) Makefile $(COMMON)module.mk
	@test -d '$(S)' || { echo 'FRR_TREE is not set: make FRR_TREE=$$(scripts/frr-tree) OUT=folder' >&2; exit 1; }
	@mkdir -p $(@D)
	$(COMPILE) -MMD -MP -c -o $@ $<

$(OUT)/$(NAME).so: $(OBJECTS)
	$(CC) -shared -o $(OUT)/imports.so $(OBJECTS) $(LIBRARIES)
	nm -D --undefined-only $(OUT)/imports.so | \
	  awk '$$1 == "U" && $$2 !~ /@|$(or $(FOREIGN),^$$)/ && $$2 != "berth_imports" { print $$2 }' >$(OUT)/imports
	rm $(OUT)/imports.so
	test -s $(OUT)/imports
	{ echo '#include "$(abspath $(COMMON))/imports.h"'; sed 's/.*/extern char &[] __attribute__((weak));/' $(OUT)/imports; \
	  echo 'const struct berth_import berth_imports[] = {'; sed 's/.*/\t{"&", &},/' $(OUT)/imports; \
	  echo '	{0, 0}};'; } >$(OUT)/imports.c
	@mkdir -p $(OUT)/weak
	$(CC) -fPIC -c -o $(OUT)/weak/imports.o $(OUT)/imports.c
	for each in $(OBJECTS); do objcopy --weaken-symbols=$(OUT)/imports $$each $(OUT)/weak/$${each##*/} || exit 1; done
	$(CC) -shared -o $@ $(patsubst $(OUT)/obj/%,$(OUT)/weak/%,$(OBJECTS)) $(OUT)/weak/imports.o $(LIBRARIES)

-include $(OBJECTS:.o=.d)

.PHONY: all
