#!/usr/bin/env python3
"""Checks lengths (500 lines a file, 800 a test, 70 a function) and words that may not stay in the repository."""
import pathlib
import re
import subprocess
import sys

FILE_MOST, TEST_MOST, FUNCTION_MOST = 500, 800, 70
# Written in pieces, so that this file does not accuse itself.
WORDS = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"]) + r")\b")
CODE = (".hpp", ".cpp", ".cu")
TEXT = CODE + (".py", ".proto", ".cmake", ".txt", ".yaml", ".md", ".json", ".html", ".js", ".ts", ".css")
OPENS_NO_FUNCTION = re.compile(r"^\s*(namespace|class|struct|union|enum|extern|typedef|using|template\s*<[^()]*>\s*(class|struct))\b")


def without_noise(text):
    """Comments, strings and characters blanked, line breaks kept."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.S)
    return pattern.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def functions_of(text):
    """(first line, lines) of each outermost brace block that follows a ')' and opens no type or namespace."""
    clean = re.sub(r"^\s*#[^\n]*(?:\\\n[^\n]*)*", lambda found: re.sub(r"[^\n]", " ", found[0]), without_noise(text), flags=re.M)
    stack, head = [], 0
    for at, char in enumerate(clean):
        if char == "{":
            before = clean[head:at]
            inside_function = any(kind for kind, _ in stack)
            last = before.strip().rsplit("\n\n", 1)[-1]
            is_function = not inside_function and "(" in last and not OPENS_NO_FUNCTION.match(last)
            stack.append((is_function, head + len(before) - len(before.lstrip())))
            head = at + 1
        elif char == "}":
            if stack:
                kind, start = stack.pop()
                if kind:
                    first = clean.count("\n", 0, start) + 1
                    yield first, clean.count("\n", 0, at) + 1 - first + 1
            head = at + 1
        elif char == ";":
            head = at + 1


def faults_of(name, text):
    lines = text.count("\n") + 1
    most = TEST_MOST if name.startswith(("tests/", "bench/")) else FILE_MOST
    if name.endswith(CODE + (".py", ".proto")) and lines > most:
        yield f"{name}: {lines} lines, {most} is the most"
    for match in WORDS.finditer(text):
        yield f"{name}:{text.count(chr(10), 0, match.start()) + 1}: '{match[0]}' stays out of the repository; do it, or write it into docs/roadmap.md"
    if name.endswith(CODE):
        for first, length in functions_of(text):
            if length > FUNCTION_MOST:
                yield f"{name}:{first}: a function of {length} lines, {FUNCTION_MOST} is the most"


def main():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], capture_output=True, text=True, check=True)
    names = [name for name in listed.stdout.splitlines() if pathlib.Path(name).is_file()
             and (name.endswith(TEXT) or name.startswith(("scripts/", ".ci/")))]
    faults = []
    for name in names:
        faults += faults_of(name, pathlib.Path(name).read_text(errors="replace"))
    for fault in faults:
        print(fault)
    print(f"check:   sizes and words: {len(names)} files, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
