# SPDX-License-Identifier: MIT
"""
C types made by chance, for test_kdebug_generated: what gdb says of each of their fields.

    generated_types.py FOLDER    writes types.btf, pool.bin, and cases.txt: lines of an expression over $pool and the
                                 number that gdb gives it

Bit fields, enums, anonymous structures and unions, arrays of two dimensions, pointers, structures in structures. All
look at the same bytes, so every value is one that chance made.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools/gen"))

import btf  # noqa: E402

TYPES = 50
FIELDS_MAX = 9
DEPTH_MAX = 3
EARLIER = 8  # types that others may hold, so that none outgrows the bytes
POOL_BYTES = 65536
SCALARS = {"signed char": 8, "unsigned char": 8, "short": 16, "unsigned short": 16, "int": 32, "unsigned": 32,
           "long": 64, "unsigned long": 64}
NAMES = [("SHADE_LIGHT", 0), ("SHADE_MIDDLE", 5), ("SHADE_DARK", -2)]
FLAGS = [("MAY_READ", 1), ("MAY_WRITE", 2), ("MAY_RUN", 64)]


class Generator:
    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.made: list[list[str]] = []  # paths to the values of each type
        self.names = 0

    def name(self) -> str:
        self.names += 1
        return f"f{self.names}"

    def bounds(self, most: int) -> list[int]:
        return [self.random.randint(1, 3) for _ in range(self.random.randint(0, most))]

    def scalar(self, indent: str) -> tuple[str, list[str]]:
        name, kind = self.name(), self.random.choice([*SCALARS, "enum shade", "enum may"])
        bounds = self.bounds(2)
        return (f"{indent}{kind} {name}{''.join(f'[{count}]' for count in bounds)};\n", all_of(name, bounds))

    def bits(self, indent: str) -> tuple[str, list[str]]:
        name, kind = self.name(), self.random.choice(["int", "unsigned", "long", "unsigned long", "unsigned short"])
        return f"{indent}{kind} {name} : {self.random.randint(1, SCALARS[kind])};\n", [name]

    def pointer(self, indent: str) -> tuple[str, list[str]]:
        name = self.name()
        target = f"struct type{self.random.randrange(TYPES)}"
        return f"{indent}{target} *{name};\n", [name]

    def earlier(self, indent: str) -> tuple[str, list[str]]:
        if not self.made:
            return self.bits(indent)
        name, number = self.name(), self.random.randrange(min(len(self.made), EARLIER))
        bounds = self.bounds(1)
        paths = [f"{place}.{path}" for place in all_of(name, bounds) for path in self.made[number]]
        shown = "".join(f"[{count}]" for count in bounds)
        return f"{indent}struct type{number} {name}{shown};\n", self.random.sample(paths, min(12, len(paths)))

    def group(self, indent: str, depth: int) -> tuple[str, list[str]]:
        """Anonymous, or a field whose type has no name."""
        text, paths = self.fields(indent + "    ", depth + 1)
        name = self.random.choice(["", self.name()])
        return (f"{indent}{self.random.choice(['struct', 'union'])} {{\n{text}{indent}}} {name};\n",
                [f"{name}.{path}" if name else path for path in paths])

    def fields(self, indent: str, depth: int) -> tuple[str, list[str]]:
        text, paths = "", []
        for _ in range(self.random.randint(1, FIELDS_MAX)):
            kinds = [self.scalar, self.bits, self.bits, self.pointer, self.earlier]
            choice = self.random.randrange(len(kinds) + (depth < DEPTH_MAX))
            more, found = self.group(indent, depth) if choice == len(kinds) else kinds[choice](indent)
            text += more
            paths += found
        return text, paths

    def type(self) -> str:
        text, paths = self.fields("    ", 0)
        self.made.append(paths)
        return f"struct type{len(self.made) - 1} {{\n{text}}};\n"


def all_of(name: str, bounds: list[int]) -> list[str]:
    places = [name]
    for count in bounds:
        places = [f"{place}[{i}]" for place in places for i in range(count)]
    return places


def source(generator: Generator) -> str:
    text = "".join(f"enum {kind} {{ {', '.join(f'{name} = {value}' for name, value in rows)} }};\n"
                   for kind, rows in (("shade", NAMES), ("may", FLAGS)))
    text += "".join(generator.type() for _ in range(TYPES))
    uses = "".join(f"struct type{i} *use{i};\n_Static_assert(sizeof(struct type{i}) <= {POOL_BYTES}, \"pool\");\n"
                   for i in range(TYPES))
    data = ",".join(str(generator.random.randrange(256)) for _ in range(POOL_BYTES))
    return f"{text}{uses}enum shade shade; enum may may;\nunsigned char pool[{POOL_BYTES}] = {{{data}}};\n"


def expressions(generator: Generator) -> list[str]:
    found = []
    for number, paths in enumerate(generator.made):
        found.append(f"sizeof(struct type{number})")
        found += [f"((struct type{number} *)$pool)->{path}" for path in paths]
    return found


def ask_gdb(elf: Path, asked: list[str]) -> list[str]:
    lines = ["set $pool = (unsigned long)&pool", "set max-value-size unlimited",
             *(f'printf "%lu\\n", (unsigned long)({expression})' for expression in asked)]
    script = elf.with_suffix(".gdb")
    script.write_text("\n".join(lines) + "\n")
    done = subprocess.run(["gdb", "-batch", "-nx", "-x", str(script), str(elf)], capture_output=True, text=True,
                          check=True)
    return done.stdout.split()


def main(folder: Path) -> None:
    generator = Generator(16)
    (folder / "types.c").write_text(source(generator))
    elf = folder / "types.elf"
    subprocess.run(["gcc", "-g", "-c", str(folder / "types.c"), "-o", str(folder / "types.o")], check=True)
    subprocess.run(["ld", "-Tdata=0x400000", "-e", "pool", "-o", str(elf), str(folder / "types.o")], check=True)
    btf.main([str(elf), str(folder / "types.btf")])
    subprocess.run(["objcopy", "-O", "binary", "-j", ".data", str(elf), str(folder / "pool.bin")], check=True)
    asked = expressions(generator)
    said = ask_gdb(elf, asked)
    assert len(said) == len(asked), "gdb did not answer each"
    (folder / "cases.txt").write_text("".join(f"{number} {text}\n" for number, text in zip(said, asked)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
