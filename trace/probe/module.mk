KERNEL_SRC += trace/probe/probe.c trace/probe/plan.c trace/probe/write.c
