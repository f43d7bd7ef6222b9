USER_PROGRAMS += bus
USER_bus_SRC := userspace/services/bus/main.c userspace/services/bus/claims.c \
    $(patsubst %,userspace/drivers/pci/%.c,pci direct window msi)

# The program of its system test.
USER_PROGRAMS += claims
USER_claims_SRC := userspace/programs/claims.c $(patsubst %,userspace/drivers/%.c,pci/pci pci/remote mmio)

HOST_TESTS += test_claims
HOST_test_claims_SRC := tests/host/test_claims.c userspace/services/bus/claims.c userspace/drivers/pci/pci.c userspace/drivers/pci/msi.c
HOST_test_claims_CFLAGS := -iquote tests/host/fake_syscalls
