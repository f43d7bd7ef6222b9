# What a service for one disk is made of, with every driver that there is.
DRIVERS_DISK_SRC := $(patsubst %,userspace/drivers/%.c,dma dma_open disk/disk pci/pci pci/remote virtio/virtio virtio/virtqueue virtio_blk/virtio_blk ahci/ahci ahci/port mmio)

USER_PROGRAMS += disk
USER_disk_SRC := userspace/services/disk/main.c userspace/services/disk/find.c $(DRIVERS_DISK_SRC)
