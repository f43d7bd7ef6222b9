/* SPDX-License-Identifier: MIT */
/* Files. Read in pieces: there are firmwares whose file systems fail on reads of many MiB. */
#include "boot/efi/file.h"

#include "boot/efi/memory.h"
#include "gen/layout.h"

#define PATH_CHARS_MAX 64u
#define PIECE_BYTES    MIB_BYTES
#define FILE_BYTES_MAX (1024 * MIB_BYTES)

static EFI_FILE_HANDLE volume;

EFI_STATUS file_open_volume(EFI_HANDLE image)
{
    EFI_GUID image_guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;
    EFI_GUID volume_guid = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
    EFI_LOADED_IMAGE_PROTOCOL *loaded = NULL;
    EFI_SIMPLE_FILE_SYSTEM_PROTOCOL *file_system = NULL;
    EFI_STATUS status = BS->HandleProtocol(image, &image_guid, (void **)&loaded);
    if (!EFI_ERROR(status)) {
        status = BS->HandleProtocol(loaded->DeviceHandle, &volume_guid, (void **)&file_system);
    }
    if (!EFI_ERROR(status)) {
        status = file_system->OpenVolume(file_system, &volume);
    }
    if (EFI_ERROR(status)) {
        return complain(
            status, "opening the volume the loader came from",
            "the firmware shows no file system there",
            "start the loader from a FAT volume (an EFI system partition), not over the network");
    }
    return EFI_SUCCESS;
}

void file_close_volume(void)
{
    if (volume != NULL) {
        volume->Close(volume);
        volume = NULL;
    }
}

static EFI_STATUS open_path(const char *path, EFI_FILE_HANDLE *out_handle)
{
    CHAR16 wide[PATH_CHARS_MAX];
    unsigned length = 0;
    for (; path[length] != '\0' && length < PATH_CHARS_MAX - 1; length++) {
        wide[length] = (CHAR16)path[length];
    }
    wide[length] = 0;
    return volume->Open(volume, out_handle, wide, EFI_FILE_MODE_READ, 0);
}

static EFI_STATUS read_size(EFI_FILE_HANDLE handle, uint64_t *out_size)
{
    EFI_GUID guid = EFI_FILE_INFO_ID;
    union {
        EFI_FILE_INFO info;
        uint8_t
            room[sizeof(EFI_FILE_INFO) + 256 * sizeof(CHAR16)]; /* the name follows the struct */
    } buffer;
    UINTN bytes = sizeof(buffer);
    EFI_STATUS status = handle->GetInfo(handle, &guid, &bytes, &buffer);
    if (EFI_ERROR(status)) {
        return status;
    }
    if (buffer.info.Attribute & EFI_FILE_DIRECTORY) {
        return EFI_NOT_FOUND;
    }
    *out_size = buffer.info.FileSize;
    return EFI_SUCCESS;
}

static EFI_STATUS read_bytes(EFI_FILE_HANDLE handle, uint8_t *to, uint64_t size)
{
    uint64_t done = 0;
    while (done < size) {
        UINTN piece = size - done < PIECE_BYTES ? size - done : PIECE_BYTES;
        EFI_STATUS status = handle->Read(handle, &piece, to + done);
        if (EFI_ERROR(status)) {
            return status;
        }
        if (piece == 0) {
            return EFI_END_OF_FILE;
        }
        done += piece;
    }
    return EFI_SUCCESS;
}

static EFI_STATUS read_open_file(EFI_FILE_HANDLE handle, enum handoff_memory_type type,
                                 struct file *out_file)
{
    uint64_t size;
    EFI_STATUS status = read_size(handle, &size);
    if (EFI_ERROR(status)) {
        return status;
    }
    if (size > FILE_BYTES_MAX) {
        return EFI_BAD_BUFFER_SIZE;
    }
    uint64_t base;
    /* An empty file still gets a page: its reader then complains about its contents. */
    uint64_t room = (size / PAGE_BYTES + 1) * PAGE_BYTES;
    status = memory_take(room, type, BELOW_4_GIB, &base);
    if (EFI_ERROR(status)) {
        return status;
    }
    status = read_bytes(handle, (uint8_t *)base, size);
    if (EFI_ERROR(status)) {
        memory_give_back(base);
        return status;
    }
    BS->SetMem((uint8_t *)base + size, room - size, 0);
    *out_file = (struct file){.bytes = (void *)base, .size = size};
    return EFI_SUCCESS;
}

static EFI_STATUS complain_read(EFI_STATUS status, const char *path, const char *why,
                                const char *remedy)
{
    char task[sizeof("reading ") + PATH_CHARS_MAX] = "reading ";
    unsigned length = 8;
    while (*path != '\0' && length < sizeof(task) - 1) {
        task[length++] = *path++;
    }
    task[length] = '\0';
    return complain(status, task, why, remedy);
}

EFI_STATUS file_read(const char *path, enum handoff_memory_type type, struct file *out_file)
{
    EFI_FILE_HANDLE handle;
    EFI_STATUS status = open_path(path, &handle);
    if (!EFI_ERROR(status)) {
        status = read_open_file(handle, type, out_file);
        handle->Close(handle);
    }
    if (status == EFI_OUT_OF_RESOURCES) {
        return complain_read(status, path, "it does not fit into the memory below 4 GiB",
                             "give the machine more memory");
    }
    if (status == EFI_BAD_BUFFER_SIZE) {
        return complain_read(status, path, "it is larger than 1 GiB", "rebuild it with make");
    }
    if (EFI_ERROR(status) && status != EFI_NOT_FOUND) {
        return complain_read(status, path, "it cannot be read to its end",
                             "check the volume, or write the disk image again (make)");
    }
    return status;
}

EFI_STATUS file_complain_missing(const char *path)
{
    return complain_read(EFI_NOT_FOUND, path,
                         "there is no such file on the volume the loader came from",
                         "write the disk image again (make), or copy the file there");
}

void file_drop(struct file *file)
{
    memory_give_back((uint64_t)file->bytes);
    *file = (struct file){0};
}
