/* SPDX-License-Identifier: MIT */
/*
 * Spaces against a model: random maps, unmaps, accesses, copies, allocations that fail, in two
 * spaces that share areas. The model knows for every page of a window which page of which area is
 * there and with what protection, and what each page of each area contains. An access must be
 * served exactly when the model says so, and see exactly what it says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "abi/memory.h"
#include "arch/mmu.h"
#include "mm/heap_impl.h"
#include "tests/host/vm_support.h"

#define MIB            0x100000ull
#define PAGE           ((uint64_t)PAGE_BYTES)
#define SPACES         2u
#define AREAS          12u
#define WINDOW         (0x40000000ull - 700 * PAGE) /* across the end of two tables */
#define PAGES          1400u
#define AREA_PAGES_MAX 1100u

struct model_area {
    struct area *area; /* NULL: not there */
    bool has_handle;   /* our reference */
    bool writable;
    bool is_physical;
    uint64_t pages;
    unsigned mapped;               /* pages of all windows that show it */
    uint64_t word[AREA_PAGES_MAX]; /* first word of each page */
};

struct model_page {
    int area; /* -1: nothing */
    uint64_t page;
    unsigned protection;
};

static struct space *spaces[SPACES];
static struct model_area areas[AREAS];
static struct model_page window[SPACES][PAGES];
static uint64_t seed, next_word, image_word[MACHINE_IMAGE_BYTES / PAGE_BYTES];
static unsigned operations[16], refused_memory;

static uint64_t random_below(uint64_t limit)
{
    return random_next(&seed) % limit;
}

/* Half of the time, let some allocation fail. */
static void arm_failure(void)
{
    machine_fail_at = random_below(4) == 0 ? 1 + (unsigned)random_below(5) : 0;
}

/* True if an injected failure happened since arm_failure(). */
static bool disarm_failure(bool was_armed)
{
    bool failed = was_armed && machine_fail_at == 0;
    machine_fail_at = 0;
    refused_memory += failed;
    return failed;
}

static void forget_if_gone(struct model_area *model)
{
    if (!model->has_handle && model->mapped == 0) {
        model->area = NULL; /* the kernel has destroyed it */
    }
}

/* ---- operations ---- */

static void create_area(void)
{
    unsigned index = (unsigned)random_below(AREAS);
    struct model_area *model = &areas[index];
    if (model->area != NULL) {
        return;
    }
    memset(model, 0, sizeof(*model));
    model->pages = 1 + random_below(random_below(2) ? AREA_PAGES_MAX : 20);
    model->writable = true;
    arm_failure();
    bool armed = machine_fail_at != 0;
    status_t status;
    uint64_t kind = random_below(4);
    if (kind == 0) {
        uint64_t first =
            random_below(2) ? 0 : random_below(MACHINE_IMAGE_BYTES / PAGE - model->pages);
        model->is_physical = true;
        model->writable = random_below(2);
        status = area_create_physical(MACHINE_IMAGE_BASE + first * PAGE, model->pages * PAGE,
                                      model->writable, AREA_CACHE_WRITE_BACK, &model->area);
    } else if (kind == 1) {
        status = area_create_run(model->pages * PAGE, 0, &model->area);
    } else {
        status = area_create_anonymous(model->pages * PAGE, 0, &model->area);
    }
    bool failed = disarm_failure(armed);
    assert_true(status == OK || status == ERR_NO_MEMORY);
    assert_true(status == OK || failed || kind == 1);
    if (status != OK) {
        assert_null(model->area);
        return;
    }
    model->has_handle = true;
    operations[0]++;
}

static void close_area(void)
{
    struct model_area *model = &areas[random_below(AREAS)];
    if (model->area != NULL && model->has_handle) {
        object_put(&model->area->object);
        model->has_handle = false;
        forget_if_gone(model);
        operations[1]++;
    }
}

static unsigned random_protection(const struct model_area *model)
{
    static const unsigned choices[] = {PROT_READ, PROT_READ | PROT_EXEC, PROT_READ | PROT_WRITE};
    return choices[random_below(model->writable ? 3 : 2)];
}

static void map_at(unsigned in)
{
    unsigned index = (unsigned)random_below(AREAS);
    struct model_area *model = &areas[index];
    if (model->area == NULL || !model->has_handle) {
        return;
    }
    uint64_t offset = random_below(model->pages), count = 1 + random_below(model->pages - offset),
             at = random_below(PAGES);
    if (random_below(2)) {
        count = MIN(count, 8ull);
    }
    count = MIN(count, PAGES - at);
    unsigned protection = random_protection(model);
    bool busy = false;
    for (uint64_t i = 0; i < count; i++) {
        busy |= window[in][at + i].area >= 0;
    }
    vaddr_t va;
    arm_failure();
    bool armed = machine_fail_at != 0;
    status_t status = map_view(spaces[in], model->area, offset * PAGE, count * PAGE,
                               WINDOW + at * PAGE, protection, &va);
    if (disarm_failure(armed) && status == ERR_NO_MEMORY) {
        return; /* not always so: a failure inside of a refill of the heap may go unnoticed */
    }
    assert_int_equal(status, busy ? ERR_BUSY : OK);
    for (uint64_t i = 0; status == OK && i < count; i++) {
        window[in][at + i] = (struct model_page){(int)index, offset + i, protection};
        model->mapped++;
    }
    operations[2] += status == OK;
}

static void unmap_at(unsigned in)
{
    uint64_t at = random_below(PAGES), count = 1 + random_below(random_below(8) ? 40 : PAGES - at);
    count = MIN(count, PAGES - at);
    bool any = false;
    for (uint64_t i = 0; i < count; i++) {
        any |= window[in][at + i].area >= 0;
    }
    arm_failure();
    bool armed = machine_fail_at != 0;
    status_t status = space_unmap(spaces[in], WINDOW + at * PAGE, count * PAGE);
    if (disarm_failure(armed) && status == ERR_NO_MEMORY) {
        return; /* not always so: a failure inside of a refill of the heap may go unnoticed */
    }
    assert_int_equal(status, any ? OK : ERR_NOT_FOUND);
    for (uint64_t i = 0; i < count; i++) {
        struct model_page *page = &window[in][at + i];
        if (page->area >= 0) {
            areas[page->area].mapped--;
            forget_if_gone(&areas[page->area]);
            page->area = -1;
        }
    }
    operations[3] += any;
}

static uint64_t *word_of(const struct model_page *page)
{
    struct model_area *model = &areas[page->area];
    return model->is_physical
               ? &image_word[(model->area->base - MACHINE_IMAGE_BASE) / PAGE + page->page]
               : &model->word[page->page];
}

/* Any page, but rather one that is mapped. */
static uint64_t random_page(unsigned in)
{
    uint64_t at = random_below(PAGES);
    for (unsigned i = 0; i < 8 && window[in][at].area < 0; i++) {
        at = random_below(PAGES);
    }
    return at;
}

static bool is_there(const struct model_page *page)
{
    return page->area >= 0 && page->page < areas[page->area].pages;
}

static void access_at(unsigned in, bool with_failures)
{
    uint64_t at = random_page(in);
    const struct model_page *page = &window[in][at];
    enum access access = (enum access)random_below(3);
    bool allowed = is_there(page) && (access != ACCESS_WRITE || (page->protection & PROT_WRITE)) &&
                   (access != ACCESS_EXECUTE || (page->protection & PROT_EXEC));
    int outcome;
    if (with_failures) {
        arm_failure();
    }
    bool armed = machine_fail_at != 0;
    uint64_t *word = cpu_access(spaces[in], WINDOW + at * PAGE, access, &outcome);
    if (disarm_failure(armed) && word == NULL) {
        return;
    }
    assert_int_equal(word != NULL, allowed);
    if (word == NULL) {
        return;
    }
    assert_true(*word == *word_of(page));
    if (access == ACCESS_WRITE) {
        *word = *word_of(page) = ++next_word;
    }
    operations[4]++;
}

static void copy_between(unsigned to, unsigned from)
{
    uint64_t to_at = random_page(to), from_at = random_page(from);
    const struct model_page *target = &window[to][to_at], *source = &window[from][from_at];
    bool bad_to;
    status_t to_status = space_prefault(spaces[to], WINDOW + to_at * PAGE, 8, true);
    status_t from_status = space_prefault(spaces[from], WINDOW + from_at * PAGE, 8, false);
    assert_int_equal(to_status,
                     is_there(target) && (target->protection & PROT_WRITE) ? OK : ERR_BAD_ADDRESS);
    assert_int_equal(from_status, is_there(source) ? OK : ERR_BAD_ADDRESS);
    status_t status = space_copy(spaces[to], WINDOW + to_at * PAGE, spaces[from],
                                 WINDOW + from_at * PAGE, 8, &bad_to);
    assert_int_equal(status, to_status == OK && from_status == OK ? OK : ERR_BAD_ADDRESS);
    if (status == OK) {
        *word_of(target) = *word_of(source);
        operations[5]++;
    } else {
        assert_int_equal(bad_to, from_status == OK);
    }
}

/* What a range shows changes its protection, all of it or nothing. */
static void protect_at(unsigned in)
{
    uint64_t at = random_page(in), count = 1 + random_below(random_below(4) ? 12 : PAGES - at);
    count = MIN(count, PAGES - at);
    static const unsigned choices[] = {PROT_READ, PROT_READ | PROT_EXEC, PROT_READ | PROT_WRITE};
    unsigned protection = choices[random_below(3)];
    status_t expected = OK;
    for (uint64_t i = 0; i < count && expected == OK; i++) {
        const struct model_page *page = &window[in][at + i];
        if (page->area < 0) {
            expected = ERR_NOT_FOUND;
        } else if ((protection & PROT_WRITE) && !areas[page->area].writable) {
            expected = ERR_NO_RIGHTS;
        }
    }
    arm_failure();
    bool armed = machine_fail_at != 0;
    status_t status = space_protect(spaces[in], WINDOW + at * PAGE, count * PAGE, protection);
    if (disarm_failure(armed) && status == ERR_NO_MEMORY) {
        return;
    }
    assert_int_equal(status, expected);
    for (uint64_t i = 0; status == OK && i < count; i++) {
        window[in][at + i].protection = protection;
    }
    operations[6] += status == OK;
}

static struct model_area *random_anonymous(void)
{
    struct model_area *model = &areas[random_below(AREAS)];
    return model->area != NULL && model->has_handle && model->area->kind == AREA_ANONYMOUS ? model
                                                                                           : NULL;
}

static void clone_area(void)
{
    struct model_area *from = random_anonymous(), *to = areas;
    while (to < areas + AREAS && to->area != NULL) {
        to++;
    }
    if (from == NULL || to == areas + AREAS) {
        return;
    }
    uint64_t offset = random_below(2) ? 0 : random_below(from->pages);
    uint64_t pages = 1 + random_below(from->pages - offset);
    memset(to, 0, sizeof(*to));
    arm_failure();
    bool armed = machine_fail_at != 0;
    status_t status = area_clone(from->area, offset * PAGE, pages * PAGE, &to->area);
    assert_true(disarm_failure(armed) || status == OK);
    if (status != OK) {
        assert_null(to->area);
        return;
    }
    to->has_handle = true;
    to->writable = true;
    to->pages = pages;
    memcpy(to->word, from->word + offset, pages * sizeof(to->word[0]));
    operations[7]++;
}

static void resize_area(void)
{
    struct model_area *model = random_anonymous();
    if (model == NULL) {
        return;
    }
    uint64_t pages = 1 + random_below(random_below(2) ? AREA_PAGES_MAX : model->pages);
    arm_failure();
    bool armed = machine_fail_at != 0;
    status_t status = area_resize(model->area, pages * PAGE);
    assert_true(disarm_failure(armed) || status == OK);
    pages = area_bytes(model->area) / PAGE;
    for (uint64_t i = pages; i < model->pages; i++) {
        model->word[i] = 0;
    }
    model->pages = pages;
    operations[8] += status == OK;
}

/* ---- invariants ---- */

static void check_everything(void)
{
    char why[120];
    for (unsigned in = 0; in < SPACES; in++) {
        if (!space_check(spaces[in], why, sizeof(why))) {
            fail_msg("space %u: %s", in, why);
        }
    }
    tlb_model_check();
    assert_holds(frame_check);
    assert_holds(heap_check);
    uint64_t user = 0;
    for (unsigned i = 0; i < AREAS; i++) {
        if (areas[i].area != NULL && !areas[i].is_physical) {
            user += areas[i].area->kind == AREA_RUN ? areas[i].pages : areas[i].area->resident;
        }
    }
    assert_true(frame_count(FRAME_USER) <= user); /* what areas have, some of it shared */
}

static void run(unsigned steps, uint64_t start)
{
    machine_start_plain(48 * MIB);
    memset(phys_to_virt(MACHINE_IMAGE_BASE), 0, MACHINE_IMAGE_BYTES);
    memset(image_word, 0, sizeof(image_word));
    memset(areas, 0, sizeof(areas));
    area_init();
    space_init();
    tlb_model_reset();
    seed = start;
    uint64_t free_before = frames_not_used();
    for (unsigned in = 0; in < SPACES; in++) {
        assert_int_equal(space_create(&spaces[in]), OK);
        for (unsigned i = 0; i < PAGES; i++) {
            window[in][i].area = -1;
        }
    }
    for (unsigned step = 0; step < steps; step++) {
        unsigned in = (unsigned)random_below(SPACES);
        switch (random_below(32)) {
        case 0:
            create_area();
            break;
        case 1:
            close_area();
            break;
        case 2:
        case 3:
        case 4:
            map_at(in);
            break;
        case 5:
        case 6:
            unmap_at(in);
            break;
        case 9:
        case 10:
            protect_at(in);
            break;
        case 11:
            clone_area();
            break;
        case 12:
            resize_area();
            break;
        case 7:
        case 8:
            copy_between(in, (unsigned)random_below(SPACES));
            break;
        default:
            access_at(in, random_below(8) == 0);
            break;
        }
        if (step % 50 == 0) {
            check_everything();
        }
    }
    check_everything();
    for (unsigned in = 0; in < SPACES; in++) {
        space_destroy(spaces[in]);
        tlb_model_reset(); /* no core has it any more */
    }
    for (unsigned i = 0; i < AREAS; i++) {
        if (areas[i].has_handle && areas[i].area != NULL) {
            object_put(&areas[i].area->object);
        }
    }
    heap_trim();
    assert_holds(frame_check);
    assert_holds(heap_check);
    assert_int_equal(frames_not_used(), free_before);
}

static void test_random_operations(void **state)
{
    (void)state;
    for (uint64_t start = 1; start <= 10; start++) {
        run(100000, start * 0x9e3779b97f4a7c15ull);
    }
    for (unsigned i = 0; i < 9; i++) {
        print_message("  kind %u got through %u times\n", i, operations[i]);
        assert_true(operations[i] > 200); /* each did often */
    }
    assert_true(refused_memory > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_operations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
