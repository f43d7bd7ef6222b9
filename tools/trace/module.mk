TRACE_LIB_SRC := $(addprefix tools/trace/, \
    util.c input.c finding.c schema.c clock.c session.c capture.c image.c span.c lane.c merge.c id_map.c registry.c \
    vector.c symbols.c text.c json.c histogram.c out.c perfetto_meta.c perfetto_bundle.c perfetto_track.c \
    perfetto_stack.c convert_profile.c convert_user.c convert_probe.c programs.c \
    convert.c convert_bind.c convert_people.c convert_sched.c convert_slices.c convert_calls.c convert_other.c convert_health.c \
    convert_account.c convert_generic.c convert_function.c \
    command.c filter.c dump.c info.c check.c check_rules.c ipc.c \
    report.c report_time.c report_calls.c report_other.c report_write.c) \
    kernel/base/crc32c.c

HOST_TOOLS += spoor-trace
HOST_spoor-trace_SRC := tools/trace/main.c $(TRACE_LIB_SRC)

TRACE_SYNTH_SRC := $(addprefix tools/trace/,synth.c synth_work.c)
HOST_TOOLS += spoor-synth
HOST_spoor-synth_SRC := tools/trace/synth_main.c $(TRACE_SYNTH_SRC) tools/trace/util.c tools/trace/schema.c kernel/base/crc32c.c

# ---- tests: they look into captures in place, where blocks lie at any address ----

TRACE_TEST_SRC := tests/host/trace_support.c $(TRACE_SYNTH_SRC)
TRACE_READ_SRC := $(addprefix tools/trace/, \
    util.c input.c finding.c schema.c clock.c session.c capture.c image.c span.c lane.c merge.c id_map.c registry.c) \
    kernel/base/crc32c.c

HOST_TESTS += test_capture test_decode test_mutation
HOST_test_capture_SRC := tests/host/test_capture.c $(TRACE_TEST_SRC) $(TRACE_READ_SRC)
HOST_test_capture_CFLAGS := -fno-sanitize=alignment
HOST_test_decode_SRC := tests/host/test_decode.c $(TRACE_TEST_SRC) $(TRACE_READ_SRC) \
    $(addprefix tools/trace/,histogram.c text.c symbols.c vector.c out.c)
HOST_test_decode_CFLAGS := -fno-sanitize=alignment
HOST_test_mutation_SRC := tests/host/test_mutation.c tests/fuzz/read_all.c $(TRACE_TEST_SRC) $(TRACE_LIB_SRC)
HOST_test_mutation_CFLAGS := -fno-sanitize=alignment

FUZZERS += fuzz_capture
FUZZ_fuzz_capture_SRC := tests/fuzz/fuzz_capture.c tests/fuzz/read_all.c $(TRACE_LIB_SRC)
