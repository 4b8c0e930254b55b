"""What is alive in a module that XLA compiled for a CPU, by its own schedule, live ranges and buffer sizes (its dump).

Three things make its fullest moment differ from what a device needs at least:

  own      values that only the CPU backend makes: indices of window operations, 32-bit copies of 16-bit arrays, copies
           in another layout
  waiting  values whose remaining readers could all run at that moment already, copies on the way included, less what
           those readers write: an order for little memory runs them. Each value alone, so their sum is the most that
           another order may save
  remade   values that are worked out again inside a copy that a convolution or product reads, from values that were
           there before: as if kept from then on, which a device that reads its convolutions' inputs from memory does
"""

import collections
import re

MADE_BY_COPYING = {"copy", "transpose", "bitcast"}
ARITHMETIC = {"add", "subtract", "multiply", "divide", "maximum", "minimum", "select", "compare", "rsqrt"}
TRIVIAL = {"parameter", "constant"}

Instruction = collections.namedtuple("Instruction", "name shape opcode operands calls")


def words_of(name):
    return set(re.split(r"[^a-z]+", name.split("{")[0]))


def kind_of(name, shape):
    """Whether only the CPU backend makes such a value, and what it is."""
    words = words_of(name)
    if "iota" in words or {"reduce", "window"} <= words:
        return "indices of windows"
    if "convert" in words and shape.startswith("f32"):
        return "32-bit copies of 16-bit arrays"
    if {"copy", "transpose"} & words:
        return "copies in another layout"
    return None


def bytes_of(shape):
    total = 0
    for kind, dims in re.findall(r"([a-z]+\d*)\[([\d,]*)\]", shape):
        width = re.search(r"\d+", kind)
        size = 1 if kind == "pred" or width is None else int(width.group()) // 8
        for dim in filter(None, dims.split(",")):
            size *= int(dim)
        total += size
    return total


def temporary_values(assignment):
    """Size and shape of the values that XLA puts into its temporary memory, by name."""
    values, is_temporary = {}, False
    for line in assignment.splitlines():
        if line.startswith("allocation "):
            is_temporary = "preallocated-temp" in line
        found = re.match(r" value: <\d+ (.+?) @\d+> \(size=(\d+),offset=\d+\): (.*)", line)
        if found and is_temporary:
            name, size, shape = found.groups()
            values[name if "{" in name else name + "{}"] = (int(size), shape)
    return values


def computations_of(text):
    """Instructions by computation, in the order of the schedule; the entry's name."""
    computations, current, entry = {}, None, None
    for line in text.splitlines():
        head = re.match(r"^(ENTRY )?%?([\w.\-]+) \(.*\{$", line)
        if head:
            current = head.group(2)
            computations[current] = []
            entry = current if head.group(1) else entry
            continue
        found = re.match(r"^\s+(?:ROOT )?%?([\w.\-]+) = (\(.*?\)|\S+) ([\w\-]+)\((.*?)\)(?:, .*)?$", line)
        if found and current:
            name, shape, opcode, operands = found.groups()
            calls = re.search(r"calls=%([\w.\-]+)", line)
            computations[current].append(
                Instruction(name, shape, opcode, re.findall(r"%([\w.\-]+)", operands), calls and calls.group(1)))
    return computations, entry


def fullest(intervals):
    """The most bytes that are alive at once, and when; intervals are (first, last, bytes)."""
    change = collections.Counter()
    for first, last, size in intervals:
        change[first] += size
        change[last + 1] -= size
    live = most = moment = 0
    for time in sorted(change):
        live += change[time]
        if live > most:
            most, moment = live, time
    return most, moment


class Liveness:
    def __init__(self, folder):
        self.values = temporary_values(next(folder.glob("*buffer-assignment.txt")).read_text())
        ranges = next(folder.glob("*live-range.txt")).read_text().partition("BufferLiveRange:")[2]
        self.alive = {name: (int(first), max(int(first), int(last)))
                      for name, first, last in re.findall(r"^\s+(.+):(\d+)-(\d+)$", ranges, re.MULTILINE)
                      if name in self.values}
        self.kinds = {name: kind_of(name, self.values[name][1]) for name in self.alive}
        self.computations, entry = computations_of(next(folder.glob("*after_optimizations.txt")).read_text())
        self.entry = self.computations[entry]
        self.place = {instruction.name: place for place, instruction in enumerate(self.entry)}
        self.users = collections.defaultdict(list)
        for instruction in self.entry:
            for operand in instruction.operands:
                self.users[operand].append(instruction.name)
        self.times = self.times_of_places()

    def times_of_places(self):
        defined = {name.split("{")[0]: first for name, (first, _) in self.alive.items()}
        times, time = [], 0
        for instruction in self.entry:
            time = max(time, defined.get(instruction.name, time))
            times.append(time)
        return times

    def intervals(self, of_device):
        return [(first, last, self.values[name][0]) for name, (first, last) in self.alive.items()
                if not (of_device and self.kinds[name])]

    def most(self):
        return fullest(self.intervals(False))[0]

    def own(self):
        """Bytes by kind at the fullest moment of what only the CPU backend makes."""
        moment = fullest(self.intervals(False))[1]
        sizes = collections.Counter()
        for name, (first, last) in self.alive.items():
            if first <= moment <= last and self.kinds[name]:
                sizes[self.kinds[name]] += self.values[name][0]
        return sizes

    def without_own(self):
        return fullest(self.intervals(True))[0]

    def copies(self, instruction):
        return instruction.opcode in MADE_BY_COPYING | {"get-tuple-element"} or (
            instruction.opcode == "fusion" and bool(MADE_BY_COPYING & words_of(instruction.name)))

    def ready(self, name, place, depth=3):
        """When an operand could be there, given what runs up to `place`: its place, or None."""
        instruction = self.entry[self.place[name]]
        if self.place[name] <= place or instruction.opcode in TRIVIAL:
            return True
        return depth > 0 and self.copies(instruction) and all(
            self.ready(operand, place, depth - 1) for operand in instruction.operands)

    def readers_after(self, name, place):
        """Remaining readers of a value, through copies."""
        todo, seen, readers = [name], set(), []
        while todo:
            for user in self.users[todo.pop()]:
                if user in seen:
                    continue
                seen.add(user)
                if self.copies(self.entry[self.place[user]]):
                    todo.append(user)
                elif self.place[user] > place:
                    readers.append(user)
        return readers

    def waiting(self):
        """Bytes by operation, at the fullest moment without `own`."""
        moment = fullest(self.intervals(True))[1]
        place = max((at for at, time in enumerate(self.times) if time <= moment), default=0)
        sizes = collections.Counter()
        for name, (first, last) in self.alive.items():
            if self.kinds[name] or not first <= moment <= last:
                continue
            readers = self.readers_after(name.split("{")[0], place)
            could_run = all(self.ready(operand, place) for reader in readers
                            for operand in self.entry[self.place[reader]].operands)
            saved = self.values[name][0] - sum(bytes_of(self.entry[self.place[reader]].shape) for reader in readers)
            if readers and could_run and saved > 0:
                sizes[re.sub(r"[.\d]*\{.*", "", name)] += saved
        return sizes

    def with_remade(self):
        """Bytes at the fullest moment without `own`, if nothing were worked out again in copies."""
        remade = []
        for place, instruction in enumerate(self.entry):
            if instruction.opcode != "fusion" or not {"copy", "transpose"} & words_of(instruction.name):
                continue
            inside = {inner.opcode for inner in self.computations.get(instruction.calls, [])}
            if inside & ARITHMETIC:
                since = max((self.place[operand] for operand in instruction.operands
                             if self.entry[self.place[operand]].opcode not in TRIVIAL), default=place)
                remade.append((self.times[since], self.times[place], bytes_of(instruction.shape)))
        return fullest(self.intervals(True) + remade)[0]
