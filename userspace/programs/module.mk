USER_PROGRAMS += life sched registers ipcload touch memory hog sleeper churn faulter syscheck bench breakin echo slowcall irqload revoke frames switching counting spans
USER_ipcload_SRC := \
    userspace/programs/ipcload/main.c \
    userspace/programs/ipcload/client.c \
    userspace/programs/ipcload/server.c \
    userspace/programs/ipcload/middle.c \
    userspace/programs/ipcload/payload.c
USER_life_SRC := userspace/programs/life/main.c userspace/programs/life/worker.c userspace/programs/life/threads.c \
    userspace/programs/life/faults.c
USER_sched_SRC := userspace/programs/sched/main.c userspace/programs/sched/turns.c userspace/programs/sched/cores.c \
    userspace/programs/sched/inversion.c userspace/programs/sched/kicks.c
USER_PROGRAMS += knot
USER_knot_SRC := userspace/programs/knot.c
USER_PROGRAMS += waits
USER_waits_SRC := userspace/programs/waits/main.c userspace/programs/waits/event.c userspace/programs/waits/futex.c \
    userspace/programs/waits/channel.c userspace/programs/waits/mutex.c
USER_PROGRAMS += storm
USER_storm_SRC := userspace/programs/storm/main.c userspace/programs/storm/server.c
USER_PROGRAMS += mesh
USER_mesh_SRC := userspace/programs/mesh/main.c userspace/programs/mesh/node.c
USER_registers_SRC := userspace/programs/registers/main.c userspace/programs/registers/image.asm
USER_touch_SRC := userspace/programs/touch.c
USER_PROGRAMS += faults
USER_faults_SRC := userspace/programs/faults.c
USER_hog_SRC := userspace/programs/hog.c
USER_PROGRAMS += crowd
USER_crowd_SRC := userspace/programs/crowd.c
USER_sleeper_SRC := userspace/programs/sleeper.c
USER_churn_SRC := userspace/programs/churn.c
USER_faulter_SRC := userspace/programs/faulter.c
USER_breakin_SRC := userspace/programs/breakin.c
USER_echo_SRC := userspace/programs/echo.c
USER_PROGRAMS += line
USER_line_SRC := userspace/programs/line.c
USER_PROGRAMS += lines
USER_lines_SRC := userspace/programs/lines.c userspace/programs/bench/samples.c
USER_PROGRAMS += keys
USER_keys_SRC := userspace/programs/keys.c
USER_PROGRAMS += tree
USER_tree_SRC := userspace/programs/tree.c $(FILES_CLIENT_SRC)
USER_PROGRAMS += sectors
USER_sectors_SRC := userspace/programs/sectors/main.c userspace/programs/sectors/load.c userspace/files/block_client.c
USER_memory_SRC := \
    userspace/programs/memory/main.c \
    userspace/programs/memory/loop.c \
    userspace/programs/memory/stress.c \
    userspace/programs/memory/exhaust.c \
    userspace/programs/memory/kill.c
USER_slowcall_SRC := userspace/programs/slowcall.c
USER_frames_SRC := userspace/programs/frames.c
USER_syscheck_SRC := \
    userspace/programs/syscheck/main.c \
    userspace/programs/syscheck/entry.c \
    userspace/programs/syscheck/handles.c \
    userspace/programs/syscheck/leases.c \
    userspace/programs/syscheck/quotas.c \
    userspace/programs/syscheck/pins.c \
    userspace/programs/syscheck/memory.c \
    userspace/programs/syscheck/pointers.c \
    userspace/programs/syscheck/messages.c userspace/programs/syscheck/one_way.c \
    userspace/programs/syscheck/transfer.c \
    userspace/programs/syscheck/processes.c \
    userspace/programs/syscheck/pagers.c
USER_bench_SRC := \
    userspace/programs/bench/main.c \
    userspace/programs/bench/samples.c \
    userspace/programs/bench/latency.c \
    userspace/programs/bench/ipc.c \
    userspace/programs/bench/event.c \
    userspace/programs/bench/memory.c \
    userspace/programs/bench/process.c \
    userspace/programs/bench/tracing.c \
    userspace/programs/bench/loss.c \
    userspace/services/tracer/consumer.c \
    userspace/services/tracer/capture_writer.c
USER_irqload_SRC := userspace/programs/irqload/main.c userspace/programs/irqload/edge.c \
    userspace/programs/irqload/edu.c userspace/programs/irqload/network.c userspace/programs/bench/samples.c \
    userspace/drivers/pci/msi.c userspace/drivers/pci/pci.c userspace/drivers/pci/direct.c userspace/drivers/pci/window.c
USER_PROGRAMS += pairs
USER_pairs_SRC := userspace/programs/pairs.c
USER_PROGRAMS += times
USER_times_SRC := userspace/programs/times.c
USER_revoke_SRC := userspace/programs/revoke.c
USER_PROGRAMS += paging
USER_paging_SRC := \
    userspace/programs/paging/main.c \
    userspace/programs/paging/fill.c \
    userspace/programs/paging/squeeze.c \
    userspace/programs/paging/mail.c \
    userspace/programs/paging/lies.c \
    userspace/programs/paging/liar.c \
    userspace/programs/paging/reserve.c
USER_counting_SRC := userspace/programs/counting.c
USER_switching_SRC := userspace/programs/switching.c
USER_spans_SRC := userspace/programs/spans.c
USER_PROGRAMS += $(if $(HAS_NEWLIB),libc)
LIBC_PROGRAMS += libc
USER_libc_SRC := userspace/programs/libc.c
LIBC_SRC += userspace/programs/libc.c
USER_PROGRAMS += services
USER_services_SRC := userspace/programs/services/main.c
USER_PROGRAMS += typed
USER_typed_SRC := userspace/programs/typed/main.c userspace/programs/typed/server.c
USER_PROGRAMS += files
USER_files_SRC := $(patsubst %,userspace/programs/files/%.c,main basics bench boot clients limits) $(FILES_CLIENT_SRC)
USER_PROGRAMS += $(if $(HAS_NEWLIB),libc_files)
LIBC_PROGRAMS += libc_files
USER_libc_files_SRC := userspace/programs/libc_files.c
LIBC_SRC += userspace/programs/libc_files.c
