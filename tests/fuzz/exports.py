"""Exports the globals that `wasm-tools smith` adds while it makes code: it mixes the operands that it
drops into them, so that they hold what most instructions have computed.

It adds them last and exports none of them, so that those to export are the last of all globals.
"""

IMPORT, GLOBAL, EXPORT = 2, 6, 7  # ids of sections
FUNC_KIND, GLOBAL_KIND = 0, 3     # of what is imported or exported


def uleb(number):
    low = bytes([number & 0x7F | (0x80 if number > 0x7F else 0)])
    return low + uleb(number >> 7) if number > 0x7F else low


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


def imported_globals(section):
    """Of a module that imports functions and globals only."""
    (count, at), globals_ = read_uleb(section, 0), 0
    for _ in range(count):
        at = skip_name(section, skip_name(section, at))
        kind, at = section[at], at + 1
        if kind == GLOBAL_KIND:
            globals_, at = globals_ + 1, at + 2  # its type and whether it can change
        else:
            assert kind == FUNC_KIND
            _, at = read_uleb(section, at)
    return globals_


def exported_globals(section):
    (count, at), found = read_uleb(section, 0), set()
    for _ in range(count):
        at = skip_name(section, at)
        kind = section[at]
        index, at = read_uleb(section, at + 1)
        if kind == GLOBAL_KIND:
            found.add(index)
    return found


def export_globals(module):
    """The module with all its globals exported. It has to have an export section."""
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
                name = f"added global {i}".encode()
                body += uleb(len(name)) + name + bytes([GLOBAL_KIND]) + uleb(i)
        new += bytes([number]) + uleb(len(body)) + body
    return bytes(new)
