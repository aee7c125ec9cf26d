"""The binary format of modules, as far as random modules need it: numbers, sections, exports."""

TYPE, IMPORT, FUNCTION, GLOBAL, EXPORT, CODE = 1, 2, 3, 6, 7, 10  # ids of sections
FUNC_KIND, TABLE_KIND, MEMORY_KIND, GLOBAL_KIND = range(4)        # of what is imported or exported


def uleb(number):
    low = bytes([number & 0x7F | (0x80 if number > 0x7F else 0)])
    return low + uleb(number >> 7) if number > 0x7F else low


def sleb(number):
    if -64 <= number < 64:
        return bytes([number & 0x7F])
    return bytes([number & 0x7F | 0x80]) + sleb(number >> 7)


def vector(items):
    return uleb(len(items)) + b"".join(items)


def section(number, body):
    return bytes([number]) + uleb(len(body)) + body


def name(text):
    return uleb(len(text)) + text.encode()


def read_uleb(data, at):
    """The number, and where it ends."""
    number = shift = 0
    while True:
        byte, at = data[at], at + 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, at


def read_sections(module):
    at, found = 8, []
    while at < len(module):
        size, start = read_uleb(module, at + 1)
        found.append((module[at], module[start:start + size]))
        at = start + size
    return found


def skip_name(data, at):
    size, at = read_uleb(data, at)
    return at + size


def imported_globals(body):
    """Of a module that imports functions and globals only."""
    (count, at), globals_ = read_uleb(body, 0), 0
    for _ in range(count):
        at = skip_name(body, skip_name(body, at))
        kind, at = body[at], at + 1
        if kind == GLOBAL_KIND:
            globals_, at = globals_ + 1, at + 2  # its type and whether it can change
        else:
            assert kind == FUNC_KIND
            _, at = read_uleb(body, at)
    return globals_


def exported_globals(body):
    (count, at), found = read_uleb(body, 0), set()
    for _ in range(count):
        at = skip_name(body, at)
        kind = body[at]
        index, at = read_uleb(body, at + 1)
        if kind == GLOBAL_KIND:
            found.add(index)
    return found


def export_globals(module):
    """The module with all its globals exported. It has to have an export section.

    `wasm-tools smith` mixes the operands that it drops into globals, so that they hold what most
    instructions have computed; it adds these globals last and exports none of them.
    """
    sections = read_sections(module)
    by_id = dict(sections)
    count = imported_globals(by_id.get(IMPORT, b"\0")) + read_uleb(by_id.get(GLOBAL, b"\0"), 0)[0]
    missing = [i for i in range(count) if i not in exported_globals(by_id[EXPORT])]
    new = bytearray(module[:8])
    for number, body in sections:
        if number == EXPORT:
            have, at = read_uleb(body, 0)
            body = uleb(have + len(missing)) + body[at:]
            for i in missing:
                body += name(f"added global {i}") + bytes([GLOBAL_KIND]) + uleb(i)
        new += section(number, body)
    return bytes(new)


def exports(module):
    """Name, kind and index of each, in order."""
    body = dict(read_sections(module))[EXPORT]
    (count, at), found = read_uleb(body, 0), []
    for _ in range(count):
        size, start = read_uleb(body, at)
        kind = body[start + size]
        index, at = read_uleb(body, start + size + 1)
        found.append((body[start:start + size].decode(), kind, index))
    return found


def add_functions(module, functions):
    """The module with exported functions more: name, type and body of each. It imports nothing and has the
    sections of types, functions, exports and code."""
    sections = read_sections(module)
    by_id = dict(sections)
    first_type, first = (read_uleb(by_id[number], 0)[0] for number in (TYPE, FUNCTION))
    more = {
        TYPE: [kind for _, kind, _ in functions],
        FUNCTION: [uleb(first_type + i) for i in range(len(functions))],
        EXPORT: [name(called) + bytes([FUNC_KIND]) + uleb(first + i)
                 for i, (called, _, _) in enumerate(functions)],
        CODE: [uleb(len(body)) + body for _, _, body in functions],
    }
    new = bytearray(module[:8])
    for number, body in sections:
        if number in more:
            have, at = read_uleb(body, 0)
            body = uleb(have + len(functions)) + body[at:] + b"".join(more[number])
        new += section(number, body)
    return bytes(new)
