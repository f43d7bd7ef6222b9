/* SPDX-License-Identifier: MIT */
/* As remote_support.h, with a gdb that knows several processes, and the files of their programs. */
#pragma once

#include "tests/host/remote_support.h"

#include "kdebug/core/files.h"

static void make_files(void)
{
    static const char content[] = "\x7f"
                                  "ELF #$}* and more";
    struct kd_files *files = fake_alloc(sizeof(*files));
    uint8_t *image = fake_alloc(0x3000);
    struct boot_image_header header = {.magic = BOOT_IMAGE_MAGIC, .count = 2, .bytes = 0x3000};
    struct boot_image_entry entries[] = {
        {.name = "init", .offset = 0x1000, .bytes = 5},
        {.name = "server", .offset = 0x2000, .bytes = sizeof(content) - 1},
    };
    memcpy(image, &header, sizeof(header));
    memcpy(image + sizeof(header), entries, sizeof(entries));
    memcpy(image + 0x2000, content, sizeof(content));
    *files = (struct kd_files){.base = fake_physical(image), .bytes = 0x3000};
    fake_global("kd_files", files);
}

static int begin_multi(void **state)
{
    begin(state);
    make_files();
    assert_string_equal(ask("D"), "OK");
    connect("qSupported:multiprocess+;swbreak+");
    assert_string_equal(ask("qfThreadInfo"), "mp1.100001,p1.b,p1.c");
    (void)ask("qRcmd,6764622070726f636573736573206f6e"); /* gdb processes on */
    return 0;
}
