# SPDX-License-Identifier: MIT
"""
Random events through the generated emitters and back: what the C table and the Python table decode from the record
must be what went in, for any mixture of widths, small fields, enums, strings and lanes.
"""

from __future__ import annotations

import importlib.util
import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gen_tree import FIXTURE, ROOT, SANITIZERS, compile_c, copy_definitions, must_generate, run_program

EMISSIONS = 40  # of each event: enough to cross sub-buffers of the fixture's ring
STRING_MAX = 232
CATEGORIES = "[category]\n" + "".join(f'{name} = {{ bit = {bit}, doc = "d" }}\n'
                                      for bit, name in enumerate(("one", "two", "trace")))
ENUMS = "[enum]\nfew = { a = 0, b = 1, c = 3 }\n"


@dataclass
class RandomField:
    name: str
    bits: int
    small: bool = False
    kind: str = ""
    string: bool = False

    def toml(self) -> str:
        if self.string:
            return f'{{name = "{self.name}", type = "string"}}'
        parts = [f'name = "{self.name}"', f"bits = {self.bits}"]
        if self.small:
            parts.append('place = "small"')
        if self.kind:
            parts.append('enum = "few"' if self.kind == "enum" else f'kind = "{self.kind}"')
        return "{" + ", ".join(parts) + "}"


@dataclass
class RandomEvent:
    name: str
    id: int
    lane: str
    fields: list[RandomField] = field(default_factory=list)

    @property
    def c_name(self) -> str:
        return self.name.replace(".", "_")

    def toml(self) -> str:
        head = {"meta": 'lane = "meta"\n', "always": "always = true\n", "": ""}[self.lane]
        rows = ", ".join(item.toml() for item in self.fields)
        return (f'[event."{self.name}"]\nid = {self.id}\ncategory = "{"two" if self.id % 2 else "one"}"\n{head}'
                f'doc = "d"\nfields = [ {rows} ]\n')


def random_field(rng: random.Random, name: str, small_left: int) -> RandomField:
    small = small_left > 0 and rng.random() < 0.3
    bits = rng.randint(1, small_left) if small else rng.choice([1, 7, 8, 9, 16, 24, 31, 32, 33, 48, 63, 64])
    kinds = ["", "hex", "status"] + (["enum"] if bits >= 2 else [])
    return RandomField(name, bits, small, rng.choice(kinds))


def random_event(rng: random.Random, index: int) -> RandomEvent:
    event = RandomEvent(f"test.e{index}", rng.randrange(4) + 4 * index + 4, rng.choice(["", "", "always", "meta"]))
    small_left = 8
    for number in range(rng.choice([0, 1, 2, 3, 4, 6, 12])):
        item = random_field(rng, f"f{number}", small_left)
        small_left -= item.bits if item.small else 0
        event.fields.append(item)
    if rng.random() < 0.4:
        event.fields.append(RandomField("text", 0, string=True))
    return event


def random_value(rng: random.Random, item: RandomField) -> int | str:
    if item.string:
        size = rng.choice([0, 1, 7, 8, 9, 63, STRING_MAX - 1, STRING_MAX, STRING_MAX + 1, 300])
        return "".join(rng.choice("abcdefgh xyz") for _ in range(size))
    return rng.choice([0, 1, (1 << item.bits) - 1, rng.getrandbits(item.bits), rng.getrandbits(64)])


def call_text(event: RandomEvent, values: list[int | str]) -> str:
    parts = []
    for item, value in zip(event.fields, values):
        if isinstance(value, str):
            parts.append(f'"{value}", {len(value)}')
        else:
            width = next(size for size in (8, 16, 32, 64) if size >= item.bits)
            parts.append(f"(uint{width}_t){value:#x}ull")
    return f"trace_{event.c_name}({', '.join(parts)});"


DRIVER = """
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "gen/trace_emit.h"
#include "gen/trace_table.h"
#include "trace/ring/ring.h"
void lanes_init(void);
static void show(const uint64_t *record)
{
    const struct trace_event_info *info = trace_event_info(TRACE_EVENT(record[0]));
    printf("%u %s", TRACE_WORDS(record[0]), info->name);
    for (unsigned i = 0; i < info->fields; i++) {
        const struct trace_field *field = &info->field[i];
        if (field->bits != 0) {
            printf(" %" PRIx64, trace_field_value(field, record));
        }
    }
    printf(" |");
    for (unsigned i = 0; i <= TRACE_WORDS(record[0]); i++) {
        printf(" %016" PRIx64, record[i]);
    }
    printf("\\n");
}
static void check(uint64_t events_before, const struct trace_lane *lane)
{
    if (lane->events != events_before + 1) {
        printf("not written\\n");
    }
    show(last_record);
}
"""


Plan = list[tuple[RandomEvent, list[int | str]]]


def build_driver(events: list[RandomEvent], rng: random.Random) -> tuple[str, Plan]:
    plan = [(event, [random_value(rng, item) for item in event.fields]) for event in events for _ in range(EMISSIONS)]
    rng.shuffle(plan)
    lines = []
    for event, values in plan:
        if event.lane == "meta":
            lines.append(f"    {call_text(event, values)} show(last_record);")
        else:
            lane = "always_lane" if event.lane == "always" else "normal_lane"
            lines.append(f"    events = {lane}.events; {call_text(event, values)} check(events, &{lane});")
    body = "\n".join(lines)
    return f"{DRIVER}int main(void)\n{{\n    uint64_t events;\n    lanes_init();\n{body}\n    return 0;\n}}\n", plan


def expected_number(item: RandomField, value: int) -> int:
    value &= (1 << item.bits) - 1
    if item.kind == "status" and value >> (item.bits - 1):
        value -= 1 << item.bits
    return value & (1 << 64) - 1


def decode_in_python(facts: dict, record: list[int]) -> list[int | str]:
    result: list[int | str] = []
    for item in facts["fields"]:
        if item["kind"] == "string":
            data = b"".join(word.to_bytes(8, "little") for word in record[item["word"]:])
            result.append(data.rstrip(b"\0").decode())
        else:
            result.append(record[item["word"]] >> item["shift"] & (1 << item["bits"]) - 1)
    return result


def check_line(line: str, event: RandomEvent, values: list[int | str], facts: dict) -> None:
    decoded, raw = (part.split() for part in line.split("|"))
    record = [int(word, 16) for word in raw]
    numbers = [value for value in values if isinstance(value, int)]
    plain = [item for item in event.fields if not item.string]
    assert decoded[1] == event.name
    assert [int(word, 16) for word in decoded[2:]] == [expected_number(*pair) for pair in zip(plain, numbers)]
    text = [value for value in values if isinstance(value, str)]
    limit = min(STRING_MAX, 8 * (30 - facts["words"]))
    string_words = (min(len(text[0]), limit) + 7) // 8 if text else 0
    assert int(decoded[0]) == facts["words"] + string_words == len(record) - 1
    masked: list[int | str] = [value & (1 << item.bits) - 1 for item, value in zip(plain, numbers)]
    assert decode_in_python(facts, record) == masked + [value[:limit].rstrip("\0") for value in text]


@pytest.mark.parametrize("seed", range(6))
def test_random_events_come_back(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    tree = copy_definitions(tmp_path / "tree")
    events = [random_event(rng, index) for index in range(25)]
    (tree / "trace/events/events.toml").write_text(CATEGORIES + ENUMS + "\n".join(item.toml() for item in events))
    generated = must_generate(tree, tmp_path / "gen")
    driver, plan = build_driver(events, rng)
    (tmp_path / "driver.c").write_text(driver)
    compile_c(tmp_path / "driver.o", generated, "-O0", "-c", str(tmp_path / "driver.c"))
    compile_c(tmp_path / "driver", generated, *SANITIZERS, str(tmp_path / "driver.o"),
              str(generated / "gen/trace_emit.c"), str(generated / "gen/trace_table.c"), str(FIXTURE / "ring.c"))
    lines = run_program(tmp_path / "driver").splitlines()
    spec = importlib.util.spec_from_file_location("facts", generated / "spoor_gen.py")
    assert spec and spec.loader
    facts = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(facts)
    assert len(lines) == len(plan)
    for line, (event, values) in zip(lines, plan):
        check_line(line, event, values, facts.EVENTS[event.name])


def test_tables_hold_enums_categories_and_flags(tmp_path: Path) -> None:
    generated = must_generate(ROOT, tmp_path / "gen")
    source = tmp_path / "table.c"
    source.write_text("""
#include <assert.h>
#include <string.h>
#include "gen/trace_table.h"
int main(void)
{
    const struct trace_event_info *info = trace_event_info(TRACE_EVENT_SCHED_THREAD_SWITCH);
    assert(strcmp(info->name, "sched.thread.switch") == 0 && info->flags == TRACE_INFO_ALWAYS);
    assert(strcmp(trace_category_name[info->category], "sched") == 0);
    assert(strcmp(trace_enum_name(&info->field[0], TRACE_THREAD_STATE_CALL), "call") == 0);
    assert(trace_enum_name(&info->field[0], 100) == (const char *)0);
    assert(trace_enum_name(&info->field[0], ~0ull) == (const char *)0);
    assert(trace_event_category[TRACE_EVENT_SCHED_THREAD_SWITCH] == 0);
    assert(trace_event_category[15] == TRACE_CATEGORY_NONE && trace_event_info(15) == (const void *)0);
    assert(trace_event_info(TRACE_EVENT_COUNT) == (const void *)0 && trace_event_info(~0u) == (const void *)0);
    assert(trace_event_info(TRACE_EVENT_LIFE_PROCESS_CREATE)->flags == (TRACE_INFO_META | TRACE_INFO_STRING));
    uint64_t record[2] = {(uint64_t)(uint8_t)-9 << 14, 0};
    assert((int64_t)trace_field_value(trace_event_info(TRACE_EVENT_SYSCALL_EXIT)->field, record) == -9);
    return 0;
}
""")
    compile_c(tmp_path / "table", generated, *SANITIZERS, str(source), str(generated / "gen/trace_table.c"))
    run_program(tmp_path / "table")
