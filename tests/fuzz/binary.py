"""The binary format of modules, as far as smith.py needs it: numbers, sections, exports."""

IMPORT, GLOBAL, EXPORT = 2, 6, 7  # ids of sections
FUNC_KIND, GLOBAL_KIND = 0, 3     # of what is imported or exported


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
