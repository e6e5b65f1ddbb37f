"""Checksums at speed: CRC64 of OSS and TOS, CRC32C of S3, by libisal where it is there."""
import ctypes
import ctypes.util

MASK = (1 << 64) - 1


def _table(polynomial):
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (polynomial if byte & 1 else 0)
        table.append(byte)
    return table


def _slow(polynomial, ones):
    table = _table(polynomial)

    def crc(data):
        value = ones
        for byte in bytes(data):
            value = table[(value ^ byte) & 255] ^ value >> 8
        return value ^ ones
    return crc


slow_crc64 = _slow(0xC96C5795D7870F42, MASK)
slow_crc32c = _slow(0x82F63B78, 0xFFFFFFFF)


def pieces(data):
    """The same bytes, a few at a time."""
    view = memoryview(data)
    return (bytes(view[at:at + (8 << 20)]) for at in range(0, len(view), 8 << 20))


def _fast():
    for name in ("libisal.so.2", ctypes.util.find_library("isal")):
        try:
            library = ctypes.CDLL(name) if name else None
        except OSError:
            continue
        if library is None:
            continue
        library.crc64_ecma_refl.restype = ctypes.c_uint64
        library.crc64_ecma_refl.argtypes = [ctypes.c_uint64, ctypes.c_char_p, ctypes.c_uint64]
        library.crc32_iscsi.restype = ctypes.c_uint32
        library.crc32_iscsi.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_uint32]

        def fast64(data):
            value = 0
            for raw in pieces(data):
                value = library.crc64_ecma_refl(value, raw, len(raw))
            return value

        def fast32c(data):
            value = 0xFFFFFFFF
            for raw in pieces(data):
                value = library.crc32_iscsi(raw, len(raw), value)
            return value ^ 0xFFFFFFFF

        # The library's idea of the initial value has differed between functions: trust the answers.
        if fast64(b"123456789") == 0x995DC9BBDF1939FA and fast32c(b"123456789") == 0xE3069283:
            return fast64, fast32c
    return slow_crc64, slow_crc32c


crc64, crc32c = _fast()
