//! Gzip (RFC 1952) out of parts that were compressed before.

use bytes::Bytes;
use crc32fast::Hasher;
use flate2::{Compress, Compression, FlushCompress, Status};

use super::body::Chunks;

/// No name, no time, of no system in particular.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// A part that ends at a whole byte and refers to nothing before it, so that it can stand in any
/// stream, before whatever follows.
#[derive(Clone, Debug)]
pub(super) struct Deflated {
    bytes: Bytes,
    sum: Sum,
}

/// What the trailer tells of the text.
#[derive(Clone, Debug, Default)]
struct Sum {
    crc: Hasher,
    length: u64,
}

impl Sum {
    fn of(text: &[u8]) -> Self {
        let mut crc = Hasher::new();
        crc.update(text);
        Self { crc, length: text.len() as u64 }
    }

    fn add(&mut self, next: &Self) {
        self.crc.combine(&next.crc);
        self.length += next.length;
    }
}

impl Deflated {
    /// `text`, compressed well because it is sent often.
    pub(super) fn of(text: &[u8]) -> Self {
        let mut bytes = Vec::new();
        let mut compress = Compress::new(Compression::default(), false);
        write(&mut compress, text, FlushCompress::Sync, &mut bytes);
        bytes.shrink_to_fit();
        Self { bytes: bytes.into(), sum: Sum::of(text) }
    }
}

/// Makes gzip. It keeps the memory of the compressor, which costs more to set up than a small text
/// costs to compress; before it is needed there is none.
#[derive(Debug, Default)]
pub(super) struct Gzip(Option<Compress>);

impl Gzip {
    /// One gzip member that holds the text of `parts` and then `rest`, which is compressed in a
    /// hurry because it is sent for a second at most.
    pub(super) fn member<'a>(
        &mut self,
        parts: impl IntoIterator<Item = &'a Deflated>,
        rest: &[Bytes],
    ) -> Chunks {
        let mut chunks = vec![Bytes::from_static(&HEADER)];
        let mut sum = Sum::default();
        for part in parts {
            chunks.push(part.bytes.clone());
            sum.add(&part.sum);
        }
        let compress = self.0.get_or_insert_with(|| Compress::new(Compression::fast(), false));
        compress.reset();
        let mut end = Vec::new();
        for text in rest {
            write(compress, text, FlushCompress::None, &mut end);
            sum.add(&Sum::of(text));
        }
        write(compress, &[], FlushCompress::Finish, &mut end);
        end.extend(sum.crc.finalize().to_le_bytes());
        // Of a longer text the format wants the lower 32 bits.
        end.extend((sum.length as u32).to_le_bytes());
        chunks.push(end.into());
        Chunks::new(chunks)
    }
}

/// Compresses `text` onto `out`, and brings it to the state that `flush` asks for.
fn write(compress: &mut Compress, text: &[u8], flush: FlushCompress, out: &mut Vec<u8>) {
    let start = compress.total_in();
    loop {
        // An eighth is common; a little must be free in any case for a flush to end.
        out.reserve(text.len() / 8 + 64);
        let read = (compress.total_in() - start) as usize;
        let status =
            compress.compress_vec(&text[read..], out, flush).expect("compressing fails by misuse alone");
        let has_room = out.len() < out.capacity();
        let is_read = compress.total_in() - start == text.len() as u64;
        let is_done = match flush {
            FlushCompress::Finish => status == Status::StreamEnd,
            _ => is_read && has_room,
        };
        if is_done {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;
    use proptest::prelude::*;

    use super::*;

    /// What a reader of gzip finds, which must be one member and nothing behind it.
    fn read(chunks: &Chunks) -> Vec<u8> {
        let bytes = chunks.rest().concat();
        let mut decoder = GzDecoder::new(&bytes[..]);
        let mut text = Vec::new();
        decoder.read_to_end(&mut text).unwrap();
        assert_eq!(decoder.into_inner(), b"", "bytes behind the member");
        text
    }

    fn member(gzip: &mut Gzip, parts: &[&[u8]], rest: &[&[u8]]) -> Chunks {
        let parts: Vec<_> = parts.iter().map(|part| Deflated::of(part)).collect();
        let rest: Vec<_> = rest.iter().map(|text| Bytes::copy_from_slice(text)).collect();
        gzip.member(&parts, &rest)
    }

    #[test]
    fn parts_and_rest_are_one_member() {
        let mut gzip = Gzip::default();
        let chunks = member(&mut gzip, &[b"one ", b"", b"two "], &[b"three ", b"four"]);
        assert_eq!(read(&chunks), b"one two three four");
        assert_eq!(read(&member(&mut gzip, &[], &[])), b"");
        assert_eq!(read(&member(&mut gzip, &[b"only"], &[])), b"only");
    }

    #[test]
    fn a_part_stands_in_several_members_as_the_same_bytes() {
        let part = Deflated::of(b"part");
        let mut gzip = Gzip::default();
        let [first, second] = [&b"a"[..], b"b"].map(|rest| gzip.member([&part], &[Bytes::from_static(rest)]));
        assert_eq!(first.rest()[1].as_ptr(), second.rest()[1].as_ptr());
        assert_eq!((read(&first), read(&second)), (b"parta".to_vec(), b"partb".to_vec()));
    }

    #[test]
    fn what_does_not_compress_is_whole_too() {
        let mut random = fastrand::Rng::with_seed(7);
        let noise: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(300_000).collect();
        let chunks = member(&mut Gzip::default(), &[&noise, &noise], &[&noise]);
        assert_eq!(read(&chunks), [&noise[..], &noise, &noise].concat());
    }

    proptest! {
        #[test]
        fn any_parts_are_read_as_their_text(
            parts in prop::collection::vec("[ab\n]{0,3000}", 0..4),
            rest in prop::collection::vec("[ab\n]{0,3000}", 0..4),
        ) {
            let bytes = |texts: &[String]| texts.concat().into_bytes();
            let parts_of: Vec<_> = parts.iter().map(String::as_bytes).collect();
            let rest_of: Vec<_> = rest.iter().map(String::as_bytes).collect();
            let chunks = member(&mut Gzip::default(), &parts_of, &rest_of);
            prop_assert_eq!(read(&chunks), [bytes(&parts), bytes(&rest)].concat());
        }
    }
}
