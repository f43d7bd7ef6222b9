# SPDX-License-Identifier: MIT
"""tools/gen refuses bad definitions, naming file, line, key and reason, and writes nothing."""

from pathlib import Path

import pytest

from gen_tree import copy_definitions, generate

ERRORS, OBJECTS, LAYOUT, SYSCALLS = (f"kernel/abi/{name}.toml" for name in ("errors", "objects", "layout", "syscalls"))
EVENTS = "trace/events/events.toml"


def event(fields: str, head: str = 'id = 500\ncategory = "user"') -> str:
    return f'\n[event."test.event"]\n{head}\ndoc = "d"\nfields = [ {fields} ]\n'


def syscall(rest: str) -> str:
    return f'\n[syscall.test]\nnumber = 200\ndoc = "d"\n{rest}\n'


# name, file, text to append, what the message must hold
BAD = [
    ("unknown key of an error", ERRORS, '\n[error.X]\nvalue = -99\ndoc = "d"\nvalu = 1\n',
     ["[error.X.valu]", "unknown key"]),
    ("error value twice", ERRORS, '\n[error.X]\nvalue = -1\ndoc = "d"\n', ["[error.X]", "-1 is taken by BAD_HANDLE"]),
    ("error value positive", ERRORS, '\n[error.X]\nvalue = 1\ndoc = "d"\n', ["[error.X.value]", "-127..-1"]),
    ("error value is text", ERRORS, '\n[error.X]\nvalue = "1"\ndoc = "d"\n', ["[error.X.value]", "must be a number"]),
    ("error without doc", ERRORS, "\n[error.X]\nvalue = -99\n", ["[error.X]", "'doc' is missing"]),
    ("error in lower case", ERRORS, '\n[error.bad]\nvalue = -99\ndoc = "d"\n', ["[error.bad]", "not usable as a name"]),
    ("doc with a quote", ERRORS, "\n[error.X]\nvalue = -99\ndoc = 'a\"b'\n", ["[error.X.doc]", "quotes"]),
    ("no TOML", ERRORS, "\n[error.X\n", [ERRORS]),
    ("object type twice", OBJECTS, '\n[object.x]\ntype = 1\ndoc = "d"\n', ["[object.x]", "type 1 is taken by process"]),
    ("right takes a common bit", OBJECTS, '\n[object.x]\ntype = 99\ndoc = "d"\nrights = { a = 0 }\n',
     ["[object.x.rights]", "bit 0 is taken by duplicate"]),
    ("right named like a common one", OBJECTS, '\n[object.x]\ntype = 99\ndoc = "d"\nrights = { transfer = 5 }\n',
     ["[object.x.rights.transfer]", "common right"]),
    ("right beyond 32 bits", OBJECTS, '\n[object.x]\ntype = 99\ndoc = "d"\nrights = { a = 32 }\n',
     ["32 is not in 0..31"]),
    ("constant too big", LAYOUT, '\nX = { value = -1, doc = "d" }\n', ["[constant.X.value]", "-1 is not in"]),
    ("constant named like an error", LAYOUT, '\nERR_BUSY = { value = 1, doc = "d" }\n', ["ERR_BUSY", "taken by"]),
    ("syscall number twice", SYSCALLS, '\n[syscall.test]\nnumber = 0\ndoc = "d"\n', ["number 0 is taken by null"]),
    ("syscall named like a C keyword", SYSCALLS, '\n[syscall.return]\nnumber = 200\ndoc = "d"\n',
     ["not usable as a name"]),
    ("argument of unknown type", SYSCALLS, syscall('args = [ {name = "a", type = "u16"} ]'),
     ["args.a.type", "'u16' is none of"]),
    ("argument twice", SYSCALLS, syscall('args = [ {name = "a", type = "u64"}, {name = "a", type = "u64"} ]'),
     ["argument a is taken"]),
    ("seven arguments", SYSCALLS, syscall("args = [ " + ", ".join('{name = "%s", type = "u64"}' % c for c in "abcdefg")
                                          + " ]"), ["[syscall.test.args]", "more than 6"]),
    ("handle of an unknown object", SYSCALLS,
     syscall('args = [ {name = "a", type = "handle", object = "x", rights = []} ]'), ["'x' is no object type"]),
    ("handle with an unknown right", SYSCALLS,
     syscall('args = [ {name = "a", type = "handle", object = "thread", rights = ["fly"]} ]'), ["no right 'fly'"]),
    ("rights on a number", SYSCALLS, syscall('args = [ {name = "a", type = "u64", rights = ["x"]} ]'),
     ["of type handle"]),
    ("dir on a number", SYSCALLS, syscall('args = [ {name = "a", type = "u64", dir = "in"} ]'), ["user_ptr"]),
    ("four results", SYSCALLS, syscall('results = ["a", "b", "c", "d"]'), ["[syscall.test.results]", "more than 3"]),
    ("unknown error in a syscall", SYSCALLS, syscall('errors = ["NOPE"]'),
     ["[syscall.test.errors]", "'NOPE' is not in"]),
    ("raw without handle", SYSCALLS, syscall('raw = true\nargs = [ {name = "a", type = "u64"} ]'),
     ["raw call takes one handle"]),
    ("raw result in another register", SYSCALLS,
     syscall('raw = true\nargs = [ {name = "m", type = "handle", object = "mailbox", rights = []},'
             ' {name = "a", type = "u64"} ]\nresults = ["a"]'), ["goes in by rsi and comes back by rdi"]),
    ("words on a plain call", SYSCALLS, syscall('words = "in"'), ["[syscall.test.words]", "raw calls"]),
    ("noreturn with results", SYSCALLS, syscall('noreturn = true\nresults = ["a"]'), ["[syscall.test.noreturn]"]),
    ("event id twice", EVENTS, event("", 'id = 8\ncategory = "user"'), ["id 8 is taken by sched.thread.switch"]),
    ("event id too big", EVENTS, event("", 'id = 512\ncategory = "user"'), ["512 is not in 0..511"]),
    ("event of no category", EVENTS, event("", 'id = 500\ncategory = "x"'),
     ["[event.test.event.category]", "no [category] 'x'"]),
    ("events with the same C name", EVENTS, '\n[event."irq_enter"]\nid = 500\ncategory = "irq"\ndoc = "d"\n',
     ["C name irq_enter is taken by irq.enter"]),
    ("nine small bits", EVENTS,
     event('{name = "a", bits = 5, place = "small"}, {name = "b", bits = 4, place = "small"}'),
     ["[event.test.event.fields.b]", "take 9 bits, there are 8"]),
    ("field of 65 bits", EVENTS, event('{name = "a", bits = 65}'), ["65 is not in 1..64"]),
    ("field of no bits", EVENTS, event('{name = "a", bits = 0}'), ["0 is not in 1..64"]),
    ("field twice", EVENTS, event('{name = "a"}, {name = "a"}'), ["field a is taken"]),
    ("field with a name of the emitters", EVENTS, event('{name = "lane"}'), ["'lane' is a name the emitters use"]),
    ("31 words", EVENTS, event(", ".join('{name = "f%d"}' % i for i in range(31))), ["more than 30 payload words"]),
    ("string not last", EVENTS, event('{name = "a", type = "string"}, {name = "b"}'), ["nothing can follow a string"]),
    ("string without room", EVENTS, event(", ".join('{name = "f%d"}' % i for i in range(30))
                                          + ', {name = "s", type = "string"}'), ["no payload word is left"]),
    ("string with bits", EVENTS, event('{name = "a", type = "string", bits = 8}'), ["does not go with type string"]),
    ("unknown kind", EVENTS, event('{name = "a", kind = "octal"}'), ["'octal' is none of"]),
    ("unknown enum", EVENTS, event('{name = "a", enum = "colour"}'), ["no [enum] 'colour'"]),
    ("enum does not fit", EVENTS, event('{name = "a", bits = 3, enum = "thread_state"}'),
     ["3 bits cannot hold the value 15"]),
    ("kind and enum", EVENTS, event('{name = "a", kind = "hex", enum = "log_level"}'), ["exclude each other"]),
    ("counter of a kind that is no level", EVENTS, event('{name = "a", kind = "hex", counter = true}'),
     ["[event.test.event.fields.a.counter]", "of kind dec, bytes, ns"]),
    ("of a core, but no counter", EVENTS, event('{name = "a", per_core = true}'), ["only a counter is of a core"]),
    ("string as a counter", EVENTS, event('{name = "a", type = "string", counter = true}'),
     ["does not go with type string"]),
    ("unknown lane", EVENTS, event("", 'id = 500\ncategory = "user"\nlane = "fast"'), ["[event.test.event.lane]"]),
    ("unknown key of a field", EVENTS, event('{name = "a", width = 8}'),
     ["[event.test.event.fields.a.width]", "unknown key"]),
]


@pytest.mark.parametrize("file,text,expected", [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_bad_definition(tmp_path: Path, file: str, text: str, expected: list[str]) -> None:
    tree = copy_definitions(tmp_path / "tree")
    (tree / file).write_text((tree / file).read_text() + text)
    done = generate(tree, tmp_path / "out")
    assert done.returncode == 1
    assert file in done.stderr or "definitions" in done.stderr
    for part in expected:
        assert part in done.stderr
    assert not (tmp_path / "out").exists()


def test_missing_file(tmp_path: Path) -> None:
    tree = copy_definitions(tmp_path / "tree")
    (tree / OBJECTS).unlink()
    done = generate(tree, tmp_path / "out")
    assert done.returncode == 1
    assert f"{OBJECTS}: no such file" in done.stderr


def test_the_real_definitions_are_good(tmp_path: Path) -> None:
    assert generate(copy_definitions(tmp_path / "tree"), tmp_path / "out").returncode == 0
