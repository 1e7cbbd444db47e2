// The Python program that asks the kernel which parts of files are in memory (mincore on a mapping that is never touched). Node has neither mmap nor
// mincore, util-linux's fincore counts pages without saying which, and Python is on every cloud's images, whose cloud-init is written in it.
//
// It is told paths, one a line in hexadecimal (they needn't be UTF-8), and answers each with a line: the file's size and the ranges in bytes that
// are in memory, or why they aren't known. The kernel tells the truth only about files that one owns or may write to.

export const residencyProgram = `
import ctypes, json, os, stat, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
PAGE = os.sysconf('SC_PAGESIZE')
WINDOW = 1 << 30
RANGES = int(sys.argv[1])

def resident(fd, size):
    ranges = []
    for at in range(0, size, WINDOW):
        length = min(WINDOW, size - at)
        address = libc.mmap(None, length, 1, 1, fd, at)
        if address is None or address == ctypes.c_void_p(-1).value:
            raise OSError(ctypes.get_errno(), 'mmap')
        try:
            pages = -(-length // PAGE)
            vector = ctypes.create_string_buffer(pages)
            if libc.mincore(address, length, vector) != 0:
                raise OSError(ctypes.get_errno(), 'mincore')
        finally:
            libc.munmap(address, length)
        flags = vector.raw[:pages].translate(bytes(b & 1 for b in range(256)))
        begin = flags.find(1)
        while begin >= 0:
            end = flags.find(0, begin)
            end = pages if end < 0 else end
            start, stop = at + begin * PAGE, min(at + end * PAGE, size)
            if ranges and ranges[-1][0] + ranges[-1][1] == start:
                ranges[-1][1] += stop - start
            else:
                ranges.append([start, stop - start])
            begin = flags.find(1, end)
    return ranges

def joined(ranges):
    gap = PAGE
    while len(ranges) > RANGES:
        gap *= 2
        kept = [ranges[0]]
        for start, length in ranges[1:]:
            last = kept[-1]
            if start - last[0] - last[1] <= gap:
                last[1] = start + length - last[0]
            else:
                kept.append([start, length])
        ranges = kept
    return ranges

def look(path):
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            return {'error': 'not a file'}
        if os.geteuid() not in (0, found.st_uid) and not os.access(path, os.W_OK):
            return {'error': 'the kernel tells only its owner, or who may write to it'}
        size = found.st_size
        return {'size': size, 'ranges': joined(resident(fd, size)) if size > 0 else []}
    finally:
        os.close(fd)

for line in sys.stdin:
    try:
        answer = look(bytes.fromhex(line))
    except OSError as error:
        answer = {'error': error.strerror or str(error)}
    sys.stdout.write(json.dumps(answer, separators=(',', ':')) + '\\n')
    sys.stdout.flush()
`
