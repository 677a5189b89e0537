"""Reads base64 of gzip on standard input, unpacks it in three ways that must agree, writes the text."""

import base64
import gzip
import io
import sys
import zlib

packed = base64.b64decode(sys.stdin.read())
unpacker = zlib.decompressobj(wbits=31)
text = unpacker.decompress(packed) + unpacker.flush()
if not unpacker.eof:
    sys.exit("the member does not end")
if unpacker.unused_data:
    sys.exit("something stands behind the member")
if gzip.decompress(packed) != text:
    sys.exit("gzip reads something else than zlib")
# Byte by byte, as a slow connection brings it.
unpacker = zlib.decompressobj(wbits=31)
if b"".join(unpacker.decompress(packed[at : at + 1]) for at in range(len(packed))) != text:
    sys.exit("bytes that come one by one are read as something else")
sys.stdout.buffer.write(text)
