KERNEL_SRC += kernel/sched/thread.c kernel/sched/thread_special.c kernel/sched/run_queue.c kernel/sched/sched.c kernel/sched/balance.c \
              kernel/sched/lend.c kernel/sched/thread_control.c kernel/sched/deadline.c \
              kernel/sched/wait_queue.c kernel/sched/process.c kernel/sched/trace_wait.c kernel/sched/times.c kernel/sched/park.c
CFLAGS_kernel/sched/park.c = $(CFLAGS_ENTRY)

HOST_TESTS += test_deadline test_run_queue
HOST_test_run_queue_SRC := tests/host/test_run_queue.c tests/host/kernel_support.c kernel/sched/run_queue.c
HOST_test_deadline_SRC := tests/host/test_deadline.c tests/host/kernel_support.c kernel/sched/deadline.c
HOST_TESTS += test_times
HOST_test_times_SRC := tests/host/test_times.c tests/host/kernel_support.c kernel/sched/times.c
HOST_TESTS += test_process_list
HOST_test_process_list_SRC := tests/host/test_process_list.c tests/host/kernel_support.c kernel/sched/process.c kernel/object/object.c
