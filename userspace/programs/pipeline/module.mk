USER_PROGRAMS += pipeline
USER_pipeline_SRC := $(patsubst %,userspace/programs/pipeline/%.c,main client servers)
