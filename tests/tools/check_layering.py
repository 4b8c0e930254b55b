#!/usr/bin/env python3
"""Refuses arrows that point the wrong way, between folders and between CMake targets.

    check_layering.py [ROOT]

Reads every #include of our sources and every link edge of our CMake files. Exit code 1 and one line per violation
(where, what, what is expected) when

- a top folder reaches one that it must not see (SEES), or past another's front door (FRONT_DOORS);
- a part sees something that is forbidden to it in particular (FORBIDDEN), such as the planner's lower parts a search;
- LibTorch is included or linked outside TORCH_FOLDERS, or reached by a program of NO_TORCH_PROGRAMS;
- a target depends on one of the same or a higher LAYER;
- a file includes a folder on which its own target has no dependency path;
- a path of ours is not written from the root, which would hide it from the rules above.

An arrow that is wanted is added to the tables here, with its reason, in the change that needs it.
"""

import dataclasses
import pathlib
import re
import sys

# Which top folders the sources and targets of a top folder may see. Tests see all.
SEES = {
    "proto": {"proto"},
    "base": {"base"},
    "agent": {"agent", "base", "proto"},
    "simulator": {"simulator", "base", "proto"},
    "planner": {"planner", "agent", "simulator", "base", "proto"},
    "server": {"server", "planner", "base", "proto"},
}

# (from, to): the folders of `to` whose files `from` may see, not counting their subfolders.
FRONT_DOORS = {
    ("server", "planner"): {"planner"},
    ("planner", "agent"): {"agent", "agent/core", "agent/sequence"},
    ("planner", "simulator"): {"simulator", "simulator/cluster", "simulator/pipeline", "simulator/compute", "simulator/memory",
                               "simulator/timeline"},
}

# (from, to): arrows allowed all the same, folder by folder.
EXCEPTIONS = {
    # A request's cluster is validated before the job is acknowledged.
    ("server/api", "simulator/cluster"),
    # The command line reads cluster files and presets before it starts a worker or calls a server.
    ("server/cli", "simulator/cluster"),
    # A network that was trained offline is kept, shipped and asked as plain numbers.
    ("planner/search", "agent/rainbow"),
}

# Seam headers that may be included without a link to a target, as only their types are used.
SEAM_HEADERS = {
    # Values without code; every part of the simulator reads them, its front door stands above those parts.
    "simulator/program.h",
    # Functions come to the worker as values, so that only automap-worker links the planner (and LibTorch with it).
    "planner/plan_module.h",
    # Names alone, by which the server judges requests.
    "planner/strategy_names.h",
    # The library that has LibTorch is loaded by the part that it serves, and cannot link it.
    "agent/rainbow/gradient_step.h",
}

# Folder (with its subfolders): path prefixes that it must not include or link.
_ABOVE_PROPAGATION = ("agent/", "simulator/", "planner/explore/")
FORBIDDEN = {
    "agent": ("xla/",),
    "simulator": ("xla/",),
    "server": ("xla/",),
    "planner/hlo": _ABOVE_PROPAGATION,
    "planner/graph": _ABOVE_PROPAGATION,
    "planner/rules": _ABOVE_PROPAGATION,
    "planner/propagation": _ABOVE_PROPAGATION,
}

TORCH_FOLDERS = {"agent/rainbow/torch"}
TORCH_PREFIXES = ("torch/", "ATen/", "c10/", "caffe2/")
TORCH_LIBRARY = re.compile(r"torch|^c10", re.IGNORECASE)
# A target without code that stands for LibTorch itself.
TORCH_TARGET = "automap_torch"
NO_TORCH_PROGRAMS = {"automapd", "automap", "automap-worker"}

# Generated headers: path prefix and the target that makes them; the first match counts.
GENERATED = (
    ("xla/", "automap_proto_xla"),
    ("automap/v1/planner.", "automap_proto_services"),
    ("automap/v1/modules.", "automap_proto_services"),
    ("automap/", "automap_proto"),
    ("google/rpc/", "automap_proto"),
)

_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')
_COMMAND = re.compile(r"(\w+)\s*\(([^()]*)\)")
_KEYWORDS = {"LAYER", "NAME", "DEPS", "SOURCES", "PUBLIC", "PRIVATE", "INTERFACE", "STATIC", "OBJECT", "MODULE"}


@dataclasses.dataclass
class Target:
    """One CMake target of ours: a part or a program."""

    name: str
    folder: str
    where: str
    layer: int = 0  # 0: none, as for messages and programs.
    sources: frozenset = frozenset()  # File names; empty: all of the folder.
    deps: set = dataclasses.field(default_factory=set)


def top(path):
    return path.split("/")[0]


def under(folder, parent):
    return folder == parent or folder.startswith(parent + "/")


def arguments(text):
    """The words of a CMake command by keyword; those before any keyword under ''."""
    words = {"": []}
    keyword = ""
    for word in text.split():
        if word in _KEYWORDS:
            keyword = word
            words.setdefault(keyword, [])
        else:
            words[keyword].append(word.strip('"'))
    return words


def read_library(words, where):
    folder = words[""][0]
    name = "automap_" + words.get("NAME", [folder.replace("/", "_")])[0]
    return Target(name, folder, where, int(words["LAYER"][0]), frozenset(words.get("SOURCES", ())),
                  set(words.get("DEPS", ())))


def read_program(words, where):
    name, *sources = words[""]
    own = [source for source in sources if "/" in source and not source.startswith("$")]
    folder = own[0].rsplit("/", 1)[0] if own else where.rsplit("/", 1)[0]
    return Target(name, folder, where, 0, frozenset(source.rsplit("/", 1)[-1] for source in own))


def read_plain_library(words, where):
    own = [word for list_ in words.values() for word in list_ if "/" in word and not word.startswith("$")]
    folder = own[0].rsplit("/", 1)[0] if own else where.rsplit("/", 1)[0]
    return Target(words[""][0], folder, where, 0, frozenset(), set(words.get("DEPS", ())))


_READERS = {"automap_library": read_library, "add_executable": read_program,
            "automap_proto_library": read_plain_library, "add_library": read_plain_library}


def read_targets(root):
    """Targets by name, from the CMake files of the folders in SEES; link lines are merged into their target."""
    targets = {}
    links = []
    files = [file for folder in SEES for pattern in ("*.cmake", "CMakeLists.txt")
             for file in sorted((root / folder).rglob(pattern))]
    for file in files:
        where = file.relative_to(root).as_posix()
        text = re.sub(r"#.*", "", file.read_text())
        for command, body in _COMMAND.findall(text):
            words = arguments(body)
            if command == "target_link_libraries":
                links.append((words[""][0], {word for list_ in words.values() for word in list_}))
            elif command in _READERS and words[""] and "${" not in words[""][0]:
                target = _READERS[command](words, where)
                targets[target.name] = target
    for name, deps in links:
        if name in targets:
            targets[name].deps |= deps - {name}
    return targets


def reachable(targets, names):
    """`names` and every target of ours behind them."""
    seen = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name in targets and name not in seen:
            seen.add(name)
            todo.extend(targets[name].deps)
    return seen


def owners(targets, path):
    """Names of the targets that a file belongs to: those that list it, else those that take the whole folder."""
    folder, file = path.rsplit("/", 1)
    stem = file.rsplit(".", 1)[0] + "."
    here = [target for target in targets.values() if target.folder == folder]
    listing = [target for target in here if any(source.startswith(stem) for source in target.sources)]
    whole = [target for target in here if not target.sources]
    return {target.name for target in listing or whole or here}


def folder_violation(origin, folder, path):
    """Why `origin` (a folder) must not see `path` in `folder`, or None."""
    for part, prefixes in FORBIDDEN.items():
        for prefix in prefixes:
            if under(origin, part) and path.startswith(prefix):
                return f"{part} must not see {prefix}"
    if (origin, folder) in EXCEPTIONS:
        return None
    if top(folder) not in SEES[top(origin)]:
        return f"{top(origin)} sees only {', '.join(sorted(SEES[top(origin)]))}"
    doors = FRONT_DOORS.get((top(origin), top(folder)))
    if doors is not None and folder not in doors:
        return f"{top(origin)} sees of {top(folder)} only {', '.join(sorted(doors))}"
    return None


def check_targets(targets):
    """Violations among link edges."""
    for target in targets.values():
        for dep in sorted(target.deps):
            edge = f"{target.where}: {target.name} -> {dep}"
            if TORCH_LIBRARY.search(dep) and target.folder not in TORCH_FOLDERS and target.name != TORCH_TARGET:
                yield f"{edge}: LibTorch is linked in {', '.join(sorted(TORCH_FOLDERS))} only"
            if dep not in targets:
                continue
            other = targets[dep]
            linked = "xla/" if dep == "automap_proto_xla" else other.folder + "/"
            if why := folder_violation(target.folder, other.folder, linked):
                yield f"{edge}: {why}"
            if target.layer and other.layer and other.layer >= target.layer:
                yield f"{edge}: layer {other.layer} is not below layer {target.layer}"
        if target.name in NO_TORCH_PROGRAMS:
            for name in sorted(reachable(targets, [target.name])):
                if targets[name].folder in TORCH_FOLDERS:
                    yield f"{target.where}: {target.name} reaches {name}: this program must do without LibTorch"


def read_includes(file):
    """(line number, quoted or not, path) of every #include."""
    for number, line in enumerate(file.read_text().splitlines(), 1):
        if match := _INCLUDE.match(line):
            yield number, match[1] == '"', match[2]


def included_target(targets, root, path):
    """(folder, names of the targets that provide it) of an included path of ours; (None, None) of others."""
    for prefix, target in GENERATED:
        if path.startswith(prefix):
            return "proto", {target}
    if top(path) in SEES and "/" in path and (root / path).is_file():
        return path.rsplit("/", 1)[0], owners(targets, path)
    return None, None


def check_include(targets, root, source, path, quoted):
    """Violations of one #include of the file `source` (a path from the root)."""
    origin = source.rsplit("/", 1)[0]
    if path.startswith(TORCH_PREFIXES) and origin not in TORCH_FOLDERS:
        yield f"LibTorch is included under {', '.join(sorted(TORCH_FOLDERS))} only"
    folder, providers = included_target(targets, root, path)
    if folder is None:
        if quoted and (root / origin / path).is_file():
            yield "a path of ours is written from the root"
        return
    if top(origin) == "tests":
        return
    if why := folder_violation(origin, folder, path):
        yield why
        return
    mine = owners(targets, source)
    if not mine:
        yield f"no target compiles {origin}"
    elif path not in SEAM_HEADERS and not providers & reachable(targets, mine):
        yield f"{' or '.join(sorted(mine))} does not link {' or '.join(sorted(providers)) or folder}"


def source_files(root):
    for folder in (*SEES, "tests"):
        for pattern in ("*.h", "*.cc"):
            yield from sorted((root / folder).rglob(pattern))


def check(root):
    """(violations, number of includes read, number of targets)."""
    targets = read_targets(root)
    violations = list(check_targets(targets))
    count = 0
    for file in source_files(root):
        source = file.relative_to(root).as_posix()
        for number, quoted, path in read_includes(file):
            count += 1
            for why in check_include(targets, root, source, path, quoted):
                violations.append(f"{source}:{number}: includes {path}: {why}")
    return violations, count, len(targets)


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]).resolve()
    violations, includes, targets = check(root)
    for violation in violations:
        print(violation)
    print(f"check_layering: {includes} includes and {targets} targets read, {len(violations)} arrows turned")
    if includes == 0 or targets == 0:
        print(f"check_layering: {root} holds no sources or no targets of ours")
        return 1
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
