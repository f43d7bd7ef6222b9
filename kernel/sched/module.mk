KERNEL_SRC += kernel/sched/thread.c kernel/sched/thread_special.c kernel/sched/run_queue.c kernel/sched/deadline.c \
              kernel/sched/wait_queue.c kernel/sched/process.c kernel/sched/trace_wait.c

HOST_TESTS += test_deadline
HOST_test_deadline_SRC := tests/host/test_deadline.c tests/host/kernel_support.c kernel/sched/deadline.c
